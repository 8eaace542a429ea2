"""A town of generated houses that are read every ten seconds, some time before and after the present."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gridflex.contracts.appliances import appliance_class
from gridflex.domain.readings import Floats, Ints
from ingestion.generator.house import MeteredHouse, plan_house
from ingestion.generator.occupancy import DAY_S
from ingestion.generator.redd_files import FIRST_CHANNEL, mains

STEP_S = 10
FEEDERS = ("SFA-F11", "SFA-F12")
"""No house of another test is there, which would count as silent."""
REGION = "Sfax"
_FIRST_HOUSE = 2001


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where and when houses are: those of two sites have nothing in common."""

    region: str = REGION
    feeders: tuple[str, ...] = FEEDERS
    first_house: int = _FIRST_HOUSE
    clock_s: int | None = None
    """What the houses' own clocks say at the present, UTC epoch, so that they do the same at whatever hour a test
    runs; ``None``: the present."""


HERE = Site()


@dataclass(frozen=True)
class LiveTown:
    """What is in its files."""

    path: Path
    premises: Path
    power_w: dict[str, tuple[Ints, Floats]]
    """By appliance: event times in ms, and the power in the files."""
    appliance: dict[str, str]
    """Class of each appliance."""
    site: Site

    def would_w(self, appliance_id: str, time_ms: int) -> float:
        """The power in the files at the instant of a reading."""
        times, power_w = self.power_w[appliance_id]
        place = int(np.searchsorted(times, time_ms))
        assert times[place] == time_ms
        return float(power_w[place])


def write_live_town(
    folder: Path, houses: int, *, now_s: int, before_s: int, after_s: int, site: Site = HERE, seed: int = 1
) -> LiveTown:
    """Write houses in REDD's layout from ``before_s`` before now to ``after_s`` after it.

    What lies on the next day is dated today: ``--align today`` plays the last day again as tomorrow.
    """
    midnight_s = now_s // DAY_S * DAY_S
    clock_s = now_s if site.clock_s is None else site.clock_s
    instants = np.arange((now_s - before_s) // STEP_S * STEP_S, now_s + after_s, STEP_S, dtype=np.int64)
    dated = np.where(instants >= midnight_s + DAY_S, instants - DAY_S, instants)
    order = np.argsort(dated, kind="stable")
    power_w: dict[str, tuple[Ints, Floats]] = {}
    classes: dict[str, str] = {}
    for number in range(houses):
        house = plan_house("redd", number, seed=seed, start_s=(clock_s // DAY_S - 1) * DAY_S, days=3)
        name = site.first_house + number
        columns = _columns(house, instants + (clock_s - now_s))
        labels = ["mains"] * (FIRST_CHANNEL - 1) + house.labels(typos=False)
        target = folder / "low_freq" / f"house_{name}"
        target.mkdir(parents=True)
        (target / "labels.dat").write_text("".join(f"{n} {label}\n" for n, label in enumerate(labels, start=1)))
        for channel, label in enumerate(labels, start=1):
            own_w = columns[:, channel - 1]
            lines = [f"{dated[row]} {own_w[row]:.2f}\n" for row in order.tolist()]
            (target / f"channel_{channel}.dat").write_text("".join(lines))
            appliance_id = f"redd-{name}-0-{channel}"
            power_w[appliance_id] = instants * 1000, np.round(own_w, 2)
            classes[appliance_id] = appliance_class("redd", label)
    premises = folder / "premises.csv"
    premises.write_text("house_id,region,feeder\n" + "".join(f",{site.region},{one}\n" for one in site.feeders))
    return LiveTown(folder, premises, power_w, classes, site)


def _columns(house: MeteredHouse, instants: Ints) -> Floats:
    """Mains and circuits, shape (n, circuits + 2), W."""
    circuits = house.measure(instants.astype(np.float64))
    return np.column_stack((mains(circuits, house.rng), np.rint(circuits)))
