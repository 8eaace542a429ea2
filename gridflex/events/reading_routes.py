"""Routes that only read: programs, flexibility, the ledger's audit, the stream of changes, health."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Header, Query
from starlette.responses import StreamingResponse

from gridflex.adapters.druid.client import Druid
from gridflex.adapters.druid.flexibility_query import FlexibilityQuery
from gridflex.adapters.openadr.logins import openadr_url
from gridflex.contracts.programs import load_programs
from gridflex.curtailment.arguments import minute_asked_ms
from gridflex.domain.curtailment import State
from gridflex.domain.flexibility import HORIZONS_MIN
from gridflex.errors import ServiceError
from gridflex.events.answers import allowed_to, documented
from gridflex.events.dependencies import Asking, Parts, Service
from gridflex.events.event_service import require
from gridflex.events.models import (
    Audit,
    FindingRow,
    Flexibility,
    FlexibilityRow,
    Health,
    Me,
    Problem,
    ProgramRow,
    RefusalRow,
    Status,
    VtnStatus,
)

router = APIRouter(tags=["reading"])
_Place = Annotated[str, Query(max_length=200)]


@router.get("/me", responses=documented(), openapi_extra=allowed_to())
def me(actor: Asking) -> Me:
    """Whose token this is, and what it allows."""
    regions = None if actor.regions is None else sorted(actor.regions)
    return Me(name=actor.name, roles=sorted(actor.roles), regions=regions)


@router.get("/programs", responses=documented(), openapi_extra=allowed_to())
def programs(actor: Asking) -> list[ProgramRow]:
    """What each program allows."""
    return [
        ProgramRow(
            name=one.name, appliances=sorted(one.appliances), handling=sorted(one.handling),
            events_per_week=one.events_per_week, event_h=one.event_h, season_h=one.season_h,
            season_months=list(one.season_months), rest_h=one.rest_h, notice_min=one.notice_min,
            hours=list(one.hours), weekdays=sorted(one.weekdays), feeder_share=one.feeder_share,
            rebound_cap=one.rebound_cap,
        )
        for one in load_programs().values()
    ]  # fmt: skip


@router.get("/flexibility", responses=documented(), openapi_extra=allowed_to())
def flexibility(service: Service, actor: Asking, region: _Place = "", feeder: _Place = "") -> Flexibility:
    """What each slice could shed if an event began at the last complete minute."""
    if region:
        require(actor, actor.roles, region)
    minute_ms = minute_asked_ms(None, service.config.flexibility.settle_s)
    query = FlexibilityQuery(Druid(service.config.druid), minute_ms, region=region or None, feeder=feeder or None)
    slices = [one for one in query.slices() if actor.may_act_in(one.region)]
    rows = [
        FlexibilityRow(
            region=one.region, feeder=one.feeder, appliance=one.appliance, horizon_min=horizon,
            p10_kw=p10_kw, p50_kw=p50_kw, p90_kw=p90_kw, fresh_share=one.fresh_share,
        )
        for one in slices
        for horizon, (p10_kw, p50_kw, p90_kw) in zip(HORIZONS_MIN, one.moments.quantiles_kw.T.tolist(), strict=True)
    ]  # fmt: skip
    return Flexibility(minute_ms=minute_ms, rows=rows)


@router.get("/audit", responses=documented(), openapi_extra=allowed_to())
def audit(service: Service, actor: Asking) -> Audit:
    """Verify the ledger from its first record, as Kafka has it now; and list the latest refused requests.

    A user who is limited to regions sees only his or her own refusals.
    """
    records, finding = service.shared_ledger.verified()
    refused = [one for one in service.refusals.last() if actor.regions is None or one.who == actor.name]
    return Audit(
        records=len(records),
        head=records[-1].hash if records else "",
        finding=FindingRow(
            fault=str(finding.fault), sequence=finding.sequence, position=finding.position, detail=finding.detail
        )
        if finding
        else None,
        refused=[RefusalRow(**asdict(one)) for one in refused],
    )


@router.get(
    "/changes",
    response_class=StreamingResponse,
    responses={**documented(), 200: {"content": {"text/event-stream": {}}}},
    openapi_extra=allowed_to(),
)
async def changes(
    service: Service, actor: Asking, last_event_id: Annotated[int | None, Header(ge=-1, le=2**53)] = None
) -> StreamingResponse:
    """Server-sent events: each change of an event that you may see.

    With ``Last-Event-ID`` the changes after that record come first; -1: from the beginning.
    """
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    lines = service.streams.changes(actor, last_event_id)
    return StreamingResponse(lines, media_type="text/event-stream", headers=headers)


@router.get("/status", responses=documented(), openapi_extra=allowed_to())
def status(service: Service, actor: Asking) -> Status:
    """What the service does now: events by state, and when it last looked for what is due. Asks the ledger."""
    service.shared_ledger.alive()
    ledger = service.shared_ledger.ledger
    found = Counter(event.state for event in ledger.events.values() if actor.may_act_in(event.region))
    return Status(
        records=ledger.next_sequence,
        events={str(state): found[state] for state in State},
        refused_commands=service.dispatcher.refused(actor),
        dispatch_age_s=round(service.dispatcher.age_s(), 3),
        stalled=service.dispatcher.stalled(),
        openadr=_vtn_status(service) if service.publisher.is_on() else None,
    )


def _vtn_status(service: Parts) -> VtnStatus:
    settings, answer = service.config.openadr, service.publisher.answer
    return VtnStatus(
        vtn=openadr_url(service.config), client_id=settings.client_id, program=settings.program,
        asked_ms=answer.at_ms, problem=answer.problem,
    )  # fmt: skip


@router.get(
    "/health",
    responses={503: {"model": Problem, "description": "The ledger does not answer, or nothing is dispatched."}},
)
def health(service: Service) -> Health:
    """Whether the ledger answers and what is due is dispatched; asks no token."""
    service.shared_ledger.alive()
    if stalled := service.dispatcher.stalled():
        raise ServiceError(stalled)
    return Health(status="ok", records=service.shared_ledger.ledger.next_sequence)
