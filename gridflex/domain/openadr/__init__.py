"""OpenADR 3: our events as a VTN holds them, a VTN's events as requests to us, and reports on both."""

from __future__ import annotations

from gridflex.domain.openadr.asked import Asked, is_cancelled, read_event
from gridflex.domain.openadr.origin import LIVE, Origin, check_origin, first_origin, origin_of, with_origin
from gridflex.domain.openadr.published import (
    KILOWATTS,
    REPORTED,
    SETPOINT,
    Wanted,
    cancelled_document,
    event_document,
    event_name,
    own_event,
    setpoints,
    wanted,
)
from gridflex.domain.openadr.reports import (
    AGGREGATED,
    ReportedInterval,
    operating_state,
    read_report,
    report_document,
)
from gridflex.domain.openadr.targets import Place, place_of, target_of
from gridflex.domain.openadr.texts import printable
from gridflex.domain.openadr.times import STEP_MS, instant, instant_ms
from gridflex.domain.openadr.vtn_duties import Duties, Ours, duties

__all__ = [
    "AGGREGATED",
    "KILOWATTS",
    "LIVE",
    "REPORTED",
    "SETPOINT",
    "STEP_MS",
    "Asked",
    "Duties",
    "Origin",
    "Ours",
    "Place",
    "ReportedInterval",
    "Wanted",
    "cancelled_document",
    "check_origin",
    "duties",
    "event_document",
    "event_name",
    "first_origin",
    "instant",
    "instant_ms",
    "is_cancelled",
    "operating_state",
    "origin_of",
    "own_event",
    "place_of",
    "printable",
    "read_event",
    "read_report",
    "report_document",
    "setpoints",
    "target_of",
    "wanted",
    "with_origin",
]
