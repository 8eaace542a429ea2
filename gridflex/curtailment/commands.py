"""Defines ``gridflex curtail``: flexibility, plans, events, and the ledger."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import click

from gridflex.adapters.druid.client import Druid
from gridflex.adapters.druid.flexibility_query import FlexibilityQuery
from gridflex.config import load_config
from gridflex.curtailment.arguments import minute_asked_ms, refuse_place
from gridflex.curtailment.audit_command import audit
from gridflex.curtailment.event_commands import COMMANDS
from gridflex.curtailment.plan_command import plan
from gridflex.domain.flexibility import HORIZONS_MIN, Slice, total
from gridflex.printed_table import table

Households = Mapping[tuple[str | None, str | None], int]


@click.group()
def curtail() -> None:
    """Shed load: what could be shed now, plans of who is off when, and events from proposal to approval."""


for _command in (plan, *COMMANDS, audit):
    curtail.add_command(_command)


@curtail.command()
@click.option("--region", help="Only this region.")
@click.option("--feeder", help="Only this feeder.")
@click.option(
    "--at", help="Instant at which an event would begin, ISO 8601, UTC unless it says otherwise. Default: now."
)
@click.option("--json", "as_json", is_flag=True, help="A JSON array: one object for each slice and horizon.")
def flex(region: str | None, feeder: str | None, at: str | None, as_json: bool) -> None:
    """Flexible power: what events of 15, 30 and 60 minutes would shed on average, and the minute just begun.

    P50 is the expected value and adds up over slices; P10 and P90 do not. Only appliances with fresh data that are
    within reach and did not opt out count.
    """
    config = load_config()
    minute_ms = minute_asked_ms(at, config.flexibility.settle_s)
    query = FlexibilityQuery(Druid(config.druid), minute_ms, region=region, feeder=feeder)
    slices = query.slices()
    if not slices and (region or feeder):
        refuse_place(Druid(config.druid), minute_ms, region, feeder)
    if as_json:
        click.echo(json.dumps([row for one in slices for row in json_rows(one)]))
        return
    click.echo(report(slices, query.households(), minute_ms))
    if not any(one.fresh for one in slices):
        newest_ms = query.newest_ms()
        told = (
            f"the newest minute with flexibility is {_clock(newest_ms)}"
            if newest_ms
            else "no flexibility has been computed yet"
        )
        click.echo(f"\nNo fresh data at that minute: {told}. Ask for another with --at, or see `gridflex status`.")


def json_rows(one: Slice) -> Iterable[dict[str, Any]]:
    """One object for each horizon."""
    for horizon, (p10_kw, p50_kw, p90_kw) in zip(HORIZONS_MIN, one.moments.quantiles_kw.T.tolist(), strict=True):
        yield {
            "region": one.region,
            "feeder": one.feeder,
            "appliance": one.appliance,
            "horizon_min": horizon,
            "p10_kw": round(p10_kw, 6),
            "p50_kw": round(p50_kw, 6),
            "p90_kw": round(p90_kw, 6),
            "fresh_share": round(one.fresh_share, 6),
        }


def report(slices: list[Slice], households: Households, minute_ms: int) -> str:
    """Tables by region and by class, with totals."""
    regions = sorted({one.region for one in slices})
    classes = sorted({one.appliance for one in slices})
    whole = total(slices, region="all")
    by_region = [total((one for one in slices if one.region == name), region=name) for name in regions]
    by_class = [total((one for one in slices if one.appliance == name), appliance=name) for name in classes]
    all_households = households.get((None, None), 0)
    return "\n".join(
        (
            f"Flexible power at {_clock(minute_ms)}, kW: P50 (P10 to P90), mean of the event",
            "",
            table([
                *(_line("region", one.region, one, households.get((one.region, None), 0)) for one in by_region),
                _line("region", "all", whole, all_households),
            ]),
            "",
            table([
                _line("appliance", one.appliance, one, households.get((None, one.appliance), 0)) for one in by_class
            ]),
            "",
            "P50 adds up, P10 and P90 do not. Rebound: energy that comes back after 60 minutes.",
        )
    )  # fmt: skip


def _line(title: str, name: str, one: Slice, households: int) -> dict[str, Any]:
    bands = one.moments.quantiles_kw.T.tolist()
    told = {
        f"{horizon} min" if horizon else "now": f"{p50:,.2f} ({p10:,.2f} to {p90:,.2f})"
        for horizon, (p10, p50, p90) in zip(HORIZONS_MIN, bands, strict=True)
    }
    return {
        title: name,
        "households": households,
        "appliances": one.callable,
        "fresh": f"{one.fresh_share:.0%} of {one.known:,}",
        **told,
        "rebound kWh": float(one.moments.rebound_wh[-1]) / 1000,
    }


def _clock(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
