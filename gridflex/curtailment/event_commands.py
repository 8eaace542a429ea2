"""Defines ``gridflex curtail propose|approve|reject|cancel|list|show``, a client of the events service."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from gridflex.adapters.events.client import EventsClient
from gridflex.config import load_config
from gridflex.curtailment.plan_report import plan_report
from gridflex.curtailment.response_tables import response_tables
from gridflex.domain.curtailment import State
from gridflex.errors import UsageError
from gridflex.printed_table import table

Json = dict[str, Any]
_AS_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object.")
_REASON = click.option("--reason", required=True, help="Why; kept in the ledger.")


@click.command()
@click.argument("what", metavar="EVENT|FILE")
@click.option("--reason", default="", help="Kept in the ledger.")
@_AS_JSON
def propose(what: str, reason: str, as_json: bool) -> None:
    """Propose a draft event for approval; or a plan of a FILE (`-`: the standard input), which becomes an event first.

    FILE: what `gridflex curtail plan ... --json` printed.
    """
    client = EventsClient(load_config())
    event_id = what if what.startswith("event-") else _drafted(client, what)
    _decide(client, event_id, "propose", as_json=as_json, reason=reason)


@click.command()
@click.argument("event_id", metavar="EVENT")
@click.option("--content-hash", default="", help="Only if this is its content still. Default: whatever it is now.")
@click.option("--reason", default="", help="Kept in the ledger.")
@_AS_JSON
def approve(event_id: str, content_hash: str, reason: str, as_json: bool) -> None:
    """Approve a proposed event; another person than who proposed it must."""
    _decide(EventsClient(load_config()), event_id, "approve", as_json=as_json, reason=reason, content_hash=content_hash)


@click.command()
@click.argument("event_id", metavar="EVENT")
@_REASON
@_AS_JSON
def reject(event_id: str, reason: str, as_json: bool) -> None:
    """Reject a proposed event."""
    _decide(EventsClient(load_config()), event_id, "reject", as_json=as_json, reason=reason)


@click.command()
@click.argument("event_id", metavar="EVENT")
@_REASON
@_AS_JSON
def cancel(event_id: str, reason: str, as_json: bool) -> None:
    """Cancel an event at any moment before it is completed; one that runs stops at once."""
    _tell(EventsClient(load_config()).act(event_id, "cancel", reason=reason), as_json)


@click.command("list")
@click.option("--state", default="", help="Only events in this state.")
@click.option("--region", default="", help="Only of this region.")
@click.option("--json", "as_json", is_flag=True, help="A JSON array.")
def list_events(state: str, region: str, as_json: bool) -> None:
    """List events, the newest change first."""
    found = EventsClient(load_config()).events(state=state, region=region)
    if as_json:
        click.echo(json.dumps(found))
        return
    rows = [
        {
            "event": one["event_id"],
            "state": one["state"],
            "region": one["region"],
            "start (UTC)": _clock(one["start_ms"]),
            "end": _clock(one["end_ms"])[11:],
            "kW": one["target_kw"],
            "proposed by": one["proposer"],
            "decided by": one["approver"],
        }
        for one in found
    ]
    click.echo(table(rows) if rows else "no event")


@click.command()
@click.argument("event_id", metavar="EVENT")
@_AS_JSON
def show(event_id: str, as_json: bool) -> None:
    """Show an event: its state, its plan, who did what, and the results of its commands."""
    found = EventsClient(load_config()).event(event_id)
    if as_json:
        click.echo(json.dumps(found))
        return
    _tell(found, as_json)
    click.echo(f"\n{_plan(found['content'])}\n")
    click.echo(table([
        {"when (UTC)": _clock(one["time_ms"]), "who": one["who"], "what": one["action"], "why": one["why"]}
        for one in found["history"]
    ]))  # fmt: skip
    if answers := response_tables(found["results"]):
        click.echo(f"\n{answers}")
    if found.get("openadr"):
        click.echo(f"\nOpenADR: {found['openadr']}.")


COMMANDS: tuple[click.Command, ...] = (propose, approve, reject, cancel, list_events, show)


def _drafted(client: EventsClient, file: str) -> str:
    """Draft an event of a plan's file; of one that is a draft's already, its event."""
    read: Callable[[], str] = sys.stdin.read if file == "-" else lambda: Path(file).read_text(encoding="utf-8")
    if file != "-" and not Path(file).is_file():
        raise UsageError(f"found {file!r}; allowed: an event's id, a plan's file, or -")
    try:
        plan = json.loads(read())
    except ValueError:
        raise UsageError(f"{file}: no JSON; expected what `gridflex curtail plan ... --json` prints") from None
    if not isinstance(plan, dict):
        raise UsageError(f"{file}: found no JSON object; expected what `gridflex curtail plan ... --json` prints")
    event_id: str = plan["event_id"] if "event_id" in plan else client.draft(plan)["event_id"]
    return event_id


def _decide(
    client: EventsClient, event_id: str, action: str, *, as_json: bool, reason: str, content_hash: str = ""
) -> None:
    """What the event holds when it is looked at here is what is decided on: a change meanwhile is refused."""
    about = content_hash or client.event(event_id)["content_hash"]
    _tell(client.act(event_id, action, content_hash=about, reason=reason), as_json)


def _tell(event: Json, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(event))
        return
    told = (
        f"{event['event_id']}: {event['state']}, version {event['version']}, {event['region']}, "
        f"{_clock(event['start_ms'])} to {_clock(event['end_ms'])[11:]} UTC"
    )
    if event["state"] in {State.DRAFT, State.PROPOSED}:
        told += f", to be approved before {_clock(event['approve_by_ms'])[11:]} UTC"
    click.echo(told)


def _plan(content: Json) -> str:
    """The plan as text; one that was not made by our planner explains less."""
    try:
        text = plan_report(content, only_a_plan=False)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError):
        return json.dumps(content, indent=2)
    return "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text)


def _clock(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
