"""Lists the calls that events on the ledger make of dispatch groups: running, scheduled or past. Who was called must
rest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gridflex.domain.curtailment.called import CalledGroup, called_groups, control_cohort_of
from gridflex.domain.curtailment.event import DISPATCHED, Event, State
from gridflex.domain.curtailment.groups import FlexibleGroup
from gridflex.domain.curtailment.limits import Call, group_breach
from gridflex.domain.curtailment.programs import Program
from gridflex.domain.curtailment.request import PlanRequest
from gridflex.errors import LimitError

Contents = Mapping[str, Mapping[str, Any]]
"""The plan of each event's newest version, by event id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldEvent:
    """An event that calls groups: when, which, and which cohort it leaves alone."""

    event_id: str
    region: str
    call: Call
    groups: tuple[CalledGroup, ...]
    control: int | None


def held_events(events: Mapping[str, Event], contents: Contents, *, but: str = "") -> list[HeldEvent]:
    """Events that were, are or will be dispatched, in order of their begins. ``but``: leave out this one.

    An event that was cancelled while it ran counts up to then; one that was taken back before it began does not.
    """
    held = []
    for event_id, event in events.items():
        call = _call(event)
        if call is None or event_id == but:
            continue
        content = contents[event_id]
        held.append(
            HeldEvent(
                event_id=event_id,
                region=event.region,
                call=call,
                groups=tuple(called_groups(content)),
                control=control_cohort_of(content),
            )
        )
    return sorted(held, key=lambda one: (one.call.start_ms, one.event_id))


def with_calls(groups: Sequence[FlexibleGroup], held: Sequence[HeldEvent]) -> list[FlexibleGroup]:
    """The groups with the calls of their cohorts."""
    calls: dict[tuple[str, str, str], dict[int, list[Call]]] = defaultdict(lambda: defaultdict(list))
    for event in held:
        for group in event.groups:
            for cohort in group.cohorts:
                calls[group.region, group.feeder, group.appliance][cohort].append(event.call)
    return [replace(one, calls=calls.get((one.region, one.feeder, one.appliance), {})) for one in groups]


def with_controls(request: PlanRequest, held: Sequence[HeldEvent]) -> PlanRequest:
    """The request with the control cohorts of its region's events: earlier ones to be rotated, and those of events at
    the same time, which must be left alone now."""
    here = [one for one in held if one.region == request.region and one.control is not None]
    now = {one.control for one in here if _overlaps(one.call, request.start_ms, request.end_ms)}
    return replace(
        request,
        recent_controls=tuple(one.control for one in here if one.control is not None),
        left_alone=tuple(sorted(cohort for cohort in now if cohort is not None)),
    )


def check_calls(program: Program, event: Event, groups: Sequence[CalledGroup], held: Sequence[HeldEvent]) -> None:
    """Raises ``LimitError`` naming cohorts that other events call too often, too soon, or leave alone at that time."""
    problems = list(_breaches(program, event, groups, held))
    if problems:
        more = f"; and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise LimitError(f"{event.event_id}: {'; '.join(problems[:3])}{more}")


def _breaches(
    program: Program, event: Event, groups: Sequence[CalledGroup], held: Sequence[HeldEvent]
) -> Iterator[str]:
    controls = {
        one.control: one.event_id
        for one in held
        if one.region == event.region and _overlaps(one.call, event.start_ms, event.end_ms)
    }
    calls: dict[tuple[str, str, int], list[Call]] = defaultdict(list)
    for one in held:
        for group in one.groups if one.region == event.region else ():
            for cohort in group.cohorts:
                calls[group.feeder, group.appliance, cohort].append(one.call)
    for group in groups:
        for cohort in group.cohorts:
            name = f"cohort {cohort} of {group.feeder}/{group.appliance}"
            if cohort in controls:
                yield f"{name} is the control group of {controls[cohort]}"
            found = group_breach(
                program, calls[group.feeder, group.appliance, cohort], start_ms=event.start_ms, end_ms=event.end_ms
            )
            if found is not None:
                yield f"{name}: {found}"


def _call(event: Event) -> Call | None:
    if event.state in DISPATCHED or event.state is State.APPROVED:
        return Call(start_ms=event.start_ms, end_ms=event.end_ms)
    was_held = event.state is State.CANCELLED and event.approved_hash and event.changed_ms > event.start_ms
    return Call(start_ms=event.start_ms, end_ms=min(event.changed_ms, event.end_ms)) if was_held else None


def _overlaps(call: Call, start_ms: int, end_ms: int) -> bool:
    return call.start_ms < end_ms and start_ms < call.end_ms
