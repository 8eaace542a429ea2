"""Generates one house: its loads over time, and its circuits as they are measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridflex.domain.readings import Floats
from ingestion.generator.layouts import CORRECT, Circuit, layouts, load_of
from ingestion.generator.occupancy import make_occupancy
from ingestion.generator.trace import LoadTrace


@dataclass(frozen=True, slots=True, kw_only=True)
class MeteredHouse:
    """A generated house with its loads over all its days."""

    dataset: str
    number: int
    circuits: tuple[Circuit, ...]
    traces: tuple[LoadTrace, ...]
    """One per circuit."""
    rng: np.random.Generator
    """For what happens while it is measured."""

    def measure(self, instants: Floats) -> Floats:
        """Power of each circuit, shape (n, circuits), W. Draws noise: call it once for each day, in order."""
        columns = [
            np.abs(trace.power(instants, self.rng, circuit.share))
            for circuit, trace in zip(self.circuits, self.traces, strict=True)
        ]
        return np.column_stack(columns)

    def labels(self, *, typos: bool) -> list[str]:
        """The circuits' labels."""
        return [circuit.label if typos else CORRECT.get(circuit.label, circuit.label) for circuit in self.circuits]


def plan_house(dataset: str, number: int, *, seed: int, start_s: int, days: int) -> MeteredHouse:
    """Plan a house; the same arguments give the same house, whatever other houses there are. ``number`` from 0."""
    kinds = layouts(dataset)
    circuits = kinds[number % len(kinds)]
    names = list(dict.fromkeys(circuit.load for circuit in circuits))
    occupancy_seed, measure_seed, *load_seeds = np.random.SeedSequence((seed, number)).spawn(2 + len(names))
    occupancy = make_occupancy(np.random.default_rng(occupancy_seed), start_s=start_s, days=days)
    plans = {
        name: load_of(name)(occupancy, np.random.default_rng(load_seed))
        for name, load_seed in zip(names, load_seeds, strict=True)
    }
    return MeteredHouse(
        dataset=dataset,
        number=number,
        circuits=circuits,
        traces=tuple(plans[circuit.load] for circuit in circuits),
        rng=np.random.default_rng(measure_seed),
    )
