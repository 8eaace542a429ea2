"""Routes that draft, propose, approve, reject, cancel and amend events, and show them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel

from gridflex.curtailment.arguments import duration_ms, instant_ms
from gridflex.curtailment.planning import PlanOptions
from gridflex.domain.curtailment import Action, Actor, Event, Record, Role, State
from gridflex.domain.openadr import Origin
from gridflex.errors import UsageError
from gridflex.events.answers import allowed_to, documented
from gridflex.events.dependencies import Asking, Parts, Sent, Service
from gridflex.events.event_service import require
from gridflex.events.models import (
    LATEST_MS,
    About,
    Amendment,
    Cancellation,
    Drafted,
    EventDetail,
    EventSummary,
    HistoryRecord,
    PlanDocument,
    PlanRequestBody,
    Rejection,
)

router = APIRouter(tags=["events"])
Id = Annotated[str, Path(max_length=100, description="As the answer to its draft says.")]
_CHANGE = documented(400, 404, 409)


class Events(BaseModel):
    """Events, the newest change first."""

    events: list[EventSummary]


@router.post("/plans", status_code=201, responses=documented(400, 409), openapi_extra=allowed_to(Role.PLANNER))
def make_plan(service: Service, actor: Asking, body: PlanRequestBody) -> Drafted:
    """Plan an event from the flexibility of the last complete minute, and draft it."""
    start_ms, length_ms = instant_ms("start", body.start), duration_ms("duration", body.duration)
    if not 0 <= start_ms <= start_ms + length_ms <= LATEST_MS:
        raise UsageError(f"start: found {body.start!r}, {body.duration!r}; allowed: up to 2100")
    options = PlanOptions(
        region=body.region, feeder=body.feeder or "", appliance=body.appliance or "", target_kw=body.target_kw,
        start_ms=start_ms, end_ms=start_ms + length_ms, program=body.program, seed=body.seed,
    )  # fmt: skip
    origin = Origin(**body.origin.model_dump() | {"kw": tuple(body.origin.kw)}) if body.origin else None
    event_id, plan = service.event_service.plan(actor, options, origin)
    return _drafted(service, event_id, plan)


@router.post("/events", status_code=201, responses=documented(400, 409), openapi_extra=allowed_to(Role.PLANNER))
def draft(service: Service, actor: Asking, body: PlanDocument, sent: Sent) -> Drafted:
    """Draft an event of a plan document. The same document is never two events."""
    return _drafted(service, service.event_service.draft(actor, sent), sent)


@router.get("/events", responses=documented(), openapi_extra=allowed_to())
def list_events(
    service: Service,
    actor: Asking,
    *,
    state: State | None = None,
    region: Annotated[str, Query(max_length=200)] = "",
    from_vtn: bool = False,
    most: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> Events:
    """Events of the regions that you may see, the newest change first.

    ``from_vtn``: only those that come from an event of a VTN.
    """
    if region:
        require(actor, actor.roles, region)
    found = [
        event
        for event in service.shared_ledger.ledger.events.values()
        if actor.may_act_in(event.region) and state in {None, event.state} and region in {"", event.region}
        if not from_vtn or service.shared_ledger.origin(event.event_id)
    ]
    found.sort(key=lambda event: (-event.changed_ms, event.event_id))
    return Events(events=[EventSummary(**_summary(service, event)) for event in found[:most]])


@router.get("/events/{event_id}", responses=documented(404), openapi_extra=allowed_to())
def show(service: Service, actor: Asking, event_id: Id) -> EventDetail:
    """One event with its plan, its history and the results of its commands."""
    return _detail(service, actor, event_id)


@router.post("/events/{event_id}/propose", responses=_CHANGE, openapi_extra=allowed_to(Role.PLANNER))
def propose(service: Service, actor: Asking, event_id: Id, body: About) -> EventDetail:
    """Propose a draft for approval."""
    service.event_service.decide(actor, Action.PROPOSE, event_id, body.content_hash, body.reason)
    return _detail(service, actor, event_id)


@router.post("/events/{event_id}/approve", responses=_CHANGE, openapi_extra=allowed_to(Role.APPROVER))
def approve(service: Service, actor: Asking, event_id: Id, body: About) -> EventDetail:
    """Approve the content with this hash; another person than who proposed it must."""
    service.event_service.decide(actor, Action.APPROVE, event_id, body.content_hash, body.reason)
    return _detail(service, actor, event_id)


@router.post("/events/{event_id}/reject", responses=_CHANGE, openapi_extra=allowed_to(Role.APPROVER))
def reject(service: Service, actor: Asking, event_id: Id, body: Rejection) -> EventDetail:
    """Reject the content with this hash; another person than who proposed it must."""
    service.event_service.decide(actor, Action.REJECT, event_id, body.content_hash, body.reason)
    return _detail(service, actor, event_id)


@router.post("/events/{event_id}/cancel", responses=_CHANGE, openapi_extra=allowed_to(Role.PLANNER, Role.APPROVER))
def cancel(service: Service, actor: Asking, event_id: Id, body: Cancellation) -> EventDetail:
    """Cancel an event at any moment before it is completed."""
    service.event_service.decide(actor, Action.CANCEL, event_id, reason=body.reason)
    return _detail(service, actor, event_id)


@router.post("/events/{event_id}/amend", responses=_CHANGE, openapi_extra=allowed_to(Role.PLANNER))
def amend(service: Service, actor: Asking, event_id: Id, body: Amendment, sent: Sent) -> EventDetail:
    """Give an event another plan: its next version, a draft again."""
    service.event_service.amend(actor, event_id, sent["content"], body.reason)
    return _detail(service, actor, event_id)


def _drafted(service: Parts, event_id: str, plan: Any) -> Drafted:
    event = service.shared_ledger.ledger.events[event_id]
    return Drafted(event_id=event_id, content_hash=event.content_hash, plan=dict(plan))


def _summary(service: Parts, event: Event) -> dict[str, Any]:
    names = EventSummary.model_fields.keys() - {"target_kw", "origin"}
    origin = service.shared_ledger.origin(event.event_id)
    return {name: getattr(event, name) for name in names} | {
        "state": str(event.state),
        "target_kw": service.shared_ledger.content(event.event_id).get("target_kw"),
        "origin": origin.to_json() if origin else None,
    }


def _detail(service: Parts, actor: Actor, event_id: str) -> EventDetail:
    event = service.event_service.event(actor, event_id)
    return EventDetail(
        **_summary(service, event),
        content=dict(service.shared_ledger.content(event_id)),
        history=[_record(record) for record in service.shared_ledger.snapshot.histories[event_id]],
        results=dict(service.event_service.dispatch.results(event_id)),
        openadr=service.publisher.told(event_id),
    )


def _record(record: Record) -> HistoryRecord:
    return HistoryRecord(
        sequence=record.sequence,
        time_ms=record.time_ms,
        who=record.who["name"],
        roles=list(record.who["roles"]),
        action=record.what["action"],
        why=record.why,
        content_hash=record.what["content_hash"],
        hash=record.hash,
    )
