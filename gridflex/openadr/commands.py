"""``gridflex openadr``: a VEN of ours below somebody else's VTN, and what VENs reported on our events."""

from __future__ import annotations

import json
import logging
import os
import signal
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click

from gridflex.adapters.druid.client import Druid
from gridflex.adapters.events.client import EventsClient
from gridflex.adapters.openadr.logins import Role, open_client, openadr_folder, openadr_url
from gridflex.config import Config, load_config
from gridflex.config.event_users import TOKEN_VARIABLE
from gridflex.config.variables import VEN_APPROVER_TOKEN
from gridflex.errors import ServiceError, UsageError
from gridflex.openadr.measured import measured_intervals
from gridflex.openadr.unreadable import UnreadableEvents
from gridflex.openadr.ven import Ven
from gridflex.printed_table import table

logger = logging.getLogger(__name__)

_LONGEST_PAUSE_S = 60.0


@click.group()
def openadr() -> None:
    """OpenADR 3: carry out a VTN's events, and compare what VENs report with our own measurements."""


@openadr.command()
@click.option("--once", is_flag=True, help="Look at the VTN's events once, and end; exit code 1 if one of them failed.")
def ven(once: bool) -> None:
    """Carry out the events of a VTN (section openadr_ven) until it is told to stop.

    Each becomes a draft for the region or feeder that it addresses, which is proposed and has to be approved: by a
    person, or at once if GRIDFLEX_OPENADR_VEN_APPROVER_TOKEN is the token of an approver. One that the VTN cancels or
    no longer has is cancelled. What is measured is reported to the VTN.
    """
    config = load_config()
    made = ven_of(config, os.environ)
    if once:
        if failed := made.step():
            raise ServiceError(f"{failed} of the VTN's events could not be dealt with; the lines above say why")
        return
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    _run(made, config.openadr_ven.poll_s, over)


@openadr.command()
@click.argument("event_id", metavar="EVENT")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def reports(event_id: str, as_json: bool) -> None:
    """Show what VENs reported on an event of ours, beside what was measured here."""
    found = EventsClient(load_config()).reports(event_id)
    click.echo(json.dumps(found) if as_json else reports_text(found))


def ven_of(config: Config, environ: Mapping[str, str]) -> Ven:
    """A VEN as it is configured. Raises ``UsageError`` naming what lacks."""
    settings, token = config.openadr_ven, environ.get(VEN_APPROVER_TOKEN, "").strip()
    if not settings.program_names:
        raise UsageError("openadr_ven.programs: found none; allowed: programs of the VTN whose events are carried out")
    upstream = config
    if settings.url:
        names = ("url", "ca_file", "token_url")
        there = config.openadr.model_copy(update={name: getattr(settings, name) for name in names})
        upstream = config.model_copy(update={"openadr": there})
    open_client(upstream, Role.VEN, environ)  # says what lacks before anything is asked
    druid, url = Druid(config.druid), openadr_url(upstream)
    return Ven(
        settings=settings,
        url=url,
        connect=lambda: open_client(upstream, Role.VEN, environ),
        planner=EventsClient(config, environ),
        approver=EventsClient(config, {TOKEN_VARIABLE: token}) if token else None,
        measure=lambda plan, now_ms: measured_intervals(druid, plan, now_ms),
        unreadable=UnreadableEvents(openadr_folder(config) / "unreadable-events.jsonl", url),
    )


def reports_text(found: Mapping[str, Any]) -> str:
    """Two tables: our own measurements with the setpoints, and what each VEN reported."""
    own = [
        {
            "from (UTC)": _clock(one["start_ms"]),
            "setpoint, kW": one["setpoint_kw"],
            "measured, kW": one["measured_kw"],
            "baseline, kW": one["baseline_kw"],
        }
        for one in found["measured"]
    ]
    told = [
        {
            "from (UTC)": _clock(one["start_ms"]),
            "VEN": one["client"],
            "resource": one["resource"],
            "reading, kW": one["reading_kw"],
            "baseline, kW": one["baseline_kw"],
            "can be shed, kW": one["available_kw"],
            "state": one["state"],
        }
        for one in found["reported"]
    ]
    parts = [
        f"{found['event_name']} at {found['vtn']}",
        f"Measured here, classes and feeders that are called:\n\n{table(own)}",
        f"Reported:\n\n{table(told)}" if told else "No VEN has reported on it yet.",
        *found["problems"],
    ]
    return "\n\n".join(parts)


def _run(made: Ven, poll_s: float, over: threading.Event) -> None:
    """Rounds until ``over``; what the VTN or the events service does not answer is asked again, ever more seldom."""
    pause_s, said = poll_s, ""
    while not over.is_set():
        try:
            made.step()
            pause_s, said = poll_s, ""
        except ServiceError as problem:
            pause_s = min(2 * pause_s, max(_LONGEST_PAUSE_S, poll_s))
            if str(problem) != said:
                said = str(problem)
                logger.warning("ven=waits reason=%s action=repeat", said)
        over.wait(pause_s)


def _clock(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
