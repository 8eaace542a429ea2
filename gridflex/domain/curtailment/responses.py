"""Counts appliances' answers to an event's commands by group, and computes what may still be expected of the event.

Answers may come twice and in any order: the counts are the same.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gridflex.domain.curtailment.called import CalledGroup, called_groups, instant_of
from gridflex.domain.curtailment.event import Event
from gridflex.domain.curtailment.request import MS_PER_STEP
from gridflex.domain.enrolment import Participation
from gridflex.errors import DispatchError

TOO_FEW_SHARE = 0.1
"""An event that is expected to fall below its P50 by more than this in some interval needs a top-up."""
GroupKey = tuple[str, str, str, int]
"""Region, feeder, class, cohort."""


class Result(StrEnum):
    """The possible results of a command at one appliance."""

    ACCEPTED = "accepted"
    RESTORED = "restored"
    """On again, as it was before."""
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    OPTED_OUT = "opted_out"


LOST = frozenset({Result.REFUSED, Result.UNREACHABLE, Result.OPTED_OUT})
"""Appliances that answered so do not take part any more, until they accept a later command."""
_RANK = {result: place for place, result in enumerate(Result)}


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """One answer; its fields are the columns of the topic ``command_results``."""

    event_time_ms: int
    """When it was given, UTC epoch."""
    command_id: str
    event_id: str
    version: int
    region: str
    feeder: str
    appliance: str
    """The class."""
    cohort: int
    house_id: str
    appliance_id: str
    result: Result
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupCounts:
    """How many appliances of a group gave each answer; an appliance may have given several, one after the other."""

    by_result: Mapping[Result, int]
    answered: int
    """That gave any answer."""
    lost: int
    """Whose last answer, or whose household, says that they do not take part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalOutlook:
    """What an interval is expected to shed after the answers so far."""

    start_ms: int
    p50_kw: float
    """Of the plan."""
    expected_kw: float

    @property
    def short_kw(self) -> float:
        """By how much it falls below the plan's P50."""
        return max(0.0, self.p50_kw - self.expected_kw)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopUp:
    """An event falls short of its plan: so much is missing in the intervals to come."""

    event_id: str
    intervals: tuple[IntervalOutlook, ...]

    @property
    def short_kw(self) -> float:
        """The most that is missing in any interval."""
        return max(one.short_kw for one in self.intervals)

    @property
    def share(self) -> float:
        """That, relative to the plan's P50 of its interval, 0..1."""
        return max(one.short_kw / one.p50_kw for one in self.intervals if one.p50_kw > 0)


class Responses:
    """Answers to the commands of one version of an event."""

    def __init__(self, event_id: str, version: int) -> None:
        self._event_id, self._version = event_id, version
        self._seen: set[tuple[str, str, Result]] = set()
        self._counts: dict[GroupKey, Counter[Result]] = defaultdict(Counter)
        self._given: dict[GroupKey, set[tuple[str, Result]]] = defaultdict(set)
        self._last: dict[GroupKey, dict[str, tuple[int, int, str]]] = defaultdict(dict)
        """By appliance: time and rank of its last answer, and its house."""
        self._left: set[str] = set()
        """Appliances whose household has left the event without an answer of theirs."""

    def take(self, answer: CommandResult) -> bool:
        """Count an answer; whether it is new and one to this event's commands."""
        seen = (answer.command_id, answer.appliance_id, answer.result)
        if (answer.event_id, answer.version) != (self._event_id, self._version):
            return False
        group = (answer.region, answer.feeder, answer.appliance, answer.cohort)
        last = (answer.event_time_ms, _RANK[answer.result], answer.house_id)
        known = self._last[group].get(answer.appliance_id)
        self._last[group][answer.appliance_id] = max(known, last) if known else last
        if seen in self._seen:
            return False
        self._seen.add(seen)
        if (answer.appliance_id, answer.result) not in self._given[group]:
            self._given[group].add((answer.appliance_id, answer.result))
            self._counts[group][answer.result] += 1
        return True

    def follow(self, participation: Participation, now_ms: int) -> bool:
        """Who takes part has changed: appliances that have left take part no more; whether any left.

        Who never answered does not count, and who comes back does so for other events.
        """
        left = {
            name
            for last in self._last.values()
            for name, (_, rank, house) in last.items()
            if rank < _RANK[Result.REFUSED] and name not in self._left
            if participation.has_left(house, name, at_ms=now_ms)
        }
        self._left |= left
        return bool(left)

    def groups(self) -> dict[GroupKey, GroupCounts]:
        """Counts of each group that answered."""
        counted = {}
        for group, last in sorted(self._last.items()):
            out = last.keys() & self._left
            by_result = self._counts[group] + Counter()
            silent = sum((name, Result.OPTED_OUT) not in self._given[group] for name in out)
            by_result[Result.OPTED_OUT] += silent
            ranks = {name: rank for name, (_, rank, _) in last.items()}
            lost = out | {name for name, rank in ranks.items() if rank >= _RANK[Result.REFUSED]}
            counted[group] = GroupCounts(by_result=+by_result, answered=len(last), lost=len(lost))
        return counted

    def totals(self) -> dict[Result, int]:
        """Counts of all groups together."""
        counts = [one.by_result for one in self.groups().values()]
        return {result: sum(one.get(result, 0) for one in counts) for result in Result}

    def outlook(self, content: Mapping[str, Any]) -> list[IntervalOutlook]:
        """What each interval of the plan is expected to shed: P50, less the share of those who do not take part.

        Who did not answer is taken to take part. A group's share of an interval's P50 is that of its usual power while
        it is off. Raises ``DispatchError`` on what is no plan.
        """
        groups, counts = called_groups(content), self.groups()
        kept = [self._kept(group, counts) for group in groups]
        intervals = []
        for start_ms, p50_kw in _expected(content):
            weights = [_off_kw(one, content) * one.off_share(start_ms, start_ms + MS_PER_STEP) for one in groups]
            total = sum(weights)
            share = sum(weight * part for weight, part in zip(weights, kept, strict=True)) / total if total > 0 else 1.0
            intervals.append(IntervalOutlook(start_ms=start_ms, p50_kw=p50_kw, expected_kw=p50_kw * share))
        return intervals

    def top_up(self, content: Mapping[str, Any], now_ms: int) -> TopUp | None:
        """What is missing in the intervals still to come; ``None`` while no one falls short by more than a tenth."""
        ahead = tuple(one for one in self.outlook(content) if one.start_ms >= now_ms)
        if not any(one.p50_kw > 0 and one.short_kw > TOO_FEW_SHARE * one.p50_kw for one in ahead):
            return None
        return TopUp(event_id=self._event_id, intervals=ahead)

    def _kept(self, group: CalledGroup, counts: Mapping[GroupKey, GroupCounts]) -> float:
        """Share of a called group's appliances that take part, 0..1."""
        place = (group.region, group.feeder, group.appliance)
        found = [counts[*place, cohort] for cohort in group.cohorts if (*place, cohort) in counts]
        lost, answered = sum(one.lost for one in found), sum(one.answered for one in found)
        return 1 - lost / max(answered, group.appliances, 1.0)


def responses_of(event: Event, answers: Sequence[CommandResult]) -> Responses:
    """The answers to an event's commands."""
    found = Responses(event.event_id, event.version)
    for answer in answers:
        found.take(answer)
    return found


def _expected(content: Mapping[str, Any]) -> list[tuple[int, float]]:
    """Begin and P50 of each interval of a plan."""
    try:
        return [(instant_of(row["start"]), float(row["p50"])) for row in content.get("expected_kw", ())]
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise DispatchError(f"plan: expected_kw cannot be read: {problem!r}") from None


def _off_kw(group: CalledGroup, content: Mapping[str, Any]) -> float:
    """About what a group sheds while it is off."""
    share = group.off_share(content["start_ms"], content["end_ms"])
    return max(0.0, group.mean_kw) / share if share > 0 else 0.0
