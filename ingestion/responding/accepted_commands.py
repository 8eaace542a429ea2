"""Tracks which commands appliances have accepted, how they answer, and when they are off.

::

    command   accepted          off                     restored
    ----|--------|-----|________________________|-----------|----
    given  latency     start, with own offset   end, an opt-out, or a restore

Each accepted command ends with ``restored``, whether its appliance was off or not; if the household opted out, with
``opted_out`` before it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from gridflex.domain.curtailment import Command, CommandAction, Holds, Plug
from gridflex.domain.enrolment import Participation
from gridflex.domain.readings import MS_PER_S, Ints
from ingestion.responding.appliances import Appliance, Fleet
from ingestion.responding.behaviour import Behaviour
from ingestion.responding.windows import Window


class Answer(NamedTuple):
    """One result of one command at one appliance."""

    time_ms: int
    series: int
    command: Command
    result: str
    reason: str = ""


ACCEPTED, REFUSED, OPTED_OUT = "accepted", "refused", "opted_out"
UNREACHABLE, RESTORED = "unreachable", "restored"
_NEVER_MS = 1 << 62
_KEPT_MS = 3 * 3600 * MS_PER_S
"""So long after its end a command may still matter: as the off-run after which an appliance must be on for a while."""


@dataclass(slots=True)
class AcceptedCommand:
    """A command that an appliance has accepted."""

    command: Command
    accept_ms: int
    told: bool = False
    """Whether ``accepted`` was answered."""
    start_ms: int = 0
    end_ms: int = 0
    """When its off-run begins and ends; both the same: it is not off because of this command."""
    opted_out_ms: int | None = None
    reason: str = ""
    """Of its end."""


class AcceptedCommands:
    """The accepted commands of a fleet, at the clock of each appliance: all readings before it have been played."""

    def __init__(self, fleet: Fleet, behaviour: Behaviour, lag_ms: Ints) -> None:
        """``lag_ms``: so much each appliance's clock is behind the replay's, shape ``(len(fleet),)``."""
        self._fleet, self._behaviour, self._lag_ms = fleet, behaviour, lag_ms
        self._plugs = [_plug(one) for one in fleet.appliances]
        self._holds = Holds({
            one.appliance: rule for one, rule in zip(fleet.appliances, fleet.rules, strict=True) if rule is not None
        })  # fmt: skip
        self._commands: dict[str, Command] = {}
        self._refused: list[tuple[str, int]] = []
        self._opt_outs_ms: dict[int, int] = {}
        """The last of each appliance."""
        self._open: dict[int, list[AcceptedCommand]] = {}
        self._answers: list[Answer] = []
        """Refusals, to be given at their times."""
        self._due_ms = _NEVER_MS

    @property
    def is_empty(self) -> bool:
        """Whether no command is open and no answer is due."""
        return not (self._open or self._answers or self._commands)

    def take(self, commands: Iterable[Command], participation: Participation, clock_ms: int) -> bool:
        """Take commands that have arrived. Returns whether any of them was new.

        An appliance whose off-run is over by then does not answer: it was told before, or there was nobody to tell.
        """
        concerned: set[int] = set()
        for command in commands:
            place = (command.region, command.feeder, command.appliance, command.cohort)
            members = self._fleet.groups.get(place, [])
            is_over = self._forgotten_ms(command) - _KEPT_MS <= clock_ms
            if not members or is_over or command.command_id in self._commands:
                continue
            self._commands[command.command_id] = command
            self._holds.take(command)
            if command.action is CommandAction.OFF:
                for series in members:
                    self._answer(series, command, participation, clock_ms - int(self._lag_ms[series]))
            concerned.update(members)
        self._schedule(concerned)
        return bool(concerned)

    def _answer(self, series: int, command: Command, participation: Participation, clock_ms: int) -> None:
        appliance = self._fleet.appliances[series]
        if command.own_run_ms(appliance.appliance_id)[1] <= clock_ms:
            self._refuse(series, command)
            return
        answer_ms = max(clock_ms, command.event_time_ms + self._behaviour.latency_ms(appliance))
        refused = self._refusal(series, command, participation, answer_ms)
        if refused is not None:
            self._refuse(series, command)
            self._answers.append(Answer(answer_ms, series, command, *refused))
            return
        self._open.setdefault(series, []).append(AcceptedCommand(command=command, accept_ms=answer_ms))
        own_ms = self._behaviour.opts_out_ms(command, appliance)
        if own_ms is not None:
            self._opt_out(series, max(own_ms, answer_ms))

    def _refusal(
        self, series: int, command: Command, participation: Participation, at_ms: int
    ) -> tuple[str, str] | None:
        """Result and reason of an appliance that does not follow; ``None`` if it does."""
        appliance = self._fleet.appliances[series]
        if self._fleet.rules[series] is None:
            return REFUSED, f"appliances of class {appliance.appliance} are never switched off"
        for row in participation.about(appliance.house_id, appliance.appliance_id, appliance.dataset):
            if not row.enrolled:
                return REFUSED, "not enrolled"
            if row.opted_out_at(at_ms):
                return REFUSED, "opted out"
            if not row.reachable:
                return UNREACHABLE, "enrolled as out of reach"
            if not row.opted_out:
                break
        if self._behaviour.is_unreachable(command, appliance):
            return UNREACHABLE, "no answer"
        return (REFUSED, "the household said no") if self._behaviour.refuses(command, appliance) else None

    def _refuse(self, series: int, command: Command) -> None:
        self._holds.refuse(command.command_id, self._fleet.appliances[series].appliance_id)
        self._refused.append((command.command_id, series))

    def _opt_out(self, series: int, time_ms: int) -> None:
        self._holds.opt_out(self._fleet.appliances[series].appliance_id, time_ms)
        self._opt_outs_ms[series] = time_ms

    def follow(self, participation: Participation, clock_ms: int) -> bool:
        """Apply a change of who takes part: end commands of households that opted out. Returns whether any ended."""
        concerned: set[int] = set()
        for series, of_series in self._open.items():
            if any(accepted.opted_out_ms is None for accepted in of_series):
                said_ms = self._said_no_ms(series, participation, clock_ms - int(self._lag_ms[series]))
                if said_ms is not None:
                    self._opt_out(series, said_ms)
                    concerned.add(series)
        self._schedule(concerned)
        return bool(concerned)

    def _said_no_ms(self, series: int, participation: Participation, clock_ms: int) -> int | None:
        """From when on an appliance does not take part any more; ``None``: it does."""
        one = self._fleet.appliances[series]
        for row in participation.about(one.house_id, one.appliance_id, one.dataset):
            at_ms = max(clock_ms, row.event_time_ms)
            if not row.enrolled or row.opted_out_at(at_ms):
                return at_ms
            if not row.opted_out:
                return None
        return None

    def _schedule(self, concerned: Collection[int]) -> None:
        """Compute again when the accepted commands of these appliances begin and end."""
        for series in concerned:
            plug = self._plugs[series]
            held = {one.command.command_id: one for one in self._holds.of(plug)}
            for accepted in self._open.get(series, []):
                hold = held.get(accepted.command.command_id)
                if hold is None:
                    self._never_held(series, accepted)
                    continue
                accepted.start_ms = max(hold.start_ms, accepted.accept_ms)
                accepted.end_ms = max(hold.end_ms, accepted.accept_ms)
                self._end_of(series, accepted)
        self._set_due()

    def _never_held(self, series: int, accepted: AcceptedCommand) -> None:
        """End a command that never held its appliance off: opted out or taken back before it began, or the class rested
        all the time.
        """
        start_ms, _ = accepted.command.own_run_ms(self._fleet.appliances[series].appliance_id)
        instants = [
            one for one in (self._opt_outs_ms.get(series), self._restored_ms(series, accepted)) if one is not None
        ]
        accepted.start_ms = accepted.end_ms = max(accepted.accept_ms, min(instants, default=start_ms))
        self._end_of(series, accepted)
        accepted.reason = accepted.reason or "rests between two off-runs"

    def _end_of(self, series: int, accepted: AcceptedCommand) -> None:
        """Why an accepted command ends."""
        opted_ms, restored_ms = self._opt_outs_ms.get(series), self._restored_ms(series, accepted)
        accepted.opted_out_ms, accepted.reason = None, ""
        if opted_ms is not None and accepted.command.event_time_ms <= opted_ms <= accepted.end_ms:
            accepted.opted_out_ms, accepted.reason = accepted.end_ms, "opted out"
        elif restored_ms is not None and restored_ms <= accepted.end_ms:
            accepted.reason = "taken back"

    def _restored_ms(self, series: int, accepted: AcceptedCommand) -> int | None:
        """When a restore takes an accepted command back; ``None``: there is none."""
        own = [
            one.own_run_ms(self._plugs[series].appliance_id)[0]
            for one in self._holds.commands_for(self._plugs[series])
            if one.action is CommandAction.RESTORE
            and one.event_id == accepted.command.event_id
            and one.version >= accepted.command.version
        ]
        return min(own, default=None)

    def windows(self, number: Callable[[str], int]) -> list[Window]:
        """The windows in which appliances are off. ``number``: gives the number of an event's name."""
        return [
            Window(series, accepted.start_ms, accepted.end_ms, number(accepted.command.event_id))
            for series, of_series in self._open.items()
            for accepted in of_series
            if accepted.start_ms < accepted.end_ms
        ]

    def due(self, clock_ms: int) -> list[Answer]:
        """The answers up to a clock, in order; accepted commands that have ended are dropped."""
        if clock_ms < self._due_ms:
            return []
        given = [one for one in self._answers if one.time_ms + self._lag_ms[one.series] <= clock_ms]
        self._answers = [one for one in self._answers if one.time_ms + self._lag_ms[one.series] > clock_ms]
        for series in list(self._open):
            own_ms = clock_ms - int(self._lag_ms[series])
            for accepted in self._open[series]:
                given += _answers(series, accepted, own_ms)
            self._open[series] = [
                accepted for accepted in self._open[series] if accepted.end_ms > own_ms or not accepted.told
            ]
            if not self._open[series]:
                del self._open[series]
        self._forget(clock_ms)
        self._set_due()
        return sorted(given, key=lambda one: one.time_ms)

    def _forget(self, clock_ms: int) -> None:
        """Drop commands that concern no appliance any more, so that memory does not grow."""
        over = {name for name, one in self._commands.items() if self._forgotten_ms(one) <= clock_ms}
        if over:
            self._holds.forget(clock_ms - int(self._lag_ms.max(initial=0)) - _KEPT_MS)
            self._commands = {name: one for name, one in self._commands.items() if name not in over}
            self._refused = [one for one in self._refused if one[0] not in over]

    def _forgotten_ms(self, command: Command) -> int:
        """The replay's clock at which a command may be dropped."""
        return command.end_ms + command.end_spread_ms + int(self._lag_ms.max(initial=0)) + _KEPT_MS

    def _set_due(self) -> None:
        times_ms = [one.time_ms + int(self._lag_ms[one.series]) for one in self._answers]
        times_ms += [self._forgotten_ms(one) for one in self._commands.values()]
        for series, of_series in self._open.items():
            lag_ms = int(self._lag_ms[series])
            times_ms += [(accepted.end_ms if accepted.told else accepted.accept_ms) + lag_ms for accepted in of_series]
        self._due_ms = min(times_ms, default=_NEVER_MS)

    def to_json(self) -> dict[str, Any]:
        """The state as JSON values, each command once."""
        places = {name: place for place, name in enumerate(self._commands)}
        return {
            "commands": [asdict(one) for one in self._commands.values()],
            "refused": [[places[name], series] for name, series in self._refused],
            "opt_outs_ms": list(self._opt_outs_ms.items()),
            "open": [
                [series, places[accepted.command.command_id], accepted.accept_ms, accepted.told]
                for series, of_series in self._open.items()
                for accepted in of_series
            ],
            "answers": [
                [one.time_ms, one.series, places[one.command.command_id], one.result, one.reason]
                for one in self._answers
            ],
        }

    def load(self, values: dict[str, Any]) -> None:
        """Load what ``to_json`` gave."""
        commands = [command_of(one) for one in values["commands"]]
        self._commands = {one.command_id: one for one in commands}
        for command in commands:
            self._holds.take(command)
        for place, series in values["refused"]:
            self._refuse(series, commands[place])
        for series, time_ms in values["opt_outs_ms"]:
            self._opt_out(series, time_ms)
        for series, place, accept_ms, told in values["open"]:
            self._open.setdefault(series, []).append(
                AcceptedCommand(command=commands[place], accept_ms=accept_ms, told=told)
            )
        self._answers = [
            Answer(time_ms, series, commands[place], result, reason)
            for time_ms, series, place, result, reason in values["answers"]
        ]
        self._schedule(self._open)


def command_of(record: Mapping[str, Any]) -> Command:
    """A command from its fields. Raises ``ValueError`` or ``TypeError`` for one that is none."""
    return Command(**{**record, "action": CommandAction(record["action"])})


def _answers(series: int, accepted: AcceptedCommand, clock_ms: int) -> Iterator[Answer]:
    if not accepted.told and accepted.accept_ms <= clock_ms:
        accepted.told = True
        yield Answer(accepted.accept_ms, series, accepted.command, ACCEPTED)
    if accepted.told and accepted.end_ms <= clock_ms:
        if accepted.opted_out_ms is not None:
            yield Answer(accepted.opted_out_ms, series, accepted.command, OPTED_OUT, accepted.reason)
        yield Answer(accepted.end_ms, series, accepted.command, RESTORED, accepted.reason)


def _plug(one: Appliance) -> Plug:
    return Plug(
        region=one.region,
        feeder=one.feeder,
        appliance=one.appliance,
        house_id=one.house_id,
        appliance_id=one.appliance_id,
    )
