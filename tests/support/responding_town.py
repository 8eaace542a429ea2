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
FEEDERS = ("SFA-F01", "SFA-F02")
REGION = "Sfax"
_FIRST_HOUSE = 2001


@dataclass(frozen=True)
class LiveTown:
    """What is in its files."""

    path: Path
    premises: Path
    power_w: dict[str, tuple[Ints, Floats]]
    """By appliance: event times in ms, and the power in the files."""
    appliance: dict[str, str]
    """Class of each appliance."""

    def would_w(self, appliance_id: str, time_ms: int) -> float:
        """The power in the files at the instant of a reading."""
        times, power_w = self.power_w[appliance_id]
        place = int(np.searchsorted(times, time_ms))
        assert times[place] == time_ms
        return float(power_w[place])


def write_live_town(folder: Path, houses: int, *, now_s: int, before_s: int, after_s: int, seed: int = 1) -> LiveTown:
    """Write houses in REDD's layout from ``before_s`` before now to ``after_s`` after it.

    What lies on the next day is dated today: ``--align today`` plays the last day again as tomorrow.
    """
    midnight_s = now_s // DAY_S * DAY_S
    instants = np.arange((now_s - before_s) // STEP_S * STEP_S, now_s + after_s, STEP_S, dtype=np.int64)
    dated = np.where(instants >= midnight_s + DAY_S, instants - DAY_S, instants)
    order = np.argsort(dated, kind="stable")
    power_w: dict[str, tuple[Ints, Floats]] = {}
    classes: dict[str, str] = {}
    for number in range(houses):
        house = plan_house("redd", number, seed=seed, start_s=midnight_s - DAY_S, days=3)
        name = _FIRST_HOUSE + number
        columns = _columns(house, instants)
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
    premises.write_text("house_id,region,feeder\n" + "".join(f",{REGION},{feeder}\n" for feeder in FEEDERS))
    return LiveTown(folder, premises, power_w, classes)


def _columns(house: MeteredHouse, instants: Ints) -> Floats:
    """Mains and circuits, shape (n, circuits + 2), W."""
    circuits = house.measure(instants.astype(np.float64))
    return np.column_stack((mains(circuits, house.rng), np.rint(circuits)))
