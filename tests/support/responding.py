"""Houses that respond, and commands to them, without servers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from gridflex.domain.curtailment import Command, CommandAction, cohort_of
from gridflex.domain.enrolment import Participation
from gridflex.domain.readings import Floats
from ingestion.responding.accepted_commands import Answer
from ingestion.responding.appliances import Appliance
from ingestion.responding.behaviour import Behaviour
from ingestion.responding.houses import Houses

MIN_MS = 60_000
START_MS = 1_700_000_100_000
"""A whole interval of five minutes."""
STEP_S = 10
HOUSE = "redd-1-0"


def appliances(*classes: str, house: str = HOUSE) -> list[Appliance]:
    """One of each class, all in one house."""
    return [
        Appliance(dataset="redd", region="Sfax", feeder="SFA-F01", house_id=house,
                  appliance_id=f"{house}-{place}", appliance=name)
        for place, name in enumerate(classes)
    ]  # fmt: skip


def command(appliance: str, start_min: float, end_min: float, **changes: Any) -> Command:
    """To the group of the house's appliances of a class; given at ``START_MS``, without spread."""
    values: dict[str, Any] = {
        "event_time_ms": START_MS,
        "command_id": f"e/1/{appliance}-{start_min}",
        "event_id": "e",
        "version": 1,
        "region": "Sfax",
        "feeder": "SFA-F01",
        "appliance": appliance,
        "cohort": cohort_of(HOUSE),
        "action": CommandAction.OFF,
        "start_ms": START_MS + round(start_min * MIN_MS),
        "end_ms": START_MS + round(end_min * MIN_MS),
        "start_spread_ms": 0,
        "end_spread_ms": 0,
        "offset_seed": "seed",
    }
    return Command(**values | changes)


class Run:
    """Plays readings every ten seconds, in slices, and keeps what comes out."""

    def __init__(
        self, *classes: str, behaviour: Behaviour | None = None, rows: int = 7, fleet: Sequence[Appliance] = ()
    ) -> None:
        """``rows``: instants in a slice."""
        self.fleet = list(fleet) or appliances(*classes)
        self.behaviour = behaviour or Behaviour(latency_s=1)
        self.rows = rows
        self.houses = self._houses()
        self.clock_ms = START_MS
        self.answers: list[Answer] = []
        self.lines: list[dict[str, Any]] = []

    def _houses(self) -> Houses:
        return Houses(self.fleet, np.zeros(len(self.fleet), dtype=np.int64), self.behaviour)

    def take(self, *commands: Command, participation: Participation | None = None) -> Run:
        """Commands arrive now."""
        self.houses.take(commands, participation or Participation(), self.clock_ms)
        return self

    def play(self, power_w: Floats, observed_s: float = STEP_S) -> Floats:
        """Power by instant and appliance, shape (n, appliances), as it would be; gives it as it is."""
        played = []
        for first in range(0, len(power_w), self.rows):
            part = power_w[first : first + self.rows]
            count, width = part.shape
            time_ms = np.repeat(self.clock_ms + STEP_S * 1000 * np.arange(1, count + 1), width)
            series = np.tile(np.arange(width), count)
            out = self.houses.play(series, time_ms, part.ravel().astype(np.float64), np.full(len(series), observed_s))
            played.append(out.reshape(count, width))
            self.clock_ms = int(time_ms[-1])
            self.look(self.clock_ms + 1)
        return np.concatenate(played)

    def look(self, clock_ms: int | None) -> None:
        """Collect what is due."""
        if clock_ms is not None:
            self.answers += self.houses.answers(clock_ms)
        self.lines += [json.loads(line) for line in self.houses.truth_lines(clock_ms)]

    def restart(self) -> None:
        """Go on with other houses that were told what these carry."""
        kept = json.loads(json.dumps(self.houses.to_json()))
        self.houses = self._houses()
        self.houses.load(kept)

    def results(self) -> list[tuple[str, str]]:
        """Class and result of each answer, in order."""
        return [(self.fleet[one.series].appliance, one.result) for one in self.answers]


def instants(minutes: float) -> int:
    """So many readings."""
    return round(minutes * 60 / STEP_S)


def cycles(minutes: float, on_min: float, off_min: float, power_w: float, rest_w: float = 0.0) -> Floats:
    """On and off in turn, shape (instants,)."""
    at_min = np.arange(instants(minutes)) * STEP_S / 60
    return np.where(at_min % (on_min + off_min) < on_min, power_w, rest_w)
