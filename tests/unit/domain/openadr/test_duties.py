from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gridflex.domain.curtailment import Event, State
from gridflex.domain.openadr import (
    Origin,
    Ours,
    cancelled_document,
    check_origin,
    duties,
    origin_of,
    read_event,
    with_origin,
)
from gridflex.errors import TransitionError, UsageError
from tests.support.events import drafts
from tests.support.vtn_events import START_MS, plan, vtn_event

NOW_MS = START_MS - 3_600_000
ASKED = vtn_event(-80.0)
CHANGED = vtn_event(-60.0, modificationDateTime="2026-11-29T19:00:00+00:00")
TOUCHED = ASKED | {"modificationDateTime": "2026-11-29T20:00:00+00:00"}
ORIGIN = Origin.of("http://vtn", ASKED, read_event(ASKED))


def ours(state: State, *, declined: bool = False) -> Ours:
    return Ours(event_id="event-1", state=state, origin=ORIGIN, declined=declined)


def test_new_event__is_planned_until_it_begins() -> None:
    todo = duties(ASKED, [], NOW_MS)
    assert todo.plan == read_event(ASKED)
    late = duties(ASKED, [], START_MS)
    assert late.plan is None
    assert "has passed" in late.refused


@pytest.mark.parametrize("state", [State.DRAFT, State.PROPOSED, State.APPROVED, State.SCHEDULED, State.ACTIVE])
def test_event__is_carried_on_cancelled_and_replaced_in_every_live_state(state: State) -> None:
    assert duties(ASKED, [ours(state)], START_MS).carry_on == "event-1"
    assert duties(TOUCHED, [ours(state)], NOW_MS).carry_on == "event-1"  # changed, but asks for the same
    assert duties(cancelled_document(ASKED), [ours(state)], NOW_MS).cancel == (("event-1", "the VTN cancelled it"),)
    changed = duties(CHANGED, [ours(state)], NOW_MS)
    assert [name for name, _ in changed.cancel] == ["event-1"]
    assert changed.plan == read_event(CHANGED)
    wrong = duties(CHANGED | {"targets": ["x"]}, [ours(state)], NOW_MS)
    assert [name for name, _ in wrong.cancel] == ["event-1"]
    assert wrong.plan is None
    assert "unknown target" in wrong.refused


@pytest.mark.parametrize("state", [State.REJECTED, State.EXPIRED, State.CANCELLED, State.COMPLETED])
def test_event__that_was_decided_on_is_not_planned_again(state: State) -> None:
    over = duties(ASKED, [ours(state)], NOW_MS)
    assert (over.plan, over.carry_on, over.cancel) == (None, "", ())


def test_event__that_a_person_ended_is_not_planned_again_because_the_vtn_wrote_it_anew() -> None:
    assert duties(TOUCHED, [ours(State.CANCELLED, declined=True)], NOW_MS).plan is None
    assert duties(TOUCHED, [ours(State.CANCELLED)], NOW_MS).plan is not None  # the VTN cancelled it, and asks again
    assert duties(CHANGED, [ours(State.REJECTED, declined=True)], NOW_MS).plan is not None  # something else


def test_origin__stands_in_the_plan_and_makes_its_id() -> None:
    content = with_origin(plan([80.0]), ORIGIN)
    assert origin_of(content) == ORIGIN
    assert content["id"] != with_origin(plan([80.0]), replace(ORIGIN, modified="later"))["id"]
    assert origin_of(plan([80.0])) is None


@pytest.mark.parametrize(
    "found", ["x", [], {"vtn": "v"}, ORIGIN.to_json() | {"digest": ""}, ORIGIN.to_json() | {"kw": "x"},
              ORIGIN.to_json() | {"kw": [True]}, ORIGIN.to_json() | {"event_id": "x" * 500},
              ORIGIN.to_json() | {"kw": 5}],
)  # fmt: skip
def test_origin__in_another_form_is_refused(found: Any) -> None:
    with pytest.raises(UsageError, match="origin"):
        origin_of({"origin": found})


@pytest.mark.parametrize(
    ("state", "origin", "refused"),
    [
        (State.ACTIVE, replace(ORIGIN, modified="later"), True),
        (State.CANCELLED, ORIGIN, True),
        (State.CANCELLED, replace(ORIGIN, modified="later"), False),
        (State.ACTIVE, replace(ORIGIN, event_id="another"), False),
    ],
)
def test_event_of_a_vtn__is_one_of_ours_at_a_time_and_once_a_state(state: State, origin: Origin, refused: bool) -> None:
    record = drafts(with_origin(plan([80.0]), ORIGIN))[0]
    event = Event(
        event_id="event-1", state=state, version=1, content_hash="", region="Sfax", start_ms=1, end_ms=2,
        approve_by_ms=1, changed_ms=0,
    )  # fmt: skip
    content = with_origin(plan([70.0]), origin)
    if refused:
        with pytest.raises(TransitionError, match="is event-1 already"):
            check_origin(content, [(event, [record])])
    else:
        check_origin(content, [(event, [record])])
