"""What VENs reported on an event at the VTN, beside what was measured here."""

from __future__ import annotations

import time

from fastapi import APIRouter

from gridflex.adapters.druid.client import Druid
from gridflex.adapters.openadr.logins import openadr_url
from gridflex.domain.openadr import ReportedInterval, event_name, printable, read_report, setpoints
from gridflex.errors import ForeignEventError, TransitionError
from gridflex.events.answers import allowed_to, documented
from gridflex.events.dependencies import Asking, Service
from gridflex.events.event_routes import Id
from gridflex.events.models import Answer
from gridflex.openadr.measured import measured_intervals

router = APIRouter(tags=["events"])


class MeasuredRow(Answer):
    """One interval of an event as it was measured here."""

    start_ms: int
    setpoint_kw: float | None
    """The change of power that the event asks for; none after its end."""
    measured_kw: float | None
    baseline_kw: float | None


class ReportedRow(Answer):
    """One interval of a VEN's report."""

    start_ms: int
    client: str
    resource: str
    reading_kw: float | None
    baseline_kw: float | None
    available_kw: float | None
    state: str | None


class EventReports(Answer):
    """Reports on an event, beside our own measurements."""

    event_id: str
    event_name: str
    """Its name at the VTN."""
    vtn: str
    measured: list[MeasuredRow]
    reported: list[ReportedRow]
    problems: list[str]
    """Reports that cannot be read."""


@router.get("/events/{event_id}/reports", responses=documented(404, 409), openapi_extra=allowed_to())
def reports(service: Service, actor: Asking, event_id: Id) -> EventReports:
    """Reports of VENs on an event, read from the VTN now, and the power that was measured here meanwhile."""
    event = service.event_service.event(actor, event_id)
    if not service.publisher.is_on():
        raise TransitionError("events go to no VTN (openadr.program, and its secret), so nobody reports on them")
    name, content = event_name(event_id, event.version), service.shared_ledger.content(event_id)
    reported = list[ReportedInterval]()
    documents, problems = service.publisher.reports(name)
    for document in documents:
        try:
            reported += read_report(document)
        except ForeignEventError as problem:
            problems.append(printable(str(problem)))
    start_ms, step_ms, values = setpoints(content)
    asked = {start_ms + place * step_ms: value for place, value in enumerate(values)}
    return EventReports(
        event_id=event_id,
        event_name=name,
        vtn=openadr_url(service.config),
        measured=[
            MeasuredRow(
                start_ms=one.start_ms, setpoint_kw=asked.get(one.start_ms), measured_kw=one.reading_kw,
                baseline_kw=one.baseline_kw,
            )
            for one in measured_intervals(Druid(service.config.druid), content, time.time_ns() // 1_000_000)
        ],
        reported=[
            ReportedRow(
                start_ms=one.start_ms, client=one.client, resource=one.resource, reading_kw=one.reading_kw,
                baseline_kw=one.baseline_kw, available_kw=one.available_kw, state=one.state,
            )
            for one in sorted(reported, key=lambda one: (one.client, one.resource, one.start_ms))
        ],
        problems=problems,
    )  # fmt: skip
