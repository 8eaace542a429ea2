from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gridflex.config import Config, Kafka
from gridflex.curtailment.planning import PlanOptions
from gridflex.domain.curtailment import Action, Ledger, Record, State, content_hash
from gridflex.errors import LedgerError
from gridflex.events.event_service import EventService
from gridflex.events.shared_ledger import SharedLedger, Snapshot
from tests.support.curtailment import AMIRA, BILEL, CONTENT, LIFE, change, plan_content
from tests.support.dispatching import PlanAtHand
from tests.support.events import NOBODY_LISTENS, handed_plan

OTHER = plan_content(90.0)


def chain() -> tuple[Ledger, list[Record]]:
    """Three events: one settled, one amended after its proposal, one cancelled."""
    changes = [
        *LIFE[:2],
        *(replace(one, event_id="event-2") for one in LIFE[:2]),
        replace(change(Action.AMEND, AMIRA, 0.15, content=OTHER), event_id="event-2"),
        *LIFE[2:],
        replace(LIFE[0], event_id="event-3"),
        replace(change(Action.CANCEL, AMIRA, 0.2), event_id="event-3"),
    ]
    ledger, records = Ledger(), []
    for one in changes:
        ledger, record = ledger.append(one)
        records.append(record)
    return ledger, records


def test_snapshot__with_one_record_more_is_that_of_the_whole_chain() -> None:
    _, records = chain()
    ledger, grown = Ledger(), Snapshot()
    for length, record in enumerate(records, 1):
        ledger, _ = ledger.append(record.change())
        grown = grown.after(ledger, record)
        assert grown == Snapshot.of(records[:length])


def test_snapshot__tells_the_newest_plan_of_each_event_and_which_have_not_ended() -> None:
    ledger, records = chain()
    found = Snapshot.folded(ledger, records)
    assert found.newest == {"event-1": CONTENT, "event-2": OTHER, "event-3": CONTENT}
    assert {name: event.state for name, event in found.current.items()} == {"event-2": State.DRAFT}
    assert [record.sequence for record in found.histories["event-2"]] == [2, 3, 4]


def test_snapshot__of_a_chain_that_is_not_in_order_names_the_record() -> None:
    _, records = chain()
    with pytest.raises(LedgerError, match="record 3 is dropped"):
        Snapshot.of(records[:3] + records[4:])


def test_plan_in_the_service__rests_whom_the_snapshot_calls_without_asking_kafka() -> None:
    content = handed_plan()
    ledger, records, event_id = Ledger(), [], "event-1"
    now_ms = content["start_ms"] - 600_000
    for action, actor in ((Action.DRAFT, AMIRA), (Action.PROPOSE, AMIRA), (Action.APPROVE, BILEL)):
        plan = content if action is Action.DRAFT else None
        one = replace(change(action, actor, content=plan, hash_=content_hash(content)), time_ms=now_ms)
        ledger, record = ledger.append(one)
        records.append(record)
    shared_ledger = SharedLedger(Kafka(bootstrap_servers=NOBODY_LISTENS))
    shared_ledger._know(Snapshot.folded(ledger, records))
    planner = _Asked({"region": "Sfax"})
    options = PlanOptions(region="Sfax", target_kw=1.0, start_ms=content["start_ms"], end_ms=content["end_ms"],
                          program="emergency")  # fmt: skip
    assert EventService(Config(), shared_ledger, planner).planned(options) == {"region": "Sfax"}
    assert [one.event_id for one in planner.held] == [event_id]


class _Asked(PlanAtHand):
    held: Any = ()

    def plan(self, options: PlanOptions, held: Any) -> Any:
        self.held = held
        return super().plan(options, held)
