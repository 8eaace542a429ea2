"""The edge to OpenADR 3.1: what programs, events, reports are, and a client of a VTN for both roles."""

from __future__ import annotations

from gridflex.adapters.openadr.client import OpenAdrClient
from gridflex.adapters.openadr.errors import OpenAdrError
from gridflex.adapters.openadr.listing import Listing, Unreadable
from gridflex.adapters.openadr.logins import Role, open_client, openadr_url
from gridflex.adapters.openadr.models import (
    CANCELLED_START,
    Event,
    EventPayloadDescriptor,
    Interval,
    IntervalPeriod,
    Payload,
    Program,
    Report,
    ReportDescriptor,
    ReportPayloadDescriptor,
    ReportResource,
    Resource,
    Value,
    Ven,
    event_problems,
)

__all__ = [
    "CANCELLED_START",
    "Event",
    "EventPayloadDescriptor",
    "Interval",
    "IntervalPeriod",
    "Listing",
    "OpenAdrClient",
    "OpenAdrError",
    "Payload",
    "Program",
    "Report",
    "ReportDescriptor",
    "ReportPayloadDescriptor",
    "ReportResource",
    "Resource",
    "Role",
    "Unreadable",
    "Value",
    "Ven",
    "event_problems",
    "open_client",
    "openadr_url",
]
