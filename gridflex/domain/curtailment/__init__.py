"""Curtailment: the life of an event, the ledger of what was done to it, and what programs allow."""

from __future__ import annotations

from gridflex.domain.curtailment.actors import Actor, Role
from gridflex.domain.curtailment.audit import Fault, Finding, Head, head, verify
from gridflex.domain.curtailment.canonical import canonical_json, content_hash
from gridflex.domain.curtailment.event import DISPATCHED, Action, Change, Event, State, apply
from gridflex.domain.curtailment.ledger import NO_RECORD, Ledger, Record, chained, fold
from gridflex.domain.curtailment.limits import Breach, Call, Limit, event_breaches, group_breach
from gridflex.domain.curtailment.programs import Program

__all__ = [
    "DISPATCHED",
    "NO_RECORD",
    "Action",
    "Actor",
    "Breach",
    "Call",
    "Change",
    "Event",
    "Fault",
    "Finding",
    "Head",
    "Ledger",
    "Limit",
    "Program",
    "Record",
    "Role",
    "State",
    "apply",
    "canonical_json",
    "chained",
    "content_hash",
    "event_breaches",
    "fold",
    "group_breach",
    "head",
    "verify",
]
