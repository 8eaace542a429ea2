"""Does the events service answer, know who asks, keep its ledger in order, dispatch, and reach its VTN?"""

from __future__ import annotations

import os
import socket
import time
from functools import partial

from gridflex.adapters.events.client import EventsClient, ask_health
from gridflex.adapters.events.tokens import any_token, events_url
from gridflex.adapters.openadr.logins import openadr_url
from gridflex.config import Config
from gridflex.config.event_users import TOKEN_VARIABLE
from gridflex.operations.checks.runner import Check, NotHereError, TroubleError

EVENTS = "events"
_CONNECT_S = 5.0
_SHOWN = ("scheduled", "active")


def events_checks(config: Config, timeout_s: float) -> list[Check]:
    """The service itself, then the ledger from its first record. ``timeout_s``: for each."""
    logs = (
        "docs/runbook.md, The events service does not work; its log: `gridflex logs events` here, "
        "`journalctl -u gridflex-events` on its machine"
    )
    return [
        Check(name=EVENTS, ask=partial(_service, config), remedy=logs),
        Check(name="events ledger", ask=partial(_ledger, config, timeout_s), needs=(EVENTS,), remedy=logs),
        Check(name="openadr", ask=partial(_vtn, config), needs=(EVENTS,), remedy="docs/openadr.md, Another VTN"),
    ]


def _service(config: Config) -> str:
    url = events_url(config)
    if not config.events.url and not _is_started(config, config.events.port, events_url(config)):
        raise NotHereError("not started here; `gridflex up events` starts it")
    client = _client(config)
    if client is None:
        ask_health(config)
        return f"{url} answers; nobody signed in: no {TOKEN_VARIABLE} in the environment"
    found = client.status()
    if found["stalled"]:
        raise TroubleError(f"{url}: {found['stalled']}")
    counted = ", ".join(f"{found['events'][state]} {state}" for state in _SHOWN)
    return f"{url}, signed in; events: {counted}; looked for what is due {found['dispatch_age_s']:.1f} s ago"


def _ledger(config: Config, timeout_s: float) -> str:
    client = _client(config)
    if client is None:
        raise NotHereError(f"no {TOKEN_VARIABLE} in the environment")
    found = client.audit(timeout_s)
    if fault := found["finding"]:
        raise TroubleError(
            f"the ledger cannot be trusted: {fault['fault']} at record {fault['sequence']}: {fault['detail']}",
            "find out who wrote it: `gridflex curtail audit`, docs/runbook.md, The events service does not work",
        )
    return f"{found['records']} record(s) in order"


def _vtn(config: Config) -> str:
    """What the service says of its VTN: this machine has neither its secret nor perhaps a way there."""
    url, client = openadr_url(config), _client(config)
    if not config.openadr.url and not _is_started(config, config.openadr.port, url):
        raise NotHereError("no VTN started here; `gridflex up openadr` starts one")
    if not config.openadr.program:
        raise NotHereError("events go to no VTN: openadr.program is empty")
    if client is None:
        raise NotHereError(f"no {TOKEN_VARIABLE} in the environment")
    found = client.status().get("openadr")
    if found is None:
        raise TroubleError(f"no event goes to {url}: the events service has no secret of {config.openadr.client_id}")
    if found["problem"]:
        raise TroubleError(f"no event goes to {found['vtn']}: {found['problem']}")
    if found["asked_ms"] is None:
        raise TroubleError(
            f"{found['vtn']} was not asked yet: the events service has just started", "ask again in 30 s"
        )
    age_s = max(0.0, time.time() - found["asked_ms"] / 1000)
    return f"{found['vtn']}, program {found['program']}: signed in as {found['client_id']} {age_s:.0f} s ago"


def _client(config: Config) -> EventsClient | None:
    """Signed in with the environment's token, on this machine with one of its tokens file; without one ``None``."""
    token = os.environ.get(TOKEN_VARIABLE) or ("" if config.events.url else any_token(config))
    return EventsClient(config, {TOKEN_VARIABLE: token}) if token else None


def _is_started(config: Config, port: int, url: str) -> bool:
    try:
        socket.create_connection((config.launcher.host, port), _CONNECT_S).close()
    except ConnectionRefusedError:
        return False
    except OSError as problem:
        raise TroubleError(f"no answer from {url}: {problem}") from None
    return True
