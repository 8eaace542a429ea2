"""Makes a plan from the flexibility in Druid."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from gridflex.adapters.druid.client import Druid
from gridflex.adapters.druid.flexibility_query import FlexibilityQuery
from gridflex.adapters.kafka.enrolment import enrolment_mark
from gridflex.adapters.kafka.ledger_messages import read_verified
from gridflex.config import Config
from gridflex.contracts.flexibility import load_rules
from gridflex.contracts.programs import load_programs
from gridflex.curtailment.arguments import MINUTE_MS, minute_asked_ms, refuse_place
from gridflex.curtailment.solver import solve
from gridflex.domain.curtailment import (
    FlexibleGroup,
    HeldEvent,
    PlanRequest,
    Program,
    held_events,
    newest_plans,
    plan_document,
    plan_event,
    with_calls,
    with_controls,
)
from gridflex.domain.flexibility import NOT_ELIGIBLE, Slice
from gridflex.errors import DataQualityError, UsageError

Households = Mapping[tuple[str, str, str], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOptions:
    """What is asked for; see ``PlanRequest``."""

    region: str
    feeder: str = ""
    appliance: str = ""
    target_kw: float
    start_ms: int
    end_ms: int
    program: str = "standard"
    seed: int = 0


def make_plan(config: Config, options: PlanOptions, held: Sequence[HeldEvent] = ()) -> dict[str, Any]:
    """The plan document; cohorts that ``held`` events call are rested as the program says.

    Raises ``UsageError`` on what is not there, ``LimitError`` on what the program forbids, ``DataQualityError`` when
    nothing is known of the last minute, ``ServiceError`` when Druid or Kafka does not answer.
    """
    minute_ms = minute_asked_ms(None, config.flexibility.settle_s)
    asked = with_controls(plan_request(config, options, basis_ms=minute_ms), held)
    known = enrolment_mark(config.kafka, minute_ms)
    asked = replace(asked, enrolment_offset=known.offset, enrolment_changes=known.changes)
    druid = Druid(config.druid)
    query = FlexibilityQuery(druid, minute_ms, region=options.region, feeder=options.feeder or None)
    slices = query.slices()
    if not slices:
        refuse_place(druid, minute_ms, options.region, options.feeder or None)
    check_slices(slices, options.appliance or None, query.newest_ms(), minute_ms)
    groups = flexible_groups(slices, query.households_by_slice())
    return plan_document(plan_event(asked, with_calls(groups, held), solve))


def held_on_ledger(config: Config) -> list[HeldEvent]:
    """Events that call groups, from the ledger's topic; an empty topic holds none.

    Raises ``ServiceError`` when Kafka does not answer, ``LedgerError`` when a record is not what was written.
    """
    ledger, records = read_verified(config.kafka)
    return held_events(ledger.events, newest_plans(records))


def plan_request(config: Config, options: PlanOptions, *, basis_ms: int = 0, now_ms: int | None = None) -> PlanRequest:
    """The request. ``now_ms``: UTC epoch, this machine's if it is not given.

    Raises ``UsageError`` when it cannot be meant, ``LimitError`` when its program forbids it.
    """
    try:
        asked = PlanRequest(
            program=_program(options.program), region=options.region, feeder=options.feeder,
            appliance=options.appliance, target_kw=options.target_kw, start_ms=options.start_ms, end_ms=options.end_ms,
            now_ms=time.time_ns() // 1_000_000 if now_ms is None else now_ms, basis_ms=basis_ms, seed=options.seed,
            zone=ZoneInfo(config.batch.time_zone),
        )  # fmt: skip
    except ValueError as problem:
        raise UsageError(str(problem)) from None
    asked.check_program()
    return asked


def flexible_groups(slices: Sequence[Slice], households: Households) -> list[FlexibleGroup]:
    """Druid's slices with the rule of each class."""
    rules = load_rules()
    groups = []
    for one in slices:
        code, place = rules.code(one.appliance, ""), (one.region, one.feeder, one.appliance)
        groups.append(
            FlexibleGroup(
                region=one.region,
                feeder=one.feeder,
                appliance=one.appliance,
                rule=None if code == NOT_ELIGIBLE else rules.rows[code],
                known=one.known,
                appliances=one.callable,
                households=min(one.callable, households.get(place, one.callable)),
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
        told = f"the newest is {age_min:,} min older" if age_min is not None else "no flexibility has been computed yet"
        raise DataQualityError(f"no flexibility of the minute just passed ({told}); see `gridflex status`")


def _program(name: str) -> Program:
    programs = load_programs()
    if name not in programs:
        raise UsageError(f"--program: found {name!r}; allowed: {', '.join(programs)}")
    return programs[name]
