"""Determines which appliances are held off at an instant, after the commands, restores and opt-outs so far.

A plug obeys its class's rule whatever it is told: it is never off for longer than ``max_off_min``, and then on for at
least ``min_on_min``, even when two events call it one after the other. Opt-outs end its share of events at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gridflex.domain.curtailment.dispatch import Command, CommandAction
from gridflex.domain.curtailment.groups import cohort_of
from gridflex.domain.flexibility import Handling, Rule

_MS_PER_MIN = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Plug:
    """One appliance that can be switched, and where it is."""

    region: str
    feeder: str
    appliance: str
    """The class."""
    house_id: str
    appliance_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """An appliance is off in ``[start, end)``, UTC epoch, because of a command."""

    start_ms: int
    end_ms: int
    command: Command


class Holds:
    """Commands and opt-outs of appliances so far; the order in which they arrive does not matter.

    ``rules``: by class. A class without a rule is never held off.
    """

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self._rules = rules
        self._commands: dict[tuple[str, str, str, int], dict[str, Command]] = defaultdict(dict)
        self._refused: set[tuple[str, str]] = set()
        self._opt_outs_ms: dict[str, list[int]] = defaultdict(list)
        self._known: dict[Plug, list[Hold]] = {}
        """Answers of ``of`` since the last change."""

    def take(self, command: Command) -> None:
        """Add a command; a repeated one changes nothing."""
        group = (command.region, command.feeder, command.appliance, command.cohort)
        if self._commands[group].get(command.command_id) != command:
            self._commands[group][command.command_id] = command
            self._known.clear()

    def refuse(self, command_id: str, appliance_id: str) -> None:
        """Note that an appliance does not follow a command."""
        self._refused.add((command_id, appliance_id))
        self._known.clear()

    def opt_out(self, name: str, time_ms: int) -> None:
        """From ``time_ms`` on a house or an appliance, by its id, does not follow what was commanded up to then."""
        self._opt_outs_ms[name].append(time_ms)
        self._known.clear()

    def forget(self, before_ms: int) -> None:
        """Drop commands that hold nothing from ``before_ms`` on, so that memory does not grow."""
        for commands in self._commands.values():
            for command_id in [name for name, one in commands.items() if one.end_ms + one.end_spread_ms <= before_ms]:
                del commands[command_id]
        self._known.clear()

    def commands_for(self, plug: Plug) -> list[Command]:
        """Commands to the group of an appliance, those given first in front."""
        group = (plug.region, plug.feeder, plug.appliance, cohort_of(plug.house_id))
        return sorted(self._commands.get(group, {}).values(), key=lambda one: (one.event_time_ms, one.command_id))

    def of(self, plug: Plug) -> list[Hold]:
        """When an appliance is off, in order and apart from each other by what its class needs."""
        if plug not in self._known:
            self._known[plug] = list(self._allowed(plug))
        return self._known[plug]

    def at(self, plug: Plug, time_ms: int) -> Command | None:
        """The command that holds an appliance off at an instant; ``None``: none does."""
        return next((one.command for one in self.of(plug) if one.start_ms <= time_ms < one.end_ms), None)

    def _allowed(self, plug: Plug) -> Iterator[Hold]:
        """Off-runs of the appliance, cut or put off where its rule demands it."""
        rule = self._rules.get(plug.appliance)
        if rule is None or rule.handling is Handling.NEVER:
            return
        cycled = rule.handling is Handling.CYCLE
        most_ms = round(rule.max_off_min * _MS_PER_MIN)
        rest_ms = round(rule.min_on_min * _MS_PER_MIN) if cycled else 0
        free_ms: int | None = None
        for run in sorted(self._runs(plug), key=lambda one: (one.start_ms, one.end_ms)):
            start_ms = run.start_ms if free_ms is None else max(run.start_ms, free_ms)
            end_ms = min(run.end_ms, start_ms + most_ms) if cycled else run.end_ms
            if start_ms < end_ms:
                yield Hold(start_ms=start_ms, end_ms=end_ms, command=run.command)
                free_ms = end_ms + rest_ms

    def _runs(self, plug: Plug) -> Iterator[Hold]:
        """Off-runs of the appliance with its own offsets, up to the restore or opt-out that ends them."""
        commands = self.commands_for(plug)
        restores = [one for one in commands if one.action is CommandAction.RESTORE]
        opt_outs_ms = [*self._opt_outs_ms.get(plug.house_id, ()), *self._opt_outs_ms.get(plug.appliance_id, ())]
        for command in commands:
            if command.action is not CommandAction.OFF or (command.command_id, plug.appliance_id) in self._refused:
                continue
            start_ms, end_ms = command.own_run_ms(plug.appliance_id)
            taken_back = [one for one in restores if _takes_back(one, command)]
            if any(one.start_ms <= start_ms for one in taken_back):
                continue
            ends_ms = [end_ms, *(one.own_run_ms(plug.appliance_id)[0] for one in taken_back)]
            end_ms = min(ends_ms + [time_ms for time_ms in opt_outs_ms if time_ms >= command.event_time_ms])
            if start_ms < end_ms:
                yield Hold(start_ms=start_ms, end_ms=end_ms, command=command)


def _takes_back(restore: Command, command: Command) -> bool:
    return restore.event_id == command.event_id and restore.version >= command.version
