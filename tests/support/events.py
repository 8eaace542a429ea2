"""Plans, people and ledgers for tests of the events service."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gridflex.config import Config
from gridflex.domain.curtailment import Action, Actor, Change, Ledger, Record, Role, content_hash
from tests.support.stack import own_config

MINUTE_MS = 60_000
USERS = (
    "amira:planner, bilel:approver, chiraz:planner+approver, dali:viewer, emna:planner+approver:Sfax, farid:approver"
)
TOKENS = {name: f"token-of-{name}-{'x' * 24}" for name in ("amira", "bilel", "chiraz", "dali", "emna", "farid")}
SERVICE_TOKEN = "token-of-superset-" + "y" * 24
ENVIRON = {f"GRIDFLEX_EVENTS_TOKEN_{name.upper()}": token for name, token in TOKENS.items()} | {
    "GRIDFLEX_EVENTS_SERVICE_TOKEN": SERVICE_TOKEN
}
NOBODY_LISTENS = "127.0.0.1:9"


def events_config(folder: Path, **overrides: object) -> Config:
    """Of a service whose users are ``USERS``, with nobody to ask but by what the test starts."""
    return own_config(folder, **({"events_users": USERS, "kafka_bootstrap_servers": NOBODY_LISTENS} | overrides))


def bearer(name: str) -> dict[str, str]:
    """How a user signs in."""
    return {"Authorization": f"Bearer {TOKENS[name]}"}


def handed_plan(
    *, region: str = "Sfax", seed: int = 0, starts_in_min: int = 60, minutes: int = 30,
    cohorts: tuple[int, ...] = (1, 2), appliance: str = "fridge", off_min: int = 10, program: str = "emergency",
    **more: Any,
) -> dict[str, Any]:  # fmt: skip
    """A plan document as another planner would hand it in: one feeder's fridges off once, from the event's begin."""
    start_ms = time.time_ns() // 1_000_000 // MINUTE_MS * MINUTE_MS + starts_in_min * MINUTE_MS
    run = {"start": utc(start_ms), "end": utc(start_ms + off_min * MINUTE_MS)}
    group = {
        "region": region,
        "feeder": f"{region}-F01",
        "appliance": appliance,
        "cohorts": list(cohorts),
        "off": [run],
    }
    content = {
        "region": region,
        "program": program,
        "target_kw": 12.5,
        "seed": seed,
        "start_ms": start_ms,
        "end_ms": start_ms + minutes * MINUTE_MS,
        "approve_by_ms": start_ms,
        "groups": [group],
        "control_group": {"cohort": 0},
    } | more
    return {"id": f"plan-{content_hash(content)[:12]}", **content}


def utc(time_ms: int) -> str:
    """An instant as plans write it."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def drafts(*contents: Mapping[str, Any]) -> list[Record]:
    """A ledger of one draft each, by amira."""
    amira = Actor(name="amira", roles=frozenset({Role.PLANNER}))
    now_ms, ledger, records = time.time_ns() // 1_000_000, Ledger(), []
    for content in contents:
        event_id = f"event-{content_hash(content)[:12]}"
        change = Change(action=Action.DRAFT, event_id=event_id, actor=amira, time_ms=now_ms, content=content)
        ledger, record = ledger.append(change)
        records.append(record)
    return records
