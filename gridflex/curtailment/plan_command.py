"""``gridflex curtail plan``: who is to be off when, so that a target is met at the least disruption."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

import click

from gridflex.adapters.druid.client import Druid
from gridflex.adapters.druid.flexibility_query import FlexibilityQuery
from gridflex.config import load_config
from gridflex.contracts.flexibility import load_rules
from gridflex.contracts.programs import load_programs
from gridflex.curtailment.arguments import MINUTE_MS, duration_ms, instant_ms, minute_asked_ms, refuse_place
from gridflex.curtailment.plan_report import plan_report
from gridflex.curtailment.solver import solve
from gridflex.domain.curtailment import FlexibleGroup, PlanRequest, Program, plan_document, plan_event
from gridflex.domain.flexibility import NOT_ELIGIBLE, Slice
from gridflex.errors import DataQualityError, UsageError

Households = Mapping[tuple[str, str, str], int]


@click.command()
@click.option("--region", required=True, help="Where.")
@click.option("--feeder", help="Only this feeder.")
@click.option("--appliance", help="Only this appliance class.")
@click.option("--target-kw", type=float, required=True, help="Power to be shed in every interval of five minutes, P50.")
@click.option("--start", required=True, help="Begin, ISO 8601, UTC unless it says otherwise.")
@click.option("--duration", required=True, help="45, 45m, 1h, 1h30m or PT1H30M; whole steps of five minutes.")
@click.option("--program", "program_name", default="standard", show_default=True, help="Whose limits hold.")
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Draws the control group, and decides among equals."
)
@click.option("--json", "as_json", is_flag=True, help="The plan as one JSON object.")
def plan(
    *,
    region: str,
    feeder: str | None,
    appliance: str | None,
    target_kw: float,
    start: str,
    duration: str,
    program_name: str,
    seed: int,
    as_json: bool,
) -> None:
    """Plan an event: which cohorts are off when, what to expect, and what it asks of households.

    It rests on the flexibility of the minute just told, taken to be the same when the event begins. Nothing is called:
    a plan has to be proposed and approved first. The same input and seed give the same plan.
    """
    config = load_config()
    minute_ms = minute_asked_ms(None, config.flexibility.settle_s)
    start_ms = instant_ms("--start", start)
    asked = _request(
        program=_program(program_name), region=region, feeder=feeder or "", appliance=appliance or "",
        target_kw=target_kw, start_ms=start_ms, end_ms=start_ms + duration_ms("--duration", duration),
        now_ms=time.time_ns() // 1_000_000, basis_ms=minute_ms, seed=seed, zone=ZoneInfo(config.batch.time_zone),
    )  # fmt: skip
    asked.check_program()
    druid = Druid(config.druid)
    query = FlexibilityQuery(druid, minute_ms, region=region, feeder=feeder)
    slices = query.slices()
    if not slices:
        refuse_place(druid, minute_ms, region, feeder)
    check_slices(slices, appliance, query.newest_ms(), minute_ms)
    solution = plan_event(asked, flexible_groups(slices, query.households_by_slice()), solve)
    document = plan_document(solution)
    click.echo(json.dumps(document) if as_json else plan_report(document))


def flexible_groups(slices: Sequence[Slice], households: Households) -> list[FlexibleGroup]:
    """Druid's slices with the rule of each class."""
    rules = load_rules()
    groups = []
    for one in slices:
        code = rules.code(one.appliance, "")
        groups.append(
            FlexibleGroup(
                region=one.region,
                feeder=one.feeder,
                appliance=one.appliance,
                rule=None if code == NOT_ELIGIBLE else rules.rows[code],
                known=one.known,
                appliances=one.callable,
                households=min(one.callable, households.get((one.region, one.feeder, one.appliance), one.callable)),
                moments=one.moments,
            )
        )
    return groups


def check_slices(slices: Sequence[Slice], appliance: str | None, newest_ms: int | None, minute_ms: int) -> None:
    """Raises ``UsageError`` on a class that is not there, ``DataQualityError`` when nothing was told at the minute."""
    classes = sorted({one.appliance for one in slices})
    if appliance and appliance not in classes:
        raise UsageError(f"no appliance class {appliance!r} there; known: {', '.join(classes)}")
    if not any(one.fresh for one in slices):
        age_min = (minute_ms - newest_ms) // MINUTE_MS if newest_ms is not None else None
        told = f"the newest is {age_min:,} min older" if age_min is not None else "nothing was told yet"
        raise DataQualityError(f"no flexibility of the minute just passed ({told}); see `gridflex status`")


def _program(name: str) -> Program:
    programs = load_programs()
    if name not in programs:
        raise UsageError(f"--program: found {name!r}; allowed: {', '.join(programs)}")
    return programs[name]


def _request(**values: object) -> PlanRequest:
    """The request; what is wrong with it is the user's to mend."""
    try:
        return PlanRequest(**values)  # type: ignore[arg-type]
    except ValueError as problem:
        raise UsageError(str(problem)) from None
