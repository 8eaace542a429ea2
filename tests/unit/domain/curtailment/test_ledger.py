from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridflex.domain.curtailment import (
    Action,
    Change,
    Fault,
    Ledger,
    Record,
    State,
    canonical_json,
    chained,
    fold,
    head,
    verify,
)
from gridflex.errors import LedgerError, TransitionError
from tests.support.curtailment import AMIRA, BILEL, LIFE, PLATFORM, change, plan_content
from tests.support.examples import examples


def records_of(changes: list[Change] | tuple[Change, ...]) -> list[Record]:
    ledger, records = Ledger(), []
    for one in changes:
        ledger, record = ledger.append(one)
        records.append(record)
    return records


def many_records() -> list[Record]:
    changes = [replace(one, event_id=f"event-{number}") for number in range(4) for one in LIFE]
    return records_of(sorted(changes, key=lambda one: one.time_ms))


CHAIN = many_records()
PLACES = st.integers(0, len(CHAIN) - 1)


def test_fold__gives_the_state_that_appending_gave() -> None:
    ledger = Ledger()
    for one in LIFE:
        ledger, _ = ledger.append(one)
    folded = fold(records_of(LIFE))
    assert folded.events == ledger.events
    assert folded.last == ledger.last
    assert folded.events["event-1"].state is State.SETTLED
    assert verify(CHAIN, head(CHAIN)) is None
    assert verify([]) is None


def test_record__survives_json() -> None:
    for record in CHAIN:
        assert Record.of(json.loads(record.to_json())) == record


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sequence": 0}, "needed: sequence, time_ms, who"),
        (json.loads(CHAIN[0].to_json()) | {"why": 3}, "found why=3"),
        (json.loads(CHAIN[0].to_json()) | {"what": {"content": float("nan")}}, "not JSON"),
    ],
)
def test_record__of_another_form_is_refused(values: dict, message: str) -> None:
    with pytest.raises(LedgerError, match=message):
        Record.of(values)


def test_canonical_json__refuses_what_is_not_json() -> None:
    for value in ({1: "a"}, {"a": float("inf")}, {"a": {1, 2}}):
        with pytest.raises(ValueError, match=r"allowed|compliant"):
            canonical_json(value)


FIELDS = st.sampled_from(["sequence", "time_ms", "who", "what", "why", "previous_hash", "hash"])


@settings(max_examples=examples(100))
@given(PLACES, FIELDS)
def test_verify__names_a_changed_record(place: int, name: str) -> None:
    record = CHAIN[place]
    value = getattr(record, name)
    other = {int: lambda: value + 1, str: lambda: value[1:] + "0x"}.get(type(value), lambda: {**value, "name": "eve"})()
    found = verify([*CHAIN[:place], replace(record, **{name: other}), *CHAIN[place + 1 :]])
    assert found
    assert (found.fault, found.position) == (Fault.CHANGED, place)
    assert f"record {place} is changed" in str(found)


@settings(max_examples=examples(50))
@given(PLACES)
def test_verify__names_a_record_that_was_written_anew(place: int) -> None:
    forged = replace(CHAIN[place], why="forged")
    found = verify([*CHAIN[:place], replace(forged, hash=forged.computed_hash), *CHAIN[place + 1 :]], head(CHAIN))
    assert found
    assert (found.fault, found.position, found.sequence) == (Fault.CHANGED, place, place)


@settings(max_examples=examples(50))
@given(PLACES)
def test_verify__names_a_dropped_record(place: int) -> None:
    found = verify([*CHAIN[:place], *CHAIN[place + 1 :]], head(CHAIN))
    assert found
    assert (found.fault, found.sequence) == (Fault.DROPPED, place)


@settings(max_examples=examples(100))
@given(PLACES, PLACES)
def test_verify__names_a_swapped_record(one: int, other: int) -> None:
    first, second = sorted((one, other))
    swapped = list(CHAIN)
    swapped[first], swapped[second] = swapped[second], swapped[first]
    found = verify(swapped)
    if first == second:
        assert found is None
    else:
        assert found
        assert (found.fault, found.sequence, found.position) == (Fault.SWAPPED, second, first)


@settings(max_examples=examples(100))
@given(PLACES, st.integers(0, len(CHAIN)), st.booleans())
def test_verify__names_an_added_record(copied: int, place: int, forged: bool) -> None:
    added = CHAIN[copied]
    if forged:
        last = CHAIN[place - 1] if place else None
        added = chained(last, change(Action.CANCEL, BILEL, 2.5))
    found = verify([*CHAIN[:place], added, *CHAIN[place:]], head(CHAIN))
    if forged and place == len(CHAIN):
        assert found
        assert (found.fault, found.sequence) == (Fault.NOT_ALLOWED, place)  # the chain may grow, but not by this
        return
    assert found
    assert (found.fault, found.sequence) == (Fault.ADDED, added.sequence)
    assert place <= found.position <= max(place, copied) + 1


def test_verify__finds_missing_last_records_by_the_head_alone() -> None:
    assert verify(CHAIN[:-2]) is None
    found = verify(CHAIN[:-2], head(CHAIN))
    assert found
    assert (found.fault, found.sequence) == (Fault.DROPPED, len(CHAIN) - 2)


def test_verify__finds_an_intact_chain_of_what_is_not_allowed() -> None:
    first = chained(None, LIFE[0])
    second = chained(first, change(Action.SCHEDULE, PLATFORM, 0.3))
    found = verify([first, second])
    assert found
    assert (found.fault, found.sequence) == (Fault.NOT_ALLOWED, 1)
    assert "cannot schedule event-1: it is draft" in found.detail
    with pytest.raises(TransitionError, match="ledger record 1: cannot schedule"):
        fold([first, second])


def test_verify__finds_a_record_of_no_change() -> None:
    first = chained(None, LIFE[0])
    odd = replace(first, what={"action": "explode"})
    found = verify([replace(odd, hash=odd.computed_hash)])
    assert found
    assert found.fault is Fault.NOT_ALLOWED


def test_ledger__is_as_it_was_after_a_refusal() -> None:
    ledger, _ = Ledger().append(LIFE[0])
    with pytest.raises(TransitionError):
        ledger.append(change(Action.APPROVE, BILEL))
    assert ledger.next_sequence == 1
    amended, record = ledger.append(change(Action.AMEND, AMIRA, 0.1, content=plan_content(target_kw=7)))
    assert ledger.events["event-1"].version == 1
    assert amended.events["event-1"].version == 2
    assert record.sequence == 1
