"""Checks a plan before it becomes an event: its program, and the rules of its appliance classes.

A plan that a planner made keeps all of it. One that comes from outside may not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, tzinfo
from typing import Any

from gridflex.domain.curtailment.called import CalledGroup, called_groups, check_rules
from gridflex.domain.curtailment.canonical import content_hash
from gridflex.domain.curtailment.limits import event_breaches
from gridflex.domain.curtailment.programs import Program
from gridflex.domain.flexibility import Rule
from gridflex.errors import LimitError

_MS_PER_MIN = 60_000
_MOST_PROBLEMS = 5


def check_admission(
    content: Mapping[str, Any],
    *,
    program: Program,
    rules: Mapping[str, Rule],
    now_ms: int,
    zone: tzinfo = UTC,
) -> None:
    """Refuse a plan that its program or a rule forbids; whether its cohorts have to rest is ``check_calls``'s.

    ``rules``: by class. Raises ``LimitError`` or ``DispatchError`` naming what is wrong.
    """
    groups = called_groups(content)
    problems = [*_identity(content), *_whole(content, program, now_ms, zone)]
    problems += [problem for group in groups for problem in _class(group, content, program, rules)]
    _raise(problems)
    check_rules(groups, rules)


def _identity(content: Mapping[str, Any]) -> Iterator[str]:
    """A plan's id is made from all else."""
    named = content.get("id")
    if named is not None:
        rest = {name: value for name, value in content.items() if name != "id"}
        made = f"plan-{content_hash(rest)[:12]}"
        if named != made:
            yield f"id: found {named!r}, but what it says makes {made!r}: it was changed after it was planned"


def _whole(content: Mapping[str, Any], program: Program, now_ms: int, zone: tzinfo) -> Iterator[str]:
    start_ms, end_ms, approve_by_ms = (content[name] for name in ("start_ms", "end_ms", "approve_by_ms"))
    if not now_ms < approve_by_ms <= start_ms < end_ms:
        yield (
            f"times: found now={now_ms}, {approve_by_ms=}, {start_ms=}, {end_ms=}; allowed: now before approve_by_ms, "
            "that not after start_ms, that before end_ms"
        )
        return
    latest_ms = start_ms - round(program.notice_min * _MS_PER_MIN)
    if approve_by_ms > latest_ms:
        yield f"approve_by_ms: found {approve_by_ms}; allowed: at most {latest_ms}, by the program's notice time"
    yield from map(str, event_breaches(program, start_ms=start_ms, end_ms=end_ms, now_ms=now_ms, zone=zone))


def _class(
    group: CalledGroup, content: Mapping[str, Any], program: Program, rules: Mapping[str, Rule]
) -> Iterator[str]:
    name, rule = f"{group.feeder}/{group.appliance}", rules.get(group.appliance)
    if rule is None or rule.handling not in program.handling:
        yield f"{name}: what its class allows is not part of program {program.name!r}"
    elif program.appliances and group.appliance not in program.appliances:
        yield f"{name}: its class is not part of program {program.name!r}"
    if content.get("feeder") not in {None, "", group.feeder}:
        yield f"{name}: the plan is for feeder {content['feeder']!r} alone"


def _raise(problems: Sequence[str]) -> None:
    if problems:
        more = f"; and {len(problems) - _MOST_PROBLEMS} more" if len(problems) > _MOST_PROBLEMS else ""
        raise LimitError(f"plan: {'; '.join(problems[:_MOST_PROBLEMS])}{more}")
