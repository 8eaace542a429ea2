"""A dispatcher on a real Kafka with a clock that a test sets, and one that kills itself: ``python -m
tests.support.dispatching STEP CLOCK_S``."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gridflex.adapters.kafka.command_messages import decode_command
from gridflex.config import Kafka, load_config
from gridflex.curtailment.planning import PlanOptions
from gridflex.domain.curtailment import (
    Action,
    Actor,
    Change,
    Command,
    Event,
    HeldEvent,
    Record,
    content_hash,
)
from gridflex.errors import LimitError
from gridflex.events.dispatcher import Dispatcher
from gridflex.events.event_service import EventService
from gridflex.events.planner import Planner
from gridflex.events.shared_ledger import SharedLedger
from gridflex.events.top_up import TopUps
from tests.support.curtailment import AMIRA, BILEL
from tests.support.dying_producer import dying_at
from tests.support.topics import read_messages


@dataclass
class Clock:
    """Seconds since the epoch, as the test says."""

    now_s: float

    def __call__(self) -> float:
        return self.now_s


class PlanAtHand(Planner):
    """Gives out a plan that was made before, or says that nobody is left."""

    def __init__(self, content: Mapping[str, Any] | None) -> None:
        self.content, self.asked = content, list[PlanOptions]()

    def plan(self, options: PlanOptions, held: Sequence[HeldEvent]) -> Mapping[str, Any]:
        self.asked.append(options)
        if self.content is None:
            raise LimitError("nobody is left")
        return self.content


def dispatcher_of(kafka: Kafka, clock: Clock, plan: Mapping[str, Any] | None = None) -> tuple[SharedLedger, Dispatcher]:
    """A ledger and a dispatcher with this clock."""
    shared_ledger = SharedLedger(kafka, clock)
    event_service = EventService(load_config(), shared_ledger, PlanAtHand(plan))
    dispatcher = Dispatcher(kafka, shared_ledger, event_service.check, TopUps(event_service, clock), clock)
    event_service.dispatch = dispatcher
    return shared_ledger, dispatcher


def do(shared_ledger: SharedLedger, action: Action, event_id: str, actor: Actor, **more: Any) -> Record:
    """One change by a person, about the content as it is."""
    about = content_hash(shared_ledger.content(event_id))
    return shared_ledger.change(
        Change(action=action, event_id=event_id, actor=actor, time_ms=0, content_hash=about, **more)
    )


def approve(shared_ledger: SharedLedger, event_id: str, content: Mapping[str, Any]) -> Event:
    """Draft, propose and approve an event."""
    shared_ledger.change(Change(action=Action.DRAFT, event_id=event_id, actor=AMIRA, time_ms=0, content=content))
    do(shared_ledger, Action.PROPOSE, event_id, AMIRA)
    do(shared_ledger, Action.APPROVE, event_id, BILEL)
    return shared_ledger.ledger.events[event_id]


def commands_on(kafka: Kafka, event_id: str) -> list[Command]:
    """The committed commands of an event, by their ids."""
    found = [decode_command(message.value() or b"") for message in read_messages(kafka.bootstrap_servers, "commands")]
    return sorted((one for one in found if one.event_id == event_id), key=lambda one: one.command_id)


def main(step: str, clock_s: str) -> None:
    """Do what is due at an instant; dies at the step of the first change."""
    with dying_at(step):
        _, dispatcher = dispatcher_of(load_config().kafka, Clock(float(clock_s)))
        dispatcher.step()


if __name__ == "__main__":
    main(*sys.argv[1:])
