"""Determines what is due for events as time passes: schedule, start, complete, expire.

::

    approved   --- before its begin ------------------------->  schedule, with its commands
    approved   --- from its begin on ------------------------>  expire
    draft, proposed --- from approve_by_ms on --------------->  expire
    scheduled  --- from its begin on ------------------------>  start
    active     --- when the last appliance may be on again -->  complete
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gridflex.domain.curtailment.actors import Actor, Role
from gridflex.domain.curtailment.called import called_groups
from gridflex.domain.curtailment.dispatch import SPREAD_MS
from gridflex.domain.curtailment.event import Action, Change, Event, State

PLATFORM = Actor(name="gridflex", roles=frozenset({Role.SERVICE}))
"""Who does what nobody has to be asked for."""


def duty(event: Event, content: Callable[[], Mapping[str, Any]], now_ms: int) -> Change | None:
    """The change that is due, by ``PLATFORM``; ``None``: nothing is. ``content``: asked for of an active event."""
    action = _action(event, content, now_ms)
    if action is None:
        return None
    return Change(
        action=action,
        event_id=event.event_id,
        actor=PLATFORM,
        time_ms=now_ms,
        content_hash=event.content_hash if action is Action.SCHEDULE else "",
    )


def released_ms(event: Event, content: Mapping[str, Any]) -> int:
    """When every appliance of an event may be on again, UTC epoch."""
    return max([event.end_ms, *(group.end_ms for group in called_groups(content))]) + SPREAD_MS


def _action(event: Event, content: Callable[[], Mapping[str, Any]], now_ms: int) -> Action | None:
    state = event.state
    if state is State.APPROVED:
        return Action.SCHEDULE if now_ms < event.start_ms else Action.EXPIRE
    if state in {State.DRAFT, State.PROPOSED} and now_ms >= event.approve_by_ms:
        return Action.EXPIRE
    if state is State.SCHEDULED and now_ms >= event.start_ms:
        return Action.START
    if state is State.ACTIVE and now_ms >= event.end_ms and now_ms >= released_ms(event, content()):
        return Action.COMPLETE
    return None
