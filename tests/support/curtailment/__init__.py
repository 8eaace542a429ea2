"""Actors, contents and changes for tests of curtailment events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gridflex.domain.curtailment import Action, Actor, Change, Ledger, Role, content_hash

HOUR_MS = 3_600_000
NOW_MS = 1_750_000_000_000
AMIRA = Actor(name="amira", roles=frozenset({Role.PLANNER}))
BILEL = Actor(name="bilel", roles=frozenset({Role.APPROVER}))
CHIRAZ = Actor(name="chiraz", roles=frozenset({Role.PLANNER, Role.APPROVER}), regions=frozenset({"Sfax"}))
DALI = Actor(name="dali", roles=frozenset({Role.VIEWER}))
PLATFORM = Actor(name="gridflex", roles=frozenset({Role.SERVICE}))


def plan_content(target_kw: float = 100.0, region: str = "Sfax") -> dict[str, Any]:
    """A plan as far as an event needs to know it: approved within an hour, held from the second to the third."""
    return {
        "region": region,
        "target_kw": target_kw,
        "approve_by_ms": NOW_MS + HOUR_MS,
        "start_ms": NOW_MS + 2 * HOUR_MS,
        "end_ms": NOW_MS + 3 * HOUR_MS,
    }


CONTENT = plan_content()
HASH = content_hash(CONTENT)


def change(
    action: Action,
    actor: Actor,
    after_h: float = 0,
    *,
    content: Mapping[str, Any] | None = None,
    hash_: str = HASH,
    reason: str = "why not",
) -> Change:
    """A change ``after_h`` hours after ``NOW_MS``."""
    return Change(
        action=action,
        event_id="event-1",
        actor=actor,
        time_ms=NOW_MS + round(after_h * HOUR_MS),
        reason=reason,
        content=content,
        content_hash=hash_,
    )


LIFE = (
    change(Action.DRAFT, AMIRA, content=CONTENT),
    change(Action.PROPOSE, AMIRA, 0.1),
    change(Action.APPROVE, BILEL, 0.2),
    change(Action.SCHEDULE, PLATFORM, 0.3),
    change(Action.START, PLATFORM, 2),
    change(Action.COMPLETE, PLATFORM, 3),
    change(Action.SETTLE, PLATFORM, 4),
)
"""From a draft to a settled event."""


def ledger_after(*changes: Change) -> Ledger:
    """A ledger of these changes."""
    ledger = Ledger()
    for one in changes:
        ledger, _ = ledger.append(one)
    return ledger
