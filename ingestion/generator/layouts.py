"""Reads ``layouts.csv``: which circuits and plugs a house has, modelled on the houses of the real data sets."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from importlib import resources

import numpy as np

from ingestion.generator import kitchen, laundry, sessions, thermal
from ingestion.generator.occupancy import Occupancy
from ingestion.generator.trace import LoadTrace

Load = Callable[[Occupancy, np.random.Generator], LoadTrace]


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """One channel or plug."""

    label: str
    """As the data set writes it, typos included."""
    load: str
    """Circuits of one house that name the same load share it."""
    share: float
    """The part of the load's power that flows through this circuit."""


LOADS: dict[str, Load] = {
    "fridge": thermal.fridge,
    "freezer": thermal.freezer,
    "air_conditioning": thermal.air_conditioning,
    "electric_heat": thermal.electric_heat,
    "furnace": thermal.furnace,
    "kettle": kitchen.kettle,
    "microwave": kitchen.microwave,
    "oven": kitchen.oven,
    "stove": kitchen.stove,
    "hob": partial(kitchen.stove, appliance="hob"),
    "toaster": kitchen.toaster,
    "coffee_machine": kitchen.coffee_machine,
    "disposal": kitchen.disposal,
    "dishwasher": kitchen.dishwasher,
    "washing_machine": laundry.washing_machine,
    "washer": laundry.washer,
    "dryer": laundry.dryer,
    "dryer_leg": partial(laundry.dryer, appliance="washer_dryer"),
    "iron": laundry.iron,
    "vacuum_cleaner": laundry.vacuum_cleaner,
    "hair_dryer": laundry.hair_dryer,
    "bathroom_gfi": partial(laundry.hair_dryer, appliance="bathroom_gfi"),
    "lighting": sessions.lighting,
    "tv": sessions.tv,
    "computer": sessions.computer,
    "radio": sessions.radio,
    "electronics": sessions.electronics,
    "outlets": sessions.outlets,
    "kitchen_outlets": partial(sessions.outlets, appliance="kitchen_outlets"),
    "outdoor_outlets": partial(sessions.outlets, appliance="outdoor_outlets"),
    "miscellaneous": partial(sessions.outlets, appliance="miscellaneous"),
    "router": partial(sessions.always_on, appliance="router", low_w=6.0, high_w=9.0),
    "smoke_alarms": partial(sessions.always_on, appliance="smoke_alarms", low_w=1.0, high_w=1.4),
}


def load_of(name: str) -> Load:
    """The load by its name; ``lighting 2`` is another one of the kind ``lighting``."""
    return LOADS[name.partition(" ")[0]]


@cache
def layouts(dataset: str) -> tuple[tuple[Circuit, ...], ...]:
    """The kinds of houses of a data set, without the mains."""
    houses: dict[str, list[Circuit]] = {}
    text = resources.files("ingestion.generator").joinpath("layouts.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(text.splitlines()):
        if row["dataset"] == dataset:
            circuit = Circuit(label=row["label"], load=row["load"], share=float(row["share"]))
            houses.setdefault(row["house"], []).append(circuit)
    return tuple(tuple(circuits) for circuits in houses.values())


CORRECT = {
    "dishwaser": "dishwasher",
    "furance": "furnace",
    "miscellaeneous": "miscellaneous",
    "fride w/ freezer": "fridge w/ freezer",
    "ktichen lamp": "kitchen lamp",
    "dryier": "dryer",
}
"""What the typos mean: without defects labels are spelled right."""
