"""Makes the commands of an event: which cohort of which group is off when, and the commands that restore it.

Each appliance of a cohort draws its own offset once, from the event's seed and its id, and begins and ends every
off-run so much later: the group goes off and on again as a ramp, no appliance is off for longer than planned::

    command     |------- off -------|
    plug A      .|------- off -------|
    plug B      ...|------- off -------|
                <-> start spread    <-> end spread
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gridflex.domain.curtailment.called import CalledGroup, called_groups
from gridflex.domain.curtailment.canonical import content_hash
from gridflex.domain.curtailment.event import Event
from gridflex.domain.curtailment.groups import cohort_of
from gridflex.errors import DispatchError

SPREAD_MS = 30_000
"""Over so long the appliances of a group go off, and on again. Both are the same: an off-run keeps its length."""
RESTORE_SPREAD_MS = 20_000
"""Over so long they go on again when an event is taken back."""
_SEED_DIGITS = 16


class CommandAction(StrEnum):
    """What a command asks of every appliance of its group."""

    OFF = "off"
    """Off from ``start_ms`` to ``end_ms``, each with its offset."""
    RESTORE = "restore"
    """On again: nothing that this event commanded up to this version holds from ``start_ms`` on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command to one cohort of a group; its fields are the columns of the topic ``commands``."""

    event_time_ms: int
    """When it was given, UTC epoch."""
    command_id: str
    event_id: str
    version: int
    """Of the event's plan."""
    region: str
    feeder: str
    appliance: str
    """The class."""
    cohort: int
    action: CommandAction
    start_ms: int
    end_ms: int
    """``[start, end)``, UTC epoch."""
    start_spread_ms: int
    end_spread_ms: int
    offset_seed: str

    @property
    def key(self) -> str:
        """Commands with one key stay in order on the topic."""
        return f"{self.region}|{self.feeder}|{self.appliance}|{self.cohort}"

    def concerns(self, region: str, feeder: str, appliance: str, house_id: str) -> bool:
        """Whether an appliance of this class, of this household at this feeder, belongs to the group."""
        place = (self.region, self.feeder, self.appliance, self.cohort)
        return place == (region, feeder, appliance, cohort_of(house_id))

    def own_run_ms(self, appliance_id: str) -> tuple[int, int]:
        """The off-run ``[start, end)`` of one appliance, UTC epoch. Of a restore: its instant, twice."""
        drawn = stable_hash(self.offset_seed, appliance_id)
        if self.action is CommandAction.RESTORE:
            instant_ms = self.start_ms + _offset(drawn, self.start_spread_ms)
            return instant_ms, instant_ms
        return self.start_ms + _offset(drawn, self.start_spread_ms), self.end_ms + _offset(drawn, self.end_spread_ms)


def stable_hash(seed: str, name: str) -> int:
    """A number of 63 bits of a seed and a name, the same for ever and on every machine.

    >>> stable_hash("seed", "redd-1-0-3") % 60_000
    36263
    """
    digest = hashlib.blake2b(f"{seed}\0{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def commands_of(event: Event, content: Mapping[str, Any]) -> list[Command]:
    """The commands of an approved event, one for each cohort and off-run; given when the event was last changed.

    The same event and content give the same commands. Raises ``DispatchError`` on content that is not what was
    approved, or that is no plan.
    """
    _check_content(event, content)
    return [
        _command(event, group, cohort, command_id=f"{number}", action=CommandAction.OFF, given_ms=event.changed_ms,
                 run_ms=run_ms, spread_ms=SPREAD_MS)
        for number, (group, cohort, run_ms) in enumerate(_off_runs(called_groups(content)))
    ]  # fmt: skip


def restores_of(event: Event, content: Mapping[str, Any], now_ms: int) -> list[Command]:
    """The commands that take back an event's commands: one for each cohort that is or will be off at ``now_ms``."""
    restored = [
        (group, cohort)
        for group in called_groups(content)
        for cohort in group.cohorts
        if group.end_ms + SPREAD_MS > now_ms
    ]
    return [
        _command(event, group, cohort, command_id=f"restore-{number}", action=CommandAction.RESTORE, given_ms=now_ms,
                 run_ms=(now_ms, group.end_ms + SPREAD_MS), spread_ms=RESTORE_SPREAD_MS)
        for number, (group, cohort) in enumerate(restored)
    ]  # fmt: skip


def _check_content(event: Event, content: Mapping[str, Any]) -> None:
    found = content_hash(content)
    if not event.approved_hash or found != event.approved_hash:
        approved = event.approved_hash[:12] or "none"
        raise DispatchError(f"{event.event_id}: found content {found[:12]}; approved: {approved}")


def _off_runs(groups: list[CalledGroup]) -> Iterator[tuple[CalledGroup, int, tuple[int, int]]]:
    for group in groups:
        for cohort in group.cohorts:
            for run_ms in group.off_ms:
                yield group, cohort, run_ms


def _command(
    event: Event,
    group: CalledGroup,
    cohort: int,
    *,
    command_id: str,
    action: CommandAction,
    given_ms: int,
    run_ms: tuple[int, int],
    spread_ms: int,
) -> Command:
    return Command(
        event_time_ms=given_ms,
        command_id=f"{event.event_id}/{event.version}/{command_id}",
        event_id=event.event_id,
        version=event.version,
        region=group.region,
        feeder=group.feeder,
        appliance=group.appliance,
        cohort=cohort,
        action=action,
        start_ms=run_ms[0],
        end_ms=run_ms[1],
        start_spread_ms=spread_ms,
        end_spread_ms=spread_ms,
        offset_seed=event.content_hash[:_SEED_DIGITS],
    )


def _offset(drawn: int, spread_ms: int) -> int:
    return drawn % spread_ms if spread_ms > 0 else 0
