"""What people do with events, whichever way they ask: who may do it, what a plan must keep, and the ledger's word.

The two-person rule, regions and states are the domain's, enforced where the ledger is written; here stands who may see
what, and that a plan keeps its program, its classes' rules and the calls that other events have made.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from gridflex.config import Config
from gridflex.contracts.flexibility import load_rules
from gridflex.contracts.programs import load_programs
from gridflex.curtailment.planning import PlanOptions, plan_request
from gridflex.domain.curtailment import (
    Action,
    Actor,
    Change,
    Event,
    HeldEvent,
    Program,
    Record,
    Role,
    apply,
    called_groups,
    canonical_json,
    check_admission,
    check_calls,
    check_rules,
    content_hash,
    held_events,
)
from gridflex.domain.flexibility import NOT_ELIGIBLE, Rule
from gridflex.domain.openadr import Origin, check_origin, with_origin
from gridflex.errors import ActorError, DispatchError, GridflexError, LimitError, TransitionError, UsageError
from gridflex.events.planner import Planner
from gridflex.events.shared_ledger import Messages, SharedLedger, Snapshot

Content = Mapping[str, Any]
_DEEPEST = 12
_NOBODY: Messages = {}


class UnknownEventError(GridflexError):
    """There is no such event."""


class TooLargeError(GridflexError):
    """A plan that does not fit into one record of the ledger."""


class Dispatch(Protocol):
    """What the dispatcher adds to changes and answers."""

    def messages(self, change: Change, event: Event, content: Content) -> Messages:
        """What goes out in the same transaction as this change: for example what takes an event's commands back."""

    def results(self, event_id: str) -> Mapping[str, Any]:
        """Results of an event's commands, counted."""


@dataclass(frozen=True, slots=True)
class NoDispatch:
    """Nothing goes out, nothing comes back."""

    def messages(self, change: Change, event: Event, content: Content) -> Messages:
        """See ``Dispatch``."""
        return _NOBODY

    def results(self, event_id: str) -> Mapping[str, Any]:
        """See ``Dispatch``."""
        return {}


class EventService:
    """Events for people. Methods that write raise what ``SharedLedger`` raises, ``ActorError``, ``TransitionError``."""

    def __init__(
        self,
        config: Config,
        shared_ledger: SharedLedger,
        planner: Planner,
        dispatch: Dispatch | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``clock``: seconds since the epoch, the one that the ledger has."""
        self.shared_ledger, self._config, self._planner, self._clock = shared_ledger, config, planner, clock
        self.dispatch: Dispatch = dispatch or NoDispatch()
        self._zone = ZoneInfo(config.batch.time_zone)

    def event(self, actor: Actor, event_id: str) -> Event:
        """An event that the actor may see. Raises ``UnknownEventError``, ``ActorError``."""
        event = self.shared_ledger.ledger.events.get(event_id)
        if event is None:
            raise UnknownEventError(f"no event {event_id!r}")
        require(actor, frozenset(Role), event.region)
        return event

    def plan(self, actor: Actor, options: PlanOptions, origin: Origin | None = None) -> tuple[str, Content]:
        """Plan, and draft an event: its id and the plan. ``origin``: the VTN's event that it comes from."""
        require(actor, frozenset({Role.PLANNER}), options.region)
        if origin is not None:
            _check_origin(self.shared_ledger.snapshot, with_origin({}, origin))
        plan = self.planned(options)
        if origin is not None:
            plan = with_origin(plan, origin)
        return self.draft(actor, plan, "planned by the events service"), plan

    def planned(self, options: PlanOptions) -> Content:
        """A plan that rests whom other events call."""
        plan_request(self._config, options, now_ms=self._now_ms())
        return self._planner.plan(options, _held(self.shared_ledger.snapshot))

    def draft(self, actor: Actor, content: Content, why: str = "handed in as a document") -> str:
        """Make an event of a plan; its id comes from the plan, so that the same plan is never two events."""
        require(actor, frozenset({Role.PLANNER}), str(content.get("region", "")))
        self._check_size(content)
        event_id = f"event-{content_hash(content)[:12]}"
        change = Change(
            action=Action.DRAFT, event_id=event_id, actor=actor, time_ms=0, reason=why, content=content
        )  # fmt: skip
        self.shared_ledger.change(change, self._admitting(change))
        return event_id

    def amend(self, actor: Actor, event_id: str, content: Content, reason: str) -> Record:
        """Give an event another plan, which needs a new proposal and a new approval."""
        self.event(actor, event_id)
        require(actor, frozenset({Role.PLANNER}), str(content.get("region", "")))
        self._check_size(content)
        change = Change(
            action=Action.AMEND, event_id=event_id, actor=actor, time_ms=0, reason=reason, content=content
        )  # fmt: skip
        return self.shared_ledger.change(change, self._admitting(change))

    def decide(self, actor: Actor, action: Action, event_id: str, about: str = "", reason: str = "") -> Record:
        """Propose, approve, reject or cancel. ``about``: the hash of the content that was looked at."""
        self.event(actor, event_id)
        change = Change(
            action=action, event_id=event_id, actor=actor, time_ms=0, reason=reason, content_hash=about
        )  # fmt: skip
        return self.shared_ledger.change(change, self._deciding(change))

    def check(self, snapshot: Snapshot, event: Event, content: Content) -> None:
        """Raises ``DispatchError``, ``LimitError`` or ``UsageError``: a plan breaks a rule, or calls who must rest."""
        groups = called_groups(content)
        check_rules(groups, _rules())
        check_calls(_program(content), event, groups, _held(snapshot, but=event.event_id))

    def _admitting(self, change: Change) -> Callable[[Snapshot], Messages]:
        """What a draft or an amendment must keep."""

        def admit(snapshot: Snapshot) -> Messages:
            content, now_ms = change.content or {}, self._now_ms()
            _check_origin(snapshot, content, change.event_id)
            check_admission(content, program=_program(content), rules=_rules(), now_ms=now_ms, zone=self._zone)
            event = apply(snapshot.ledger.events.get(change.event_id), replace(change, time_ms=now_ms))
            self.check(snapshot, event, content)
            return self._messages(snapshot, change)

        admit(self.shared_ledger.snapshot)  # what is wrong with the plan itself needs no writer to be seen
        return admit

    def _deciding(self, change: Change) -> Callable[[Snapshot], Messages]:
        """Between a plan and its approval other events may have called the same households."""

        def check(snapshot: Snapshot) -> Messages:
            event = snapshot.ledger.events.get(change.event_id)
            if event is not None and change.action in {Action.PROPOSE, Action.APPROVE}:
                try:
                    self.check(snapshot, event, snapshot.newest[change.event_id])
                except (LimitError, DispatchError) as problem:
                    raise TransitionError(f"cannot {change.action} {change.event_id}: {problem}") from None
            return self._messages(snapshot, change)

        return check

    def _messages(self, snapshot: Snapshot, change: Change) -> Messages:
        event = snapshot.ledger.events.get(change.event_id)
        return self.dispatch.messages(change, event, snapshot.newest[change.event_id]) if event else _NOBODY

    def _now_ms(self) -> int:
        return round(self._clock() * 1000)

    def _check_size(self, content: Content) -> None:
        if _depth(content) > _DEEPEST:
            raise UsageError(f"plan: nested deeper than {_DEEPEST} levels")
        try:
            size = len(canonical_json(content))
        except ValueError as problem:
            raise UsageError(f"plan: {problem}") from None
        most = self._config.events.max_body_kb * 1000
        if size > most:
            raise TooLargeError(f"plan: found {size:,} bytes; allowed: at most {most:,} (events.max_body_kb)")


def require(actor: Actor, roles: frozenset[Role], region: str) -> None:
    """Raises ``ActorError`` when the actor has none of the roles, or may not act in the region."""
    if not actor.roles & roles:
        raise ActorError(f"{actor.name} is {', '.join(sorted(actor.roles))}; allowed: {', '.join(sorted(roles))}")
    if region and not actor.may_act_in(region):
        raise ActorError(f"{actor.name} may not act in {region!r}; allowed: {', '.join(sorted(actor.regions or ()))}")


def _check_origin(snapshot: Snapshot, content: Content, event_id: str = "") -> None:
    events = snapshot.ledger.events
    check_origin(content, ((event, snapshot.histories[name]) for name, event in events.items() if name != event_id))


def _held(snapshot: Snapshot, *, but: str = "") -> list[HeldEvent]:
    return held_events(snapshot.ledger.events, snapshot.newest, but=but)


def _program(content: Content) -> Program:
    programs, name = load_programs(), content.get("program")
    if name not in programs:
        raise UsageError(f"program: found {name!r}; allowed: {', '.join(programs)}")
    return programs[str(name)]


def _rules() -> dict[str, Rule]:
    rules = load_rules()
    codes = {appliance: rules.code(appliance, "") for appliance, _ in rules.codes}
    return {appliance: rules.rows[code] for appliance, code in codes.items() if code != NOT_ELIGIBLE}


def _depth(value: object) -> int:
    """Levels of a JSON value, counted no further than is allowed."""
    level, depth = [value], 0
    while level and depth <= _DEEPEST:
        inner: list[object] = []
        for one in level:
            inner += one.values() if isinstance(one, Mapping) else one if isinstance(one, list | tuple) else ()
        level, depth = inner, depth + 1
    return depth
