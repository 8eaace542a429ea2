from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from gridflex.domain.curtailment import Action, Actor, Change, Ledger, Record, content_hash
from gridflex.domain.openadr import REPORTED, STEP_MS, event_document, instant, wanted
from gridflex.errors import DispatchError
from tests.support.curtailment import AMIRA, BILEL, PLATFORM
from tests.support.vtn_events import START_MS, plan

HOUR_MS = 3_600_000
NOW_MS = START_MS - HOUR_MS
FIRST, SECOND = plan([80.0, 70.0]), plan([60.0, 60.0])
Step = tuple[Action, Actor, dict[str, Any]]
APPROVED = ((Action.PROPOSE, AMIRA, FIRST), (Action.APPROVE, BILEL, FIRST), (Action.SCHEDULE, PLATFORM, FIRST))
SCHEDULED: tuple[Step, ...] = ((Action.DRAFT, AMIRA, FIRST), *APPROVED)
AMENDED: tuple[Step, ...] = (*SCHEDULED, (Action.AMEND, AMIRA, SECOND))
AGAIN: tuple[Step, ...] = (
    *AMENDED,
    (Action.PROPOSE, AMIRA, SECOND),
    (Action.APPROVE, BILEL, SECOND),
    (Action.SCHEDULE, PLATFORM, SECOND),
)
CANCELLED: tuple[Step, ...] = (*SCHEDULED, (Action.CANCEL, AMIRA, FIRST))


def told(steps: Sequence[Step], now_ms: int = NOW_MS) -> list[tuple[str, bool]]:
    """Names and cancellations that a VTN is to hold after these changes."""
    ledger, records = Ledger(), list[Record]()
    for action, actor, content in steps:
        change = Change(
            action=action, event_id="event-0123456789ab", actor=actor, time_ms=NOW_MS, reason="r",
            content=content if action in {Action.DRAFT, Action.AMEND} else None, content_hash=content_hash(content),
        )  # fmt: skip
        ledger, record = ledger.append(change)
        records.append(record)
    found = wanted(ledger.events, {"event-0123456789ab": records}, now_ms)
    return [(one.name, one.cancelled) for one in found]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (SCHEDULED[:1], []),
        (SCHEDULED[:3], []),
        (SCHEDULED, [("event-0123456789ab-v1", False)]),
        (AMENDED, [("event-0123456789ab-v1", True)]),
        (AGAIN, [("event-0123456789ab-v1", True), ("event-0123456789ab-v2", False)]),
        (CANCELLED, [("event-0123456789ab-v1", True)]),
        ((*SCHEDULED[:2], (Action.CANCEL, AMIRA, FIRST)), []),
    ],
)
def test_vtn__is_to_hold_what_was_dispatched(steps: Sequence[Step], expected: list[tuple[str, bool]]) -> None:
    assert told(steps) == expected


def test_vtn__is_not_told_of_what_is_over_but_of_what_was_cancelled() -> None:
    end_ms = START_MS + 2 * STEP_MS
    assert told(SCHEDULED, end_ms - 1) == [("event-0123456789ab-v1", False)]
    assert told(SCHEDULED, end_ms) == []
    assert told(CANCELLED, end_ms) == [("event-0123456789ab-v1", True)]
    assert told(CANCELLED, end_ms + 24 * HOUR_MS) == []


def test_event__names_its_places_its_setpoints_and_the_reports_wanted() -> None:
    document = event_document("event-0123456789ab", 3, plan([80.0, -5.0], "Sfax-F01", "Nord 2"), "p-1")
    assert document["eventName"] == "event-0123456789ab-v3"
    assert document["programID"] == "p-1"
    assert document["targets"] == ["region__Sfax", "feeder__Sfax__Nord_20-2", "feeder__Sfax__Sfax-F01"]
    assert document["intervalPeriod"] == {"start": instant(START_MS), "duration": "PT300S"}
    assert [one["payloads"][0]["values"] for one in document["intervals"]] == [[-80.0], [5.0]]
    assert [one["payloadType"] for one in document["reportDescriptors"]] == list(REPORTED)


def test_place__that_cannot_be_a_target_is_refused() -> None:
    with pytest.raises(DispatchError, match="cannot be a target"):
        event_document("event-0123456789ab", 1, plan([1.0], "x" * 150), "p")
