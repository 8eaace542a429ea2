"""Defines ``gridflex curtail plan``: who is to be off when, so that a target is met at the least disruption."""

from __future__ import annotations

import json

import click

from gridflex.adapters.events.client import EventsClient
from gridflex.config import load_config
from gridflex.curtailment.arguments import duration_ms, instant_ms
from gridflex.curtailment.plan_report import plan_report
from gridflex.curtailment.planning import PlanOptions, held_on_ledger, make_plan, plan_request


@click.command()
@click.option("--region", required=True, help="Where.")
@click.option("--feeder", help="Only this feeder.")
@click.option("--appliance", help="Only this appliance class.")
@click.option("--target-kw", type=float, required=True, help="Power to be shed in every interval of five minutes, P50.")
@click.option("--start", required=True, help="Begin, ISO 8601, UTC unless it says otherwise.")
@click.option("--duration", required=True, help="45, 45m, 1h, 1h30m or PT1H30M; whole steps of five minutes.")
@click.option("--program", default="standard", show_default=True, help="Whose limits hold.")
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Draws the control group, and decides among equals."
)
@click.option("--draft", is_flag=True, help="Plan in the events service, and draft an event.")
@click.option("--json", "as_json", is_flag=True, help="The plan as one JSON object; of a draft with its event_id.")
def plan(
    *,
    region: str,
    feeder: str | None,
    appliance: str | None,
    target_kw: float,
    start: str,
    duration: str,
    program: str,
    seed: int,
    draft: bool,
    as_json: bool,
) -> None:
    """Plan an event: which cohorts are off when, what to expect, and what it asks of households.

    It rests on the flexibility of the last complete minute, taken to be the same when the event begins, and on the
    ledger: cohorts that other events call rest as the program says, and the control group rotates. Nothing is called: a
    plan has to be proposed and approved first. The same input and seed give the same plan.
    """
    config = load_config()
    start_ms = instant_ms("--start", start)
    options = PlanOptions(
        region=region, feeder=feeder or "", appliance=appliance or "", target_kw=target_kw, start_ms=start_ms,
        end_ms=start_ms + duration_ms("--duration", duration), program=program, seed=seed,
    )  # fmt: skip
    if not draft:
        plan_request(config, options)
        document = make_plan(config, options, held_on_ledger(config))
        click.echo(json.dumps(document) if as_json else plan_report(document))
        return
    plan_request(config, options)
    drafted = EventsClient(config).draft_plan({
        "region": region, "feeder": feeder, "appliance": appliance, "target_kw": target_kw, "start": start,
        "duration": duration, "program": program, "seed": seed,
    })  # fmt: skip
    if as_json:
        told = {"event_id": drafted["event_id"], "content_hash": drafted["content_hash"]}
        click.echo(json.dumps(drafted["plan"] | told))
        return
    click.echo(plan_report(drafted["plan"]))
    click.echo(f"\n{drafted['event_id']}: a draft. `gridflex curtail propose {drafted['event_id']}` goes on.")
