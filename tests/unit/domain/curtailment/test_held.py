from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gridflex.contracts.programs import load_programs
from gridflex.curtailment.solver import solve
from gridflex.domain.curtailment import (
    Event,
    State,
    called_groups,
    check_calls,
    find_candidates,
    held_events,
    plan_document,
    plan_event,
    with_calls,
    with_controls,
)
from gridflex.errors import LimitError
from tests.support.curtailment import HOUR_MS
from tests.support.curtailment.dispatch import CONTROL, MINUTE_MS, START_MS, approved, called, plan_calling
from tests.support.simulated import fleet as fleets

STANDARD = load_programs()["standard"]
PLAN = plan_calling(called(cohorts=(0, 1)))
EVENT = replace(approved(PLAN), state=State.SCHEDULED)
GROUP = fleets.group("fridge")


def held(event: Event = EVENT, content: Any = PLAN) -> Any:
    return held_events({event.event_id: event}, {event.event_id: content})


@pytest.mark.parametrize("state", [State.APPROVED, State.SCHEDULED, State.ACTIVE, State.COMPLETED, State.SETTLED])
def test_event_that_is_called__calls_its_cohorts(state: State) -> None:
    (group,) = with_calls([GROUP], held(replace(EVENT, state=state)))
    assert {cohort: [(call.start_ms, call.end_ms) for call in calls] for cohort, calls in group.calls.items()} == {
        cohort: [(START_MS, START_MS + HOUR_MS)] for cohort in (0, 1)
    }
    assert not with_calls([replace(GROUP, feeder="SFX-F02")], held())[0].calls


@pytest.mark.parametrize("state", [State.DRAFT, State.PROPOSED, State.REJECTED, State.EXPIRED])
def test_event_that_never_was_called__calls_nobody(state: State) -> None:
    assert not held(replace(EVENT, state=state))


def test_cancelled_event__counts_up_to_then_if_it_had_begun() -> None:
    cancelled = replace(EVENT, state=State.CANCELLED)
    assert not held(replace(cancelled, changed_ms=START_MS))
    (one,) = held(replace(cancelled, changed_ms=START_MS + 10 * MINUTE_MS))
    assert one.call.end_ms == START_MS + 10 * MINUTE_MS


def test_plan__rests_who_was_called_and_rotates_the_control_group() -> None:
    asked = fleets.request(3.0)
    event = replace(EVENT, start_ms=asked.start_ms - 2 * HOUR_MS, end_ms=asked.start_ms - HOUR_MS)
    groups = with_calls([GROUP], held(event))
    asked = with_controls(asked, held(event))
    assert (asked.recent_controls, asked.left_alone) == ((CONTROL,), ())
    document = plan_document(plan_event(asked, groups, solve))
    assert document["control_group"]["cohort"] != CONTROL
    assert not {0, 1} & {cohort for one in document["groups"] for cohort in one["cohorts"]}
    why = {cohort: one["why"] for one in document["left_out"] for cohort in one["cohorts"] or ()}
    assert why.get(0, why.get(1, "")).startswith("rest hours")


def test_event_at_the_same_time__shares_the_control_group() -> None:
    asked = fleets.request(3.0)
    event = replace(EVENT, start_ms=asked.start_ms, end_ms=asked.end_ms)
    other = replace(event, event_id="event-2")
    both = held_events(
        {"event-1": event, "event-2": other}, {"event-1": PLAN, "event-2": {**PLAN, "control_group": {"cohort": 4}}}
    )
    asked = with_controls(asked, both)
    assert asked.left_alone == (4, CONTROL)
    found = find_candidates(asked, [GROUP])
    assert found.control == 4
    assert not {4, CONTROL} & set(found.candidates[0].cohorts)


def test_calls_of_another_event__forbid_to_dispatch_the_same_cohorts() -> None:
    other = replace(EVENT, event_id="event-2")
    with pytest.raises(LimitError, match="event-2: cohort 0 of SFX-F01/fridge: rest hours: found another event"):
        check_calls(STANDARD, other, called_groups(PLAN), held())
    check_calls(STANDARD, other, called_groups(plan_calling(called(cohorts=(2, 3)))), held())
    free = called_groups({**plan_calling(called("freezer", (9,))), "control_group": None})
    with pytest.raises(LimitError, match="cohort 9 of SFX-F01/freezer is the control group of event-1"):
        check_calls(STANDARD, other, free, held())
