"""Defines the states of a curtailment event, and which action by whom leads from one to the next.

::

    draft -> proposed -> approved -> scheduled -> active -> completed -> settled
                |
                +-> rejected              expired: from draft, proposed or approved, when its time has passed
                                          cancelled: from every state before completed
    an amendment leads from draft .. scheduled back to draft, with the next version and no approval

An approval is for one content hash, by another person than the proposer of that version. An active event is not
amended: it is cancelled, or topped up by another event with an approval of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from gridflex.domain.curtailment.actors import Actor, Role
from gridflex.domain.curtailment.canonical import content_hash
from gridflex.errors import ActorError, TransitionError


class State(StrEnum):
    """The states of an event."""

    DRAFT = "draft"
    PROPOSED = "proposed"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    ACTIVE = "active"
    COMPLETED = "completed"
    SETTLED = "settled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class Action(StrEnum):
    """The actions that change an event."""

    DRAFT = "draft"
    PROPOSE = "propose"
    APPROVE = "approve"
    REJECT = "reject"
    SCHEDULE = "schedule"
    START = "start"
    COMPLETE = "complete"
    SETTLE = "settle"
    AMEND = "amend"
    CANCEL = "cancel"
    EXPIRE = "expire"


DISPATCHED = frozenset({State.SCHEDULED, State.ACTIVE, State.COMPLETED, State.SETTLED})
"""States in which an event's commands have been given out."""
ENDED = frozenset({State.COMPLETED, State.SETTLED, State.REJECTED, State.EXPIRED, State.CANCELLED})
"""States in which time asks nothing more of an event."""
_BEFORE_ACTIVE = (State.DRAFT, State.PROPOSED, State.APPROVED, State.SCHEDULED)
_RULES: Mapping[Action, tuple[tuple[State, ...], State, frozenset[Role]]] = {
    Action.PROPOSE: ((State.DRAFT,), State.PROPOSED, frozenset({Role.PLANNER})),
    Action.APPROVE: ((State.PROPOSED,), State.APPROVED, frozenset({Role.APPROVER})),
    Action.REJECT: ((State.PROPOSED,), State.REJECTED, frozenset({Role.APPROVER})),
    Action.SCHEDULE: ((State.APPROVED,), State.SCHEDULED, frozenset({Role.SERVICE})),
    Action.START: ((State.SCHEDULED,), State.ACTIVE, frozenset({Role.SERVICE})),
    Action.COMPLETE: ((State.ACTIVE,), State.COMPLETED, frozenset({Role.SERVICE})),
    Action.SETTLE: ((State.COMPLETED,), State.SETTLED, frozenset({Role.SERVICE})),
    Action.AMEND: (_BEFORE_ACTIVE, State.DRAFT, frozenset({Role.PLANNER})),
    Action.EXPIRE: (_BEFORE_ACTIVE[:3], State.EXPIRED, frozenset({Role.SERVICE})),
    Action.CANCEL: (
        (*_BEFORE_ACTIVE, State.ACTIVE),
        State.CANCELLED,
        frozenset({Role.PLANNER, Role.APPROVER, Role.SERVICE}),
    ),
}
"""From which states, to which, by which roles."""
_NEEDS_REASON = frozenset({Action.REJECT, Action.CANCEL, Action.AMEND})
_NEEDS_HASH = frozenset({Action.PROPOSE, Action.APPROVE, Action.REJECT, Action.SCHEDULE})
_TIMES = ("start_ms", "end_ms", "approve_by_ms")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One action on one event: by whom, when, what and why."""

    action: Action
    event_id: str
    actor: Actor
    time_ms: int
    """UTC epoch."""
    reason: str = ""
    """Required to reject, cancel and amend."""
    content: Mapping[str, Any] | None = None
    """Of a draft or an amendment: the plan, as JSON values with ``region``, ``start_ms``, ``end_ms`` and
    ``approve_by_ms`` (UTC epoch) at its top."""
    content_hash: str = ""
    """Required to propose, approve, reject and schedule: the hash of the content that this is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event after its last change."""

    event_id: str
    state: State
    version: int
    """Counts the plan's versions from 1."""
    content_hash: str
    """Of this version's content."""
    region: str
    start_ms: int
    end_ms: int
    approve_by_ms: int
    """Not approved before this instant, it expires."""
    changed_ms: int
    """When the last change was made."""
    proposer: str = ""
    """Who proposed this version."""
    approver: str = ""
    """Who approved this version, or rejected it."""
    approved_hash: str = ""
    """The content that was approved; empty without an approval of this version."""

    @property
    def is_dispatched(self) -> bool:
        """Whether its commands have been given out and not taken back."""
        return self.state in DISPATCHED


def apply(event: Event | None, change: Change) -> Event:
    """The event after a change; ``None`` stands for one that does not exist.

    Raises ``TransitionError`` saying what the event, the actor or the clock does not allow.
    """
    if change.action is Action.DRAFT:
        return _draft(event, change)
    if event is None or event.event_id != change.event_id:
        raise TransitionError(f"no event {change.event_id!r}: it must be drafted before anybody can {change.action} it")
    sources, target, roles = _RULES[change.action]
    if event.state not in sources:
        allowed = ", ".join(sources)
        raise TransitionError(f"cannot {change.action} {event.event_id}: it is {event.state}; allowed from: {allowed}")
    _check_actor(change, event.region, roles)
    _check_words(event, change)
    _check_time(event, change)
    if change.action is Action.AMEND:
        return _amended(event, change)
    after = replace(event, state=target, changed_ms=change.time_ms)
    if change.action is Action.PROPOSE:
        return replace(after, proposer=change.actor.name)
    if change.action in {Action.APPROVE, Action.REJECT}:
        return _decided(after, change)
    if change.action is Action.SCHEDULE and event.approved_hash != event.content_hash:
        raise TransitionError(f"cannot schedule {event.event_id}: its content was not approved")
    return after


def _draft(event: Event | None, change: Change) -> Event:
    if event is not None:
        raise TransitionError(f"cannot draft {change.event_id}: there is an event with this id; amend it instead")
    region, times = _facts(change)
    _check_actor(change, region, frozenset({Role.PLANNER}))
    return Event(
        event_id=change.event_id,
        state=State.DRAFT,
        version=1,
        content_hash=content_hash(change.content),
        region=region,
        changed_ms=change.time_ms,
        start_ms=times["start_ms"],
        end_ms=times["end_ms"],
        approve_by_ms=times["approve_by_ms"],
    )


def _amended(event: Event, change: Change) -> Event:
    region, times = _facts(change)
    _check_actor(change, region, frozenset({Role.PLANNER}))
    amended = content_hash(change.content)
    if amended == event.content_hash:
        raise TransitionError(f"cannot amend {event.event_id}: the content is the same")
    return replace(
        event,
        state=State.DRAFT,
        version=event.version + 1,
        content_hash=amended,
        region=region,
        changed_ms=change.time_ms,
        proposer="",
        approver="",
        approved_hash="",
        start_ms=times["start_ms"],
        end_ms=times["end_ms"],
        approve_by_ms=times["approve_by_ms"],
    )


def _decided(event: Event, change: Change) -> Event:
    if change.actor.name == event.proposer:
        raise ActorError(
            f"{change.actor.name} proposed {event.event_id} and cannot {change.action} it: another person must"
        )
    approved = event.content_hash if change.action is Action.APPROVE else ""
    return replace(event, approver=change.actor.name, approved_hash=approved)


def _facts(change: Change) -> tuple[str, dict[str, int]]:
    """Region and times of the content."""
    content = change.content or {}
    missing = [name for name in ("region", *_TIMES) if name not in content]
    if missing:
        raise TransitionError(f"cannot {change.action} {change.event_id}: its content has no {', '.join(missing)}")
    region, times = content["region"], {name: content[name] for name in _TIMES}
    if not isinstance(region, str) or not region or any(type(value) is not int for value in times.values()):
        raise TransitionError(
            f"cannot {change.action} {change.event_id}: found region {region!r}, {times}; allowed: a name, integers"
        )
    if not change.time_ms < times["approve_by_ms"] <= times["start_ms"] < times["end_ms"]:
        raise TransitionError(
            f"cannot {change.action} {change.event_id}: found now={change.time_ms}, "
            + ", ".join(f"{name}={times[name]}" for name in ("approve_by_ms", "start_ms", "end_ms"))
            + "; allowed: now before approve_by_ms, that not after start_ms, that before end_ms"
        )
    return region, times


def _check_actor(change: Change, region: str, roles: frozenset[Role]) -> None:
    actor = change.actor
    if not actor.roles & roles:
        has = ", ".join(sorted(actor.roles)) or "no role"
        raise ActorError(
            f"{actor.name} ({has}) cannot {change.action} {change.event_id}: allowed: {', '.join(sorted(roles))}"
        )
    if not actor.may_act_in(region):
        raise ActorError(
            f"{actor.name} cannot {change.action} {change.event_id} in {region}: "
            f"allowed regions: {', '.join(sorted(actor.regions or ())) or 'none'}"
        )


def _check_words(event: Event, change: Change) -> None:
    if change.action in _NEEDS_REASON and not change.reason.strip():
        raise TransitionError(f"to {change.action} {event.event_id} needs a reason")
    if change.action in _NEEDS_HASH and change.content_hash != event.content_hash:
        raise TransitionError(
            f"cannot {change.action} {event.event_id}: found content {change.content_hash[:12] or 'without a hash'}; "
            f"allowed: {event.content_hash[:12]}, its version {event.version}"
        )
    if change.content is not None and change.action is not Action.AMEND:
        raise TransitionError(f"cannot {change.action} {event.event_id} with other content: amend it first")


def _check_time(event: Event, change: Change) -> None:
    """Instants at which a change is too early or too late."""
    action, now_ms = change.action, change.time_ms
    deadline_ms = event.start_ms if event.state is State.APPROVED else event.approve_by_ms
    too_late = {
        Action.PROPOSE: event.approve_by_ms,
        Action.APPROVE: event.approve_by_ms,
        Action.SCHEDULE: event.start_ms,
    }
    too_early = {Action.START: event.start_ms, Action.COMPLETE: event.end_ms, Action.EXPIRE: deadline_ms}
    if now_ms < event.changed_ms:
        raise TransitionError(
            f"cannot {action} {event.event_id} at {now_ms}: its last change was at {event.changed_ms}; "
            "the clock went backwards"
        )
    if action in too_late and now_ms >= too_late[action]:
        raise TransitionError(f"too late to {action} {event.event_id}: found {now_ms}; allowed: < {too_late[action]}")
    if action in too_early and now_ms < too_early[action]:
        raise TransitionError(
            f"too early to {action} {event.event_id}: found {now_ms}; allowed: >= {too_early[action]}"
        )
