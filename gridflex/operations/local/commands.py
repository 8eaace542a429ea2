"""The launcher's commands: up, status, logs, down, reset."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import click

from gridflex.adapters.events.client import EventsClient
from gridflex.adapters.events.tokens import any_token
from gridflex.adapters.superset.users import credentials_file, superset_url
from gridflex.config import Config, load_config
from gridflex.config.event_users import TOKEN_VARIABLE
from gridflex.domain.curtailment import State
from gridflex.errors import GridflexError
from gridflex.operations.local.airflow_service import airflow_welcome
from gridflex.operations.local.events_service import EVENTS, events_welcome
from gridflex.operations.local.openadr_service import openadr_welcome
from gridflex.operations.local.problems import StackReport
from gridflex.operations.local.stack import Stack
from gridflex.operations.local.stack_status import ServiceStatus
from gridflex.operations.local.steps import SUPERSET
from gridflex.operations.local.superset_service import superset_welcome


def _stack(quiet: bool = False) -> Stack:
    return Stack(load_config(), (lambda line: None) if quiet else click.echo)


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
def up(services: tuple[str, ...]) -> None:
    """Start the local stack, or the named services and what they depend on.

    Waits until all are healthy, creates the topics and submits Druid's supervisors. What runs already is left alone.
    Airflow, Superset, the events service and the OpenADR VTN are started only by name: `gridflex up airflow`,
    `gridflex up superset`, `gridflex up events`, `gridflex up openadr`. Without a name, what was up before
    `gridflex down` comes back as well.
    """
    started = time.monotonic()
    stack = _stack()
    now_up = stack.up(services)
    told = services or now_up
    if any(name.startswith("airflow") for name in told) and (welcome := airflow_welcome(stack.config)):
        click.echo(welcome)
    if SUPERSET in told and (welcome := superset_welcome(stack.config)):
        click.echo(welcome)
    if EVENTS in told and (welcome := events_welcome(stack.config)):
        click.echo(welcome)
    if any(name.startswith("openadr") for name in told) and (welcome := openadr_welcome(stack.config)):
        click.echo(welcome)
    click.echo(f"up: {time.monotonic() - started:.0f} s")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def status(as_json: bool) -> None:
    """Show each service of the local stack: healthy or not, pid, port, memory; and what does not do its job.

    Each service is asked for its real job, with a deadline. Exit code 1 if one does not do it; what was not started,
    or was stopped by `gridflex down`, is no problem.
    """
    stack = _stack()
    found = stack.report()
    events = _events(stack.config, found)
    if as_json:
        told = {name: [asdict(one) for one in getattr(found, name)] for name in ("services", "supervisors", "problems")}
        click.echo(json.dumps(told | _superset(stack) | ({EVENTS: events} if events else {})))
    else:
        for line in _lines(found):
            click.echo(line)
        if events:
            click.echo(_events_line(events))
    if found.problems:
        raise click.exceptions.Exit(1)


@click.command()
@click.argument("service")
@click.option("-n", "lines", default=50, show_default=True, type=click.IntRange(min=1), help="How many lines.")
def logs(service: str, lines: int) -> None:
    """Print the last lines of a service's log."""
    path, found = _stack().log_lines(service, lines)
    click.echo(f"{path}:" if found else f"{path}: nothing yet", err=True)
    for line in found:
        click.echo(line)


@click.command()
def down() -> None:
    """Stop the local servers; their data stay."""
    if not _stack().down():
        click.echo("nothing is running")


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(yes: bool) -> None:
    """Stop the local stack and delete its state: topics, readings, segments, checkpoints, logs."""
    stack = _stack()
    if not yes:
        click.confirm(f"Delete everything in {stack.config.state_dir}?", abort=True)
    stack.reset()
    click.echo(f"deleted {stack.config.state_dir}")


def _superset(stack: Stack) -> dict[str, dict[str, str]]:
    """Where the dashboards and their passwords are, never the passwords; nothing before Superset's first start."""
    file = credentials_file(stack.config)
    if not file.is_file():
        return {}
    return {SUPERSET: {"url": superset_url(stack.config), "credentials_file": str(file)}}


def _events(config: Config, found: StackReport) -> dict[str, Any]:
    """What a healthy events service says of its events; nothing without one."""
    if not any(one.name == EVENTS and one.healthy for one in found.services):
        return {}
    try:
        return EventsClient(config, {TOKEN_VARIABLE: any_token(config)}).status()
    except GridflexError as problem:
        return {"problem": str(problem)}


def _events_line(told: dict[str, Any]) -> str:
    if "problem" in told:
        return f"events: not known: {told['problem']}"
    counted = ", ".join(f"{told['events'][state]} {state}" for state in (State.SCHEDULED, State.ACTIVE, State.REJECTED))
    return f"events: {counted}; {told['refused_commands']} command(s) refused"


def _lines(found: StackReport) -> Iterator[str]:
    yield f"{'SERVICE':<24}{'HEALTHY':<9}{'PID':>8}{'PORT':>7}{'RSS MB':>8}"
    yield from map(_line, found.services)
    yield f"{'total':<48}{sum(service.rss_mb for service in found.services):>8}"
    for supervisor in found.supervisors:
        rows = ", ".join(f"{key} {value:,}" for key, value in supervisor.rows.items() if key != "processedBytes")
        state = f"{supervisor.state.lower()}, {supervisor.tasks} task(s), lag {supervisor.lag:,}"
        yield f"supervisor {supervisor.name}: {state}, {rows or 'no rows yet'} {supervisor.last_error}".rstrip()
    for problem in found.problems:
        yield f"problem {problem.service}: {problem.problem}; do: {problem.remedy}"


def _line(status: ServiceStatus) -> str:
    healthy = "yes" if status.healthy else "no"
    columns = f"{status.name:<24}{healthy:<9}{status.pid or '-':>8}{status.port or '-':>7}{status.rss_mb:>8}"
    return f"{columns}  {status.detail}".rstrip()
