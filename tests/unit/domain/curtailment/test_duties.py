from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gridflex.domain.curtailment import SPREAD_MS, Action, State, apply, duty, released_ms
from tests.support.curtailment import HOUR_MS, NOW_MS
from tests.support.curtailment.dispatch import MINUTE_MS, START_MS, approved, called, plan_calling

PLAN = plan_calling(called("air_conditioning", (0,), ((55, 75),)))
EVENT = approved(PLAN)
RELEASED_MS = START_MS + 75 * MINUTE_MS + SPREAD_MS


@pytest.mark.parametrize(
    ("state", "time_ms", "action"),
    [
        (State.DRAFT, NOW_MS + HOUR_MS - 1, None),
        (State.DRAFT, NOW_MS + HOUR_MS, Action.EXPIRE),
        (State.PROPOSED, NOW_MS + HOUR_MS - 1, None),
        (State.PROPOSED, NOW_MS + HOUR_MS, Action.EXPIRE),
        (State.APPROVED, START_MS - 1, Action.SCHEDULE),
        (State.APPROVED, START_MS, Action.EXPIRE),
        (State.SCHEDULED, START_MS - 1, None),
        (State.SCHEDULED, START_MS, Action.START),
        (State.SCHEDULED, RELEASED_MS + HOUR_MS, Action.START),
        (State.ACTIVE, RELEASED_MS - 1, None),
        (State.ACTIVE, RELEASED_MS, Action.COMPLETE),
        *((state, RELEASED_MS, None) for state in (State.COMPLETED, State.SETTLED, State.REJECTED, State.CANCELLED)),
    ],
)
def test_duty__is_what_the_state_and_the_time_demand(state: State, time_ms: int, action: Action | None) -> None:
    event = replace(EVENT, state=state)
    due = duty(event, lambda: PLAN, time_ms)
    assert (due.action if due else None) == action
    if due is not None:
        assert apply(event, due).state != state


def test_content__is_asked_for_only_when_an_event_may_end() -> None:
    def never() -> Any:
        raise AssertionError("asked for")

    for state in State:
        duty(replace(EVENT, state=state), never, START_MS + 59 * MINUTE_MS)
    assert released_ms(EVENT, PLAN) == RELEASED_MS
