"""Reads from a plan document which cohorts are off when. The document is checked as data from outside: it becomes
commands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from gridflex.domain.curtailment.groups import COHORTS
from gridflex.domain.curtailment.patterns import RAMP_STEPS
from gridflex.domain.curtailment.request import MS_PER_STEP
from gridflex.domain.flexibility import Handling, Rule
from gridflex.errors import DispatchError

_MS_PER_MIN = 60_000
_MOST_PROBLEMS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class CalledGroup:
    """Cohorts of one class on one feeder that are off at the same times."""

    region: str
    feeder: str
    appliance: str
    cohorts: tuple[int, ...]
    off_ms: tuple[tuple[int, int], ...]
    """Off-runs ``[start, end)`` in order, UTC epoch."""
    mean_kw: float = 0.0
    """Of its cohorts together, mean power shed over the event."""
    appliances: float = 0.0
    """Of its cohorts together, as far as the plan knew."""

    @property
    def end_ms(self) -> int:
        """The end of the last off-run."""
        return self.off_ms[-1][1]

    def off_share(self, start_ms: int, end_ms: int) -> float:
        """Share of ``[start, end)`` in which it is off, 0..1."""
        off_ms = sum(max(0, min(end_ms, last) - max(start_ms, first)) for first, last in self.off_ms)
        return off_ms / (end_ms - start_ms)


def called_groups(content: Mapping[str, Any]) -> list[CalledGroup]:
    """The groups that a plan calls, in the plan's order.

    Raises ``DispatchError`` on what is no plan: a group of another region, a cohort that is not there, that is called
    twice or is the control group, an off-run outside the event and its ramp.
    """
    groups, problems = [], []
    rows = content.get("groups", [])
    if not isinstance(rows, Sequence) or isinstance(rows, str):
        raise DispatchError(f"plan: found groups={rows!r}; allowed: a list")
    for place, row in enumerate(rows):
        try:
            group = _group(row)
        except (KeyError, TypeError, ValueError, AttributeError) as problem:
            problems.append(f"group {place} cannot be read: {problem!r}")
            continue
        problems += [f"group {place}: {one}" for one in _wrong(group, content)]
        groups.append(group)
    _raise(problems + list(_called_twice(groups)))
    return groups


def check_rules(groups: Sequence[CalledGroup], rules: Mapping[str, Rule]) -> None:
    """Raises ``DispatchError`` naming groups that are off for longer, or sooner again, than their class's rule allows.

    ``rules``: by class; a class without one must not be called.
    """
    problems = []
    for group in groups:
        name = f"{group.feeder}/{group.appliance}"
        rule = rules.get(group.appliance)
        if rule is None or rule.handling is Handling.NEVER:
            problems.append(f"{name} must not be called")
            continue
        longest_min = max(end_ms - start_ms for start_ms, end_ms in group.off_ms) / _MS_PER_MIN
        if rule.handling is Handling.CYCLE and longest_min > rule.max_off_min:
            problems.append(f"{name} is off for {longest_min:g} min; allowed: {rule.max_off_min:g} min")
        if rule.handling is Handling.DEFER and len(group.off_ms) > 1:
            problems.append(f"{name} is paused {len(group.off_ms)} times; allowed: once")
        gaps = pairwise(group.off_ms)
        shortest_min = min(((after - end) / _MS_PER_MIN for (_, end), (after, _) in gaps), default=rule.min_on_min)
        if shortest_min < rule.min_on_min:
            problems.append(f"{name} is on again for {shortest_min:g} min; allowed: at least {rule.min_on_min:g} min")
    _raise(problems)


def control_cohort_of(content: Mapping[str, Any]) -> int | None:
    """The cohort that a plan leaves alone as its control group; ``None`` if it names none."""
    control = content.get("control_group")
    cohort = control.get("cohort") if isinstance(control, Mapping) else None
    return cohort if type(cohort) is int else None


def _group(row: Mapping[str, Any]) -> CalledGroup:
    names = [row[name] for name in ("region", "feeder", "appliance")]
    if not all(isinstance(name, str) and name for name in names):
        raise ValueError(f"region, feeder and class are {names}")
    return CalledGroup(
        region=names[0],
        feeder=names[1],
        appliance=names[2],
        cohorts=tuple(row["cohorts"]),
        off_ms=tuple((instant_of(run["start"]), instant_of(run["end"])) for run in row["off"]),
        mean_kw=float(row.get("mean_kw", 0.0)),
        appliances=float(row.get("appliances", 0.0)),
    )


def instant_of(text: str) -> int:
    """An instant of a plan document, UTC epoch in ms. Raises ``ValueError`` or ``TypeError`` if it is not one."""
    instant = datetime.fromisoformat(text)
    return round((instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp() * 1000)


def _wrong(group: CalledGroup, content: Mapping[str, Any]) -> Iterator[str]:
    start_ms, end_ms = content["start_ms"], content["end_ms"] + RAMP_STEPS * MS_PER_STEP
    if group.region != content["region"]:
        yield f"found region {group.region!r}; allowed: {content['region']!r}"
    control = control_cohort_of(content)
    for cohort in group.cohorts:
        if type(cohort) is not int or not 0 <= cohort < COHORTS:
            yield f"found cohort {cohort!r}; allowed: 0..{COHORTS - 1}"
        elif cohort == control:
            yield f"cohort {cohort} is the control group, which must be left alone"
    edges_ms = [edge_ms for run in group.off_ms for edge_ms in run]
    if not group.cohorts or not edges_ms:
        yield "found no cohort or no time off"
    elif edges_ms[0] < start_ms or edges_ms[-1] > end_ms or any(a >= b for a, b in pairwise(edges_ms)):
        yield f"found off-runs {group.off_ms}; allowed: in order, apart, none empty, within {start_ms} to {end_ms}"


def _called_twice(groups: Sequence[CalledGroup]) -> Iterator[str]:
    called: set[tuple[str, str, int]] = set()
    for group in groups:
        for cohort in group.cohorts:
            key = (group.feeder, group.appliance, cohort)
            if key in called:
                yield f"cohort {cohort} of {group.feeder}/{group.appliance} is called twice"
            called.add(key)


def _raise(problems: Sequence[str]) -> None:
    if problems:
        more = f"; and {len(problems) - _MOST_PROBLEMS} more" if len(problems) > _MOST_PROBLEMS else ""
        raise DispatchError(f"plan: {'; '.join(problems[:_MOST_PROBLEMS])}{more}")
