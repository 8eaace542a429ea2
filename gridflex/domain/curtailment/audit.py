"""Verifies a ledger: finds the first record that is changed, dropped, swapped or added.

A chain cannot tell that its last records are missing, or that it was written anew from some record on. Whoever keeps a
``Head`` (how many records there were, and the hash of the last) elsewhere finds that, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from gridflex.domain.curtailment.event import Event
from gridflex.domain.curtailment.ledger import NO_RECORD, Record, replay
from gridflex.errors import LedgerError, TransitionError


class Fault(StrEnum):
    """The kinds of faults of a chain."""

    CHANGED = "changed"
    """The record is not what was written."""
    DROPPED = "dropped"
    """A record is missing."""
    SWAPPED = "swapped"
    """A record stands where another belongs, which follows later."""
    ADDED = "added"
    """A record was put in between."""
    NOT_ALLOWED = "not allowed"
    """The record is intact and records a change that no rule allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The first fault of a chain."""

    fault: Fault
    sequence: int
    """The sequence number that the fault is about."""
    position: int
    """Records before it that are in order."""
    detail: str

    def __str__(self) -> str:
        return f"record {self.sequence} is {self.fault}: {self.detail}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The end of a chain, stored elsewhere."""

    records: int
    hash: str


def head(records: Sequence[Record]) -> Head:
    """The end of a chain of records."""
    return Head(records=len(records), hash=records[-1].hash if records else NO_RECORD)


def verify(records: Sequence[Record], expected: Head | None = None) -> Finding | None:
    """The first fault of a chain from its first record on; ``None`` when there is none.

    ``expected``: the end as it was kept elsewhere; the chain may have grown since.
    """
    return verify_chain(records, expected) or _allowed(records)


def verify_chain(records: Sequence[Record], expected: Head | None = None) -> Finding | None:
    """The same without the rules: numbers, hashes and links."""
    return _order(records) or _links(records) or (_end(records, expected) if expected else None)


def replay_finding(events: dict[str, Event], record: Record) -> Finding | None:
    """Bring ``events`` forward by a record of a sound chain; the fault if no rule allows what it records."""
    try:
        replay(events, record)
    except (LedgerError, TransitionError) as problem:
        return _finding(Fault.NOT_ALLOWED, record.sequence, record.sequence, str(problem))
    return None


def _order(records: Sequence[Record]) -> Finding | None:
    """Sequence numbers, and each record's own hash."""
    for position, record in enumerate(records):
        if record.hash != record.computed_hash:
            return _finding(Fault.CHANGED, position, position, "its hash is not that of what it says")
        if record.sequence == position:
            continue
        if record.sequence < position:
            return _finding(Fault.ADDED, record.sequence, position, "there are two with this number")
        later = [other.sequence for other in records[position:]]
        if position not in later:
            return _finding(Fault.DROPPED, position, position, f"record {record.sequence} stands in its place")
        fault = Fault.ADDED if later.count(record.sequence) > 1 else Fault.SWAPPED
        return _finding(fault, record.sequence, position, f"it stands where record {position} belongs")
    return None


def _links(records: Sequence[Record]) -> Finding | None:
    """Each record names the hash of the one before it; every number is in order."""
    previous = NO_RECORD
    for position, record in enumerate(records):
        if record.previous_hash != previous:
            if position == 0:
                return _finding(Fault.CHANGED, 0, 0, "it claims that there was a record before it")
            detail = f"record {position} was written after another one"
            return _finding(Fault.CHANGED, position - 1, position - 1, detail)
        previous = record.hash
    return None


def _end(records: Sequence[Record], expected: Head) -> Finding | None:
    if len(records) < expected.records:
        position = len(records)
        return _finding(Fault.DROPPED, position, position, f"there were {expected.records} records")
    known = records[expected.records - 1].hash if expected.records else NO_RECORD
    if known != expected.hash:
        position = expected.records - 1
        return _finding(Fault.CHANGED, position, position, "the chain up to it was rewritten")
    return None


def _allowed(records: Sequence[Record]) -> Finding | None:
    events: dict[str, Event] = {}
    return next((found for record in records if (found := replay_finding(events, record))), None)


def _finding(fault: Fault, sequence: int, position: int, detail: str) -> Finding:
    return Finding(fault=fault, sequence=sequence, position=position, detail=detail)
