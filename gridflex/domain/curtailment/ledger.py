"""Defines the ledger: every change of every event as a chain of records, each with the hash of the record before it.

What a record says is enough to check it again: who with which roles and regions, when, what with which content, why.
State is a fold over the records.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from gridflex.domain.curtailment.actors import Actor, Role
from gridflex.domain.curtailment.canonical import canonical_json, content_hash
from gridflex.domain.curtailment.event import Action, Change, Event, apply
from gridflex.errors import LedgerError, TransitionError

NO_RECORD = "0" * 64
"""In place of the hash of the record before the first."""
_FIELDS = ("sequence", "time_ms", "who", "what", "why", "previous_hash", "hash")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record of the ledger."""

    sequence: int
    """Counts from 0 without a gap."""
    time_ms: int
    """UTC epoch."""
    who: Mapping[str, Any]
    """``name``, ``roles`` and ``regions`` (``None``: all) of the actor at that time."""
    what: Mapping[str, Any]
    """``action``, ``event_id``, ``content_hash`` and ``content``."""
    why: str
    previous_hash: str
    """The hash of the record before it."""
    hash: str
    """SHA-256 of everything above."""

    @property
    def computed_hash(self) -> str:
        """What ``hash`` must be."""
        return content_hash({name: getattr(self, name) for name in _FIELDS[:-1]})

    def to_json(self) -> bytes:
        """The record as one line of canonical JSON."""
        return canonical_json({name: getattr(self, name) for name in _FIELDS})

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Record:
        """A record of decoded JSON; it is not verified. Raises ``LedgerError`` on other fields or types."""
        return cls._of(values)[0]

    @classmethod
    def from_json(cls, text: str) -> Record:
        """A record of the line that ``to_json`` gives; it is not verified. Raises ``LedgerError`` on any other text."""
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as problem:
            raise LedgerError(f"it cannot be read: {problem}") from None
        if not isinstance(values, dict):
            raise LedgerError(f"found {type(values).__name__} in the place of a ledger record; allowed: an object")
        record, line = cls._of(values)
        if line != text.encode("utf-8"):
            raise LedgerError("its JSON is not canonical: it was not written by Gridflex")
        return record

    @classmethod
    def _of(cls, values: Mapping[str, Any]) -> tuple[Record, bytes]:
        """The record and its line."""
        if set(values) != set(_FIELDS):
            raise LedgerError(f"found a ledger record with {', '.join(sorted(values))}; needed: {', '.join(_FIELDS)}")
        kinds = (int, int, Mapping, Mapping, str, str, str)
        for name, kind in zip(_FIELDS, kinds, strict=True):
            if not isinstance(values[name], kind):
                raise LedgerError(f"found {name}={values[name]!r} in a ledger record; allowed: {kind.__name__}")
        try:
            line = canonical_json(values)
        except ValueError as problem:
            raise LedgerError(f"found a ledger record that is not JSON: {problem}") from None
        return cls(**values), line

    def change(self) -> Change:
        """The change that it records. Raises ``LedgerError`` if it records none."""
        try:
            regions = self.who["regions"]
            return Change(
                action=Action(self.what["action"]),
                event_id=self.what["event_id"],
                actor=Actor(
                    name=self.who["name"],
                    roles=frozenset(map(Role, self.who["roles"])),
                    regions=None if regions is None else frozenset(regions),
                ),
                time_ms=self.time_ms,
                reason=self.why,
                content=self.what["content"],
                content_hash=self.what["content_hash"],
            )
        except (KeyError, ValueError, TypeError, AttributeError) as problem:
            raise LedgerError(f"ledger record {self.sequence} records no change: {problem!r}") from None


@dataclass(frozen=True, slots=True)
class Ledger:
    """The events after all records so far, and the end of the chain.

    >>> Ledger().next_sequence
    0
    """

    events: Mapping[str, Event] = field(default_factory=lambda: MappingProxyType({}))
    last: Record | None = None

    @property
    def next_sequence(self) -> int:
        """The sequence number of the record to come: how many there are."""
        return self.last.sequence + 1 if self.last else 0

    def append(self, change: Change) -> tuple[Ledger, Record]:
        """Check a change and append its record. Raises ``TransitionError``; then nothing has changed."""
        event = apply(self.events.get(change.event_id), change)
        record = chained(self.last, change)
        return Ledger(MappingProxyType({**self.events, event.event_id: event}), record), record


def chained(last: Record | None, change: Change) -> Record:
    """The record of a change, after ``last``; whether the change is allowed is not checked."""
    regions = change.actor.regions
    unsigned = Record(
        sequence=last.sequence + 1 if last else 0,
        time_ms=change.time_ms,
        who={
            "name": change.actor.name,
            "roles": sorted(change.actor.roles),
            "regions": None if regions is None else sorted(regions),
        },
        what={
            "action": str(change.action),
            "event_id": change.event_id,
            "content_hash": change.content_hash,
            "content": change.content,
        },
        why=change.reason,
        previous_hash=last.hash if last else NO_RECORD,
        hash="",
    )
    values = {name: getattr(unsigned, name) for name in _FIELDS}
    return Record(**(values | {"hash": unsigned.computed_hash}))


def fold(records: Iterable[Record]) -> Ledger:
    """The ledger after these records, whose chain has been verified.

    Raises ``TransitionError`` naming the first record that records what was not allowed.
    """
    events: dict[str, Event] = {}
    last = None
    for last in records:
        replay(events, last)
    return Ledger(MappingProxyType(events), last)


def newest_plans(records: Iterable[Record]) -> dict[str, Mapping[str, Any]]:
    """The plan of each event's newest version, by event id."""
    return {record.what["event_id"]: plan for record in records if (plan := record.what["content"]) is not None}


def replay(events: dict[str, Event], record: Record) -> None:
    """Apply one record to ``events``. Raises ``TransitionError`` or ``LedgerError`` naming the record."""
    change = record.change()
    try:
        events[change.event_id] = apply(events.get(change.event_id), change)
    except TransitionError as problem:
        raise TransitionError(f"ledger record {record.sequence}: {problem}") from None
