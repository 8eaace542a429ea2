"""A day of random events: people who may and who may not, a real ledger, a clock that goes on by itself, and houses.

Everything is drawn by one seed. What is refused is counted by its reason. What must never be is not looked for here:
``tests.support.ledger_watch`` does so on the topics, and ``house_faults`` in the houses.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random

from gridflex.adapters.kafka.command_messages import command_messages
from gridflex.config import Config
from gridflex.curtailment.planning import PlanOptions
from gridflex.domain.curtailment import (
    PLATFORM,
    Action,
    Actor,
    Change,
    Event,
    Role,
    commands_of,
    content_hash,
)
from gridflex.errors import GridflexError, TransitionError
from gridflex.events.dispatcher import Dispatcher
from gridflex.events.event_service import EventService
from gridflex.events.shared_ledger import SharedLedger
from gridflex.events.top_up import TopUps
from tests.support.dispatching import Clock
from tests.support.random_houses import Houses
from tests.support.random_plans import FORBIDDEN, REGIONS, FleetPlanner, handed_in, named

MINUTE_MS = 60_000
_BOTH = frozenset({Role.PLANNER, Role.APPROVER})
PEOPLE = (
    Actor(name="amira", roles=frozenset({Role.PLANNER})),
    Actor(name="bilel", roles=frozenset({Role.APPROVER})),
    Actor(name="chiraz", roles=_BOTH),
    Actor(name="emna", roles=_BOTH, regions=frozenset({"Sfax"})),
    Actor(name="farid", roles=frozenset({Role.APPROVER}), regions=frozenset({"Tunis", "Sousse"})),
    Actor(name="dali", roles=frozenset({Role.VIEWER})),
)
REASONS = {
    "approved by its proposer": "another person must",
    "another region": "may not act in|allowed regions",
    "a role that may not": r"cannot \w+ event\S+: allowed|\w+ is \w+.*; allowed: |allowed: (approver|planner|service)",
    "too late": "too late",
    "another content": "found content",
    "changed content": "with other content|the content is the same",
    "the same plan again": "there is an event with this id",
    "not in this state": "allowed from",
    "no reason": "needs a reason",
    "a control group": "control group",
    "called by another event": "rest hours|events per week|hours per season",
    "class's rule": "is off for|is on again for|is paused|must not be called|what its class allows",
    "program": "approve_by_ms|hours of the day|hours per event|notice time|program|weekdays|season",
    "no plan": "plan: |canonical|JSON|NaN|found float|region|cohort|off-runs",
    "out of reach": "target|nobody|no plan|is left",
    "changed meanwhile": "changed meanwhile",
    "no event": "no event",
}
"""Words of a refusal, by its kind; the first that fits counts."""


@dataclass
class Service:
    """One events service, without its web address."""

    shared_ledger: SharedLedger
    event_service: EventService
    dispatcher: Dispatcher
    top_ups: TopUps


@dataclass
class Day:
    """``go`` does one thing at random. ``mean_step_min``: how far the clock goes on when it does."""

    config: Config
    random: Random
    clock: Clock
    mean_step_min: float
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By what was tried and why not."""
    done: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.houses = Houses(self.config.kafka, self.clock)
        self.services = [self._service(), self._service()]
        self.service = self.services[0]
        self.hashes: dict[str, list[str]] = defaultdict(list)
        """Every content that an event has had."""

    def _service(self) -> Service:
        shared_ledger = SharedLedger(self.config.kafka, self.clock)
        event_service = EventService(
            self.config, shared_ledger, FleetPlanner(self.clock, self.config.batch.time_zone), clock=self.clock
        )
        top_ups = TopUps(event_service, self.clock)
        event_service.dispatch = dispatcher = Dispatcher(
            self.config.kafka, shared_ledger, event_service.check, top_ups, self.clock
        )
        return Service(shared_ledger, event_service, dispatcher, top_ups)

    def go(self) -> None:
        """One step."""
        ways: dict[Callable[[], object], float] = {
            self.draft: 18, self.plan: 1.5, self.forbidden: 5, self.propose: 18, self.approve: 26, self.amend: 5,
            self.reject: 2, self.cancel: 3, self.attack: 4, self.opt_out: 2, self.pass_time: 18,
            self.change_service: 0.6,
        }  # fmt: skip
        (way,) = self.random.choices([*ways], [*ways.values()])
        name = way.__name__
        try:
            way()
            self.done[name] += 1
        except GridflexError as problem:
            self.refused[name, reason_of(str(problem))] += 1

    def draft(self) -> None:
        """Somebody hands a plan in; at times one that is there already."""
        known = [
            record.what["content"] for record in self.service.shared_ledger.snapshot.records if record.what["content"]
        ]
        again = known and self.random.random() < 0.05
        plan = self.random.choice(known) if again else named(handed_in(self.random, self._now_ms()))
        self._note(self.service.event_service.draft(self._person(Role.PLANNER, plan["region"]), plan))

    def plan(self) -> None:
        """Somebody lets the planner plan."""
        start_ms = (self._now_ms() // (5 * MINUTE_MS) + self.random.randint(4, 30)) * 5 * MINUTE_MS
        region = self.random.choice(REGIONS)
        options = PlanOptions(
            region=region, target_kw=self.random.uniform(0.5, 8), start_ms=start_ms,
            end_ms=start_ms + self.random.choice([30, 60]) * MINUTE_MS, seed=self.random.randrange(100),
            program=self.random.choice(["standard", "emergency", "emergency"]),
        )  # fmt: skip
        self._note(self.service.event_service.plan(self._person(Role.PLANNER, region), options)[0])

    def forbidden(self) -> None:
        """A plan that must not be let in, from somebody who may hand plans in."""
        what = self.random.choice([*FORBIDDEN])
        plan = FORBIDDEN[what](named(handed_in(self.random, self._now_ms())))
        self.service.event_service.draft(PEOPLE[0], plan)
        raise AssertionError(f"{what} was let in: {plan}")

    def propose(self) -> None:
        """Somebody proposes an event, most likely a draft; without one somebody drafts."""
        if not self._has("draft"):
            self.draft()
        event = self._event("draft")
        person = self._person(Role.PLANNER, event.region)
        self.service.event_service.decide(person, Action.PROPOSE, event.event_id, self._about(event))

    def approve(self) -> None:
        """Somebody approves an event, most likely one that is proposed; at times its proposer.

        The dispatcher schedules it at once, unless it is away just then.
        """
        if not self._has("proposed"):
            self.propose()
        event = self._event("proposed")
        person = self._person(Role.APPROVER, event.region, event.proposer)
        if event.proposer and self.random.random() < 0.15:
            person = next((one for one in PEOPLE if one.name == event.proposer), person)
        self.service.event_service.decide(person, Action.APPROVE, event.event_id, self._about(event))
        if self.random.random() < 0.85:
            self.settle()

    def amend(self) -> None:
        """Somebody gives an event another plan, or the same."""
        event = self._event("proposed", "approved", "scheduled")
        plan = named(handed_in(self.random, self._now_ms()))
        if self.random.random() < 0.1:
            plan = dict(self.service.shared_ledger.content(event.event_id))
        person = self._person(Role.PLANNER, event.region)
        self.service.event_service.amend(person, event.event_id, plan, self.random.choice(["fewer", "other", " "]))
        self.houses.hear()
        self._note(event.event_id)

    def reject(self) -> None:
        """Somebody rejects an event."""
        event = self._event("proposed")
        person = self._person(Role.APPROVER, event.region, event.proposer)
        self.service.event_service.decide(person, Action.REJECT, event.event_id, self._about(event), "not today")

    def cancel(self) -> None:
        """Somebody cancels an event, most likely one that was dispatched."""
        event = self._event("scheduled", "active")
        why = self.random.choice(["a line is down", ""])
        person = self._person(Role.PLANNER, event.region)
        self.service.event_service.decide(person, Action.CANCEL, event.event_id, reason=why)
        self.houses.hear()

    def attack(self) -> None:
        """What no route of the service offers: changes past the event service, with commands of their own."""
        self.service.shared_ledger.refresh()
        event = self._event("draft", "proposed", "active")
        content = self.service.shared_ledger.content(event.event_id)
        other = named({**content, "target_kw": content["target_kw"] * 2})
        forged = [
            one for plan in (content, other)
            for one in commands_of(_forced(event, plan), plan)
        ]  # fmt: skip
        about = {"event_id": event.event_id, "time_ms": 0, "content_hash": event.content_hash}
        change = self.random.choice([
            Change(action=Action.SCHEDULE, actor=PLATFORM, **about) if event.state != "approved" else None,
            Change(action=Action.SCHEDULE, actor=self.random.choice(PEOPLE), **about),
            Change(action=Action.APPROVE, actor=PLATFORM, **about),
            Change(action=Action.APPROVE, actor=PEOPLE[1], content=other, **about),
            Change(action=Action.APPROVE, actor=PEOPLE[1], **(about | {"content_hash": content_hash(other)})),
            Change(action=Action.START, actor=self.random.choice(PEOPLE), **about),
        ])  # fmt: skip
        if change is None:
            return
        self.service.shared_ledger.change(change, command_messages(self.config.kafka, forged))
        raise AssertionError(f"{change} was let in")

    def opt_out(self) -> None:
        """A household opts out, for an hour or for good, or comes back."""
        self.houses.say(self.random)

    def pass_time(self) -> None:
        """The clock goes on, the dispatcher does what is due, and houses follow."""
        self.clock.now_s += 1 + self.random.expovariate(1 / (self.mean_step_min * 60))
        self.settle()

    def change_service(self) -> None:
        """The other service takes over, or this one is started anew."""
        if self.random.random() < 0.3:
            close(self.service)
            self.services[self.services.index(self.service)] = new = self._service()
            new.shared_ledger.open()
        self.service = self.random.choice(self.services)

    def settle(self) -> None:
        """Until nothing is due at this instant."""
        for _ in range(50):
            done = self.service.dispatcher.step()
            moved = self.houses.follow()
            if not (done or moved or self.service.top_ups._running):
                return

    def close(self) -> None:
        """Close all connections."""
        for service in self.services:
            close(service)
        self.houses.close()

    def _note(self, event_id: str) -> None:
        self.hashes[event_id].append(self.service.shared_ledger.ledger.events[event_id].content_hash)

    def _person(self, role: Role, region: str, but: str = "") -> Actor:
        """Most likely one who may do it; else anybody."""
        able = [one for one in PEOPLE if role in one.roles and one.may_act_in(region) and one.name != but]
        return self.random.choice(able if self.random.random() < 0.75 else PEOPLE)

    def _has(self, state: str) -> bool:
        return any(one.state == state for one in self.service.shared_ledger.snapshot.current.values())

    def _event(self, *states: str) -> Event:
        """Most likely one in one of these states; newer ones rather than older ones."""
        events = [*self.service.shared_ledger.ledger.events.values()]
        fitting = [one for one in events if one.state in states]
        if fitting and self.random.random() < 0.95:
            events = fitting
        if not events:
            raise TransitionError("no event yet")
        return self.random.choice(events[-20:])

    def _about(self, event: Event) -> str:
        """The hash of what is decided on: that of the event, or of what it was, or of another one."""
        drawn = self.random.random()
        if drawn < 0.85:
            return event.content_hash
        pool = (
            self.hashes[event.event_id] if drawn < 0.95 else [found for all_ in self.hashes.values() for found in all_]
        )
        return self.random.choice(pool or [""])

    def _now_ms(self) -> int:
        return round(self.clock() * 1000)


def reason_of(text: str) -> str:
    """The kind of a refusal; one that is of no kind is told as it is."""
    return next((name for name, pattern in REASONS.items() if re.search(pattern, text)), text)


def close(service: Service) -> None:
    """Close what a service has open."""
    service.top_ups._worker.shutdown()
    for source in (service.dispatcher._inbox, service.dispatcher._enrolment):
        if source is not None:
            source.close()
    service.shared_ledger.close()


def _forced(event: Event, plan: dict[str, object]) -> Event:
    """An event as if this plan had been approved."""
    return replace(event, approved_hash=content_hash(plan))
