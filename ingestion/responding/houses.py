"""Simulates houses that are called: takes commands and readings, gives changed readings, answers, and the truth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from gridflex.domain.curtailment import Command
from gridflex.domain.enrolment import Participation
from gridflex.domain.readings import Floats, Ints
from ingestion.responding.accepted_commands import AcceptedCommands, Answer
from ingestion.responding.appliances import Appliance, Fleet
from ingestion.responding.behaviour import Behaviour
from ingestion.responding.ground_truth import GroundTruth
from ingestion.responding.plugs import Plugs

_LAYOUT = 1


class Houses:
    """All houses of a replay. Their state between readings can be stored as JSON and loaded again."""

    def __init__(self, appliances: Sequence[Appliance], lag_ms: Ints, behaviour: Behaviour) -> None:
        """``lag_ms``: so much the clock of each appliance is behind the replay's, shape ``(len(appliances),)``."""
        self.fleet = Fleet(appliances)
        self._lag_ms = lag_ms
        self._accepted = AcceptedCommands(self.fleet, behaviour, lag_ms)
        self._plugs = Plugs(self.fleet)
        self._events: dict[int, str] = {}
        self._truth = GroundTruth(self.fleet, self._events)
        self._numbers: dict[str, int] = {}
        self._lines: list[str] = []

    @property
    def idle(self) -> bool:
        """Whether no appliance is called or behind, so that no state has to be stored."""
        return self._accepted.is_empty and self._plugs.idle and self._truth.is_empty

    def take(self, commands: Iterable[Command], participation: Participation, clock_ms: int) -> None:
        """Take commands that arrived at the replay's clock: all readings before it have been played."""
        if self._accepted.take(commands, participation, clock_ms):
            self._hold()

    def follow(self, participation: Participation, clock_ms: int) -> None:
        """Apply a change of who takes part."""
        if self._accepted.follow(participation, clock_ms):
            self._hold()

    def _hold(self) -> None:
        self._plugs.hold(self._accepted.windows(self._number))

    def _number(self, event_id: str) -> int:
        number = self._numbers.setdefault(event_id, len(self._numbers))
        self._events[number] = event_id
        return number

    def play(self, series: Ints, time_ms: Ints, power_w: Floats, observed_s: Floats) -> Floats:
        """Change the power of readings to what it is while appliances are called; shapes (n,). Each appliance's
        readings come in order of time.
        """
        played, readings = self._plugs.play(series, time_ms, power_w, observed_s)
        if readings is not None:
            self._lines += self._truth.see(readings)
        return played

    def answers(self, clock_ms: int) -> list[Answer]:
        """The answers up to the replay's clock."""
        given = self._accepted.due(clock_ms)
        if given:
            self._hold()
        return given

    def truth_lines(self, clock_ms: int | None) -> list[str]:
        """Ground-truth lines of intervals that are over at the replay's clock, each once; ``None``: of all."""
        own_ms = None if clock_ms is None else clock_ms - self._lag_ms
        lines, self._lines = self._lines + self._truth.close(own_ms, self._plugs.busy), []
        return lines

    def to_json(self) -> dict[str, Any]:
        """The state as JSON values, between two calls of ``truth_lines`` without a reading."""
        return {
            "layout": _LAYOUT,
            "series": len(self.fleet),
            "events": self._events,
            "orders": self._accepted.to_json(),
            "plugs": self._plugs.to_json(),
            "truth": self._truth.to_json(),
        }

    def load(self, values: dict[str, Any]) -> None:
        """Load what ``to_json`` gave for the same appliances. Raises ``ValueError`` if it is of others."""
        found = (values.get("layout"), values.get("series"))
        if found != (_LAYOUT, len(self.fleet)):
            raise ValueError(f"found layout and appliances {found}; allowed: {(_LAYOUT, len(self.fleet))}")
        self._events.update({int(number): name for number, name in values["events"].items()})
        self._numbers = {name: number for number, name in self._events.items()}
        self._accepted.load(values["orders"])
        self._plugs.load(values["plugs"])
        self._truth.load(values["truth"])
        self._hold()
