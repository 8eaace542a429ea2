from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridflex.domain.curtailment import Action, Change, Ledger, State, content_hash
from gridflex.errors import TransitionError
from tests.support.curtailment import (
    AMIRA,
    BILEL,
    CHIRAZ,
    CONTENT,
    DALI,
    HASH,
    HOUR_MS,
    LIFE,
    NOW_MS,
    PLATFORM,
    change,
    ledger_after,
    plan_content,
)
from tests.support.examples import examples

OTHER = plan_content(target_kw=200)
ELSEWHERE = plan_content(region="Tunis")
ACTORS = (AMIRA, BILEL, CHIRAZ, DALI, PLATFORM)


def test_event__goes_from_draft_to_settled() -> None:
    states = [ledger_after(*LIFE[:count]).events["event-1"].state for count in range(1, len(LIFE) + 1)]
    assert states == [
        State.DRAFT, State.PROPOSED, State.APPROVED, State.SCHEDULED, State.ACTIVE, State.COMPLETED, State.SETTLED
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "refused", "message"),
    [
        (0, change(Action.PROPOSE, AMIRA), "no event 'event-1': it must be drafted"),
        (0, change(Action.DRAFT, BILEL, content=CONTENT), r"bilel \(approver\) cannot draft event-1: allowed: planner"),
        (0, change(Action.DRAFT, AMIRA, content={"region": "Sfax"}), "has no start_ms, end_ms, approve_by_ms"),
        (0, change(Action.DRAFT, AMIRA, content=CONTENT | {"end_ms": 1}), "that before end_ms"),
        (0, change(Action.DRAFT, AMIRA, content=CONTENT | {"end_ms": "late"}), "allowed: a name, integers"),
        (0, change(Action.DRAFT, CHIRAZ, content=ELSEWHERE), "chiraz cannot draft event-1 in Tunis: .*: Sfax"),
        (1, change(Action.DRAFT, AMIRA, content=CONTENT), "there is an event with this id"),
        (1, change(Action.APPROVE, BILEL), "it is draft; allowed from: proposed"),
        (1, change(Action.PROPOSE, AMIRA, hash_="0" * 64), f"allowed: {HASH[:12]}, its version 1"),
        (1, change(Action.PROPOSE, AMIRA, content=OTHER), "with other content: amend it first"),
        (1, change(Action.AMEND, AMIRA, content=CONTENT), "the content is the same"),
        (1, change(Action.AMEND, CHIRAZ, content=ELSEWHERE), "chiraz cannot amend event-1 in Tunis"),
        (2, change(Action.APPROVE, BILEL, 1), "too late to approve"),
        (2, change(Action.APPROVE, BILEL, 0.05), "the clock went backwards"),
        (2, change(Action.APPROVE, DALI, 0.5), r"dali \(viewer\)"),
        (2, change(Action.REJECT, BILEL, 0.5, reason=" "), "to reject event-1 needs a reason"),
        (2, change(Action.SCHEDULE, PLATFORM, 0.5), "it is proposed; allowed from: approved"),
        (2, change(Action.EXPIRE, PLATFORM, 0.5), "too early to expire"),
        (3, change(Action.SCHEDULE, PLATFORM, 2), "too late to schedule"),
        (3, change(Action.EXPIRE, PLATFORM, 1.5), "too early to expire"),
        (4, change(Action.START, PLATFORM, 1.9), "too early to start"),
        (5, change(Action.AMEND, AMIRA, 2.5, content=OTHER), "it is active; allowed from: draft, proposed"),
        (6, change(Action.CANCEL, AMIRA, 3.5), "it is completed; allowed from: draft, .*, active"),
        (7, change(Action.SETTLE, PLATFORM, 5), "it is settled; allowed from: completed"),
    ],
)  # fmt: skip
def test_event__refuses_what_is_not_allowed(before: int, refused: Change, message: str) -> None:
    ledger = ledger_after(*LIFE[:before])
    with pytest.raises(TransitionError, match=message):
        ledger.append(refused)


def test_approval__is_by_another_person_than_the_proposer() -> None:
    ledger = ledger_after(LIFE[0], change(Action.PROPOSE, CHIRAZ, 0.1))
    for action in (Action.APPROVE, Action.REJECT):
        with pytest.raises(TransitionError, match="chiraz proposed event-1 and cannot"):
            ledger.append(change(action, CHIRAZ, 0.2))
    approved, _ = ledger.append(change(Action.APPROVE, BILEL, 0.2))
    assert approved.events["event-1"].approver == "bilel"


@pytest.mark.parametrize("before", [1, 2, 3, 4])
def test_amendment__needs_a_new_approval(before: int) -> None:
    amended = ledger_after(*LIFE[:before], change(Action.AMEND, AMIRA, 0.5, content=OTHER)).events["event-1"]
    assert (amended.state, amended.version, amended.content_hash) == (State.DRAFT, 2, content_hash(OTHER))
    assert amended.approved_hash == amended.approver == amended.proposer == ""
    ledger = ledger_after(*LIFE[:before], change(Action.AMEND, AMIRA, 0.5, content=OTHER),
                          change(Action.PROPOSE, AMIRA, 0.6, hash_=content_hash(OTHER)))  # fmt: skip
    with pytest.raises(TransitionError, match="its version 2"):
        ledger.append(change(Action.APPROVE, BILEL, 0.7))


@pytest.mark.parametrize("before", [1, 2, 3, 4, 5])
def test_event__may_be_cancelled_before_it_is_completed(before: int) -> None:
    event = ledger_after(*LIFE[:before], change(Action.CANCEL, BILEL, 2.5)).events["event-1"]
    assert event.state is State.CANCELLED
    assert not event.is_dispatched


@pytest.mark.parametrize(("before", "after_h"), [(1, 1), (2, 1), (3, 2)])
def test_event__expires_when_its_time_has_passed(before: int, after_h: float) -> None:
    event = ledger_after(*LIFE[:before], change(Action.EXPIRE, PLATFORM, after_h)).events["event-1"]
    assert event.state is State.EXPIRED


def test_event__is_rejected_with_a_reason() -> None:
    event = ledger_after(*LIFE[:2], change(Action.REJECT, BILEL, 0.5, reason="too hot")).events["event-1"]
    assert (event.state, event.approved_hash) == (State.REJECTED, "")


CONTENTS = (CONTENT, OTHER, ELSEWHERE, CONTENT | {"approve_by_ms": CONTENT["start_ms"]})
USUAL = {
    None: Action.DRAFT,
    State.DRAFT: Action.PROPOSE,
    State.PROPOSED: Action.APPROVE,
    State.APPROVED: Action.SCHEDULE,
    State.SCHEDULED: Action.AMEND,
}
ABLE = {
    Action.DRAFT: (AMIRA, CHIRAZ),
    Action.PROPOSE: (AMIRA, CHIRAZ),
    Action.AMEND: (AMIRA, CHIRAZ),
    Action.APPROVE: (BILEL, CHIRAZ),
    Action.SCHEDULE: (PLATFORM,),
}
ATTEMPTS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.none(), st.sampled_from(Action)),
        st.integers(0, 9),
        st.sampled_from(CONTENTS),
        st.sampled_from((True, True, False)),
        st.sampled_from((0, 0, 0, 0, 0.1, 1)),
    ),
    min_size=8,
    max_size=40,
)


@settings(max_examples=examples(100))
@given(ATTEMPTS)
def test_no_sequence__dispatches_without_an_approval_by_another_of_exactly_that_content(attempts: list) -> None:
    ledger, accepted, time_ms = Ledger(), [], NOW_MS
    for wanted, actor, content, of_this_version, later_h in attempts:
        event, time_ms = ledger.events.get("event-1"), time_ms + round(later_h * HOUR_MS)
        action = wanted or USUAL.get(event and event.state, Action.CANCEL)
        doers = ABLE.get(action, ACTORS) if of_this_version else ACTORS
        hash_ = event.content_hash if event and of_this_version else content_hash(content)
        attempt = Change(action=action, event_id="event-1", actor=doers[actor % len(doers)], time_ms=time_ms,
                         reason="because", content=content if action in {Action.DRAFT, Action.AMEND} else None,
                         content_hash=hash_)  # fmt: skip
        try:
            ledger, _ = ledger.append(attempt)
        except TransitionError:
            continue
        accepted.append(attempt)
        if ledger.events["event-1"].is_dispatched:
            assert_approved_by_two(accepted)


def assert_approved_by_two(accepted: list[Change]) -> None:
    """Read from the accepted changes alone, backwards: approval, proposal, and the content that both are about."""
    backwards = iter(reversed(accepted))
    approval = next(one for one in backwards if one.action in {Action.APPROVE, Action.AMEND})
    proposal = next(one for one in backwards if one.action is Action.PROPOSE)
    content = next(one for one in backwards if one.action in {Action.DRAFT, Action.AMEND}).content
    assert approval.action is Action.APPROVE
    assert approval.actor.name != proposal.actor.name
    assert approval.content_hash == proposal.content_hash == content_hash(content)
    assert approval.actor.may_act_in(content["region"])
    assert approval.time_ms < content["approve_by_ms"]
