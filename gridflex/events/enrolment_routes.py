"""Routes of enrolments: who takes part, and who is opted out until when."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from gridflex.adapters.kafka.enrolment import publish, read_enrolment
from gridflex.domain.curtailment import Actor, Role
from gridflex.domain.enrolment import Enrolment, check_ids, without_shift
from gridflex.errors import ActorError, UsageError
from gridflex.events.answers import allowed_to, documented
from gridflex.events.dependencies import Asking, Service
from gridflex.events.event_service import require
from gridflex.events.models import Body, Instant, Name

router = APIRouter(tags=["enrolment"])
_ChangingRoles = frozenset({Role.PLANNER, Role.APPROVER})


class EnrolmentRow(BaseModel):
    """What is known of a house, or of one appliance."""

    house_id: str
    appliance_id: str
    takes_part: bool
    """Whether it may be called on now, by this row."""
    enrolled: bool
    reachable: bool
    opted_out: bool
    until_ms: int
    event_time_ms: int
    source: str


class EnrolmentChange(Body):
    """What is said of a house, or of one appliance of it; what is left out stays as it was."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"house_id": "redd-5-0", "opted_out": True}]})

    house_id: Name
    appliance_id: Annotated[str, Field(max_length=200)] = ""
    enrolled: bool | None = None
    reachable: bool | None = None
    opted_out: bool | None = None
    until_ms: Instant = 0
    """The end of the opt-out; 0: none."""


@router.get("/enrolment", responses=documented(), openapi_extra=allowed_to())
def enrolments(
    service: Service,
    actor: Asking,
    house: Annotated[str, Query(max_length=200)] = "",
    most: Annotated[int, Query(ge=1, le=100_000)] = 1000,
) -> list[EnrolmentRow]:
    """What is known of one house, or of all. Who has no row takes part. Not for users who are limited to regions."""
    _everywhere(actor)
    rows = read_enrolment(service.config.kafka).participation.rows.values()
    named = {house, without_shift(house)} if house else set()
    found = [one for one in rows if not named or one.house_id in named or one.appliance_id.startswith(f"{house}-")]
    return [_row(one) for one in sorted(found, key=lambda one: one.key)[:most]]


@router.post("/enrolment", responses=documented(400), openapi_extra=allowed_to(Role.PLANNER, Role.APPROVER))
def change_enrolment(service: Service, actor: Asking, body: EnrolmentChange) -> EnrolmentRow:
    """Opt a house or an appliance out or in; running events and new plans see it within seconds.

    Not for users who are limited to regions.
    """
    require(actor, _ChangingRoles, "")
    _everywhere(actor)
    try:
        check_ids(body.house_id, body.appliance_id)
    except ValueError as problem:
        raise UsageError(str(problem)) from None
    now_ms = time.time_ns() // 1_000_000
    if body.until_ms and (not body.opted_out or body.until_ms <= now_ms):
        raise UsageError(f"until_ms: found {body.until_ms}; allowed: with opted_out, later than now, {now_ms}")
    known = read_enrolment(service.config.kafka).participation.rows
    before = known.get(
        body.appliance_id or body.house_id, Enrolment(house_id=body.house_id, appliance_id=body.appliance_id)
    )
    changed = replace(
        before,
        house_id=before.house_id or body.house_id,
        enrolled=before.enrolled if body.enrolled is None else body.enrolled,
        reachable=before.reachable if body.reachable is None else body.reachable,
        opted_out=before.opted_out if body.opted_out is None else body.opted_out,
        until_ms=before.until_ms if body.opted_out is None else body.until_ms,
        event_time_ms=now_ms,
        source=f"events:{actor.name}",
    )
    publish(service.config.kafka, [changed])
    return _row(changed)


def _everywhere(actor: Actor) -> None:
    """An enrolment names a house and no region."""
    if actor.regions is not None:
        raise ActorError(f"{actor.name} is limited to regions, and enrolments name none: allowed without such a limit")


def _row(one: Enrolment) -> EnrolmentRow:
    return EnrolmentRow(
        house_id=one.house_id,
        appliance_id=one.appliance_id,
        takes_part=one.dispatchable_at(time.time_ns() // 1_000_000),
        enrolled=one.enrolled,
        reachable=one.reachable,
        opted_out=one.opted_out,
        until_ms=one.until_ms,
        event_time_ms=one.event_time_ms,
        source=one.source,
    )
