"""Records of the ledger as messages of its topic, and back.

The field ``record`` is the truth: the record's own canonical JSON. All other columns derive from it and from the
records before it; whether they agree is checked, since dashboards show the columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType
from typing import Any

from confluent_kafka import Message as KafkaMessage

from gridflex import config
from gridflex.adapters.avro import decode, encode_dicts
from gridflex.adapters.kafka.feed_topics import topic_of
from gridflex.adapters.kafka.reader import Topic
from gridflex.adapters.kafka.transactions import Message
from gridflex.contracts.feeds import Feed, feed
from gridflex.contracts.schemas import Schema, accepted_schemas, written_schema
from gridflex.domain.curtailment import Event, Fault, Finding, Head, Ledger, Record, replay_finding, verify_chain
from gridflex.errors import LedgerError, SchemaError

Columns = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One message of the ledger's topic."""

    key: str
    record: Record
    columns: Columns
    """All fields but ``record``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What an audit found."""

    records: Sequence[Record]
    """All that could be read, up to the first that could not."""
    finding: Finding | None
    """The first fault."""


def ledger_feed() -> Feed:
    """The ledger's row in the registry."""
    return feed("curtailment")


def to_message(record: Record, event: Event) -> Message:
    """Key and value. ``event``: as it is after the record."""
    values = {**derived_columns(record, event), "record": record.to_json().decode("utf-8")}
    (value,) = encode_dicts(written_schema(ledger_feed()), [values])
    return event.event_id.encode("utf-8"), value


def derived_columns(record: Record, event: Event) -> dict[str, Any]:
    """What the columns must be. ``event``: as it is after the record."""
    return {
        "event_time_ms": record.time_ms,
        "sequence": record.sequence,
        "event_id": event.event_id,
        "action": record.what["action"],
        "state": str(event.state),
        "version": event.version,
        "region": event.region,
        "actor": record.who["name"],
        "content_hash": event.content_hash,
        "start_ms": event.start_ms,
        "end_ms": event.end_ms,
        "hash": record.hash,
    }


def from_message(key: bytes | None, value: bytes | None) -> Line:
    """The line of a message; neither the chain nor the columns are verified. Raises ``LedgerError``."""
    try:
        columns = decode(value or b"", _schemas())
        name = (key or b"").decode("utf-8")
    except (SchemaError, ValueError) as problem:
        raise LedgerError(f"it cannot be read: {problem}") from None
    record = Record.from_json(columns.pop("record"))
    return Line(key=name, record=record, columns=columns)


def read_lines(kafka: config.Kafka, topic: str | None = None) -> list[Line]:
    """Every committed line of the topic, by default the ledger's own, from the first to the end.

    Raises ``LedgerError`` naming the first that cannot be read, ``ServiceError`` if Kafka does not answer.
    """
    lines: list[Line] = []
    for message in _messages(kafka, topic):
        try:
            lines.append(from_message(message.key(), message.value()))
        except LedgerError as problem:
            raise LedgerError(f"record {len(lines)} (offset {message.offset()}): {problem}") from None
    return lines


def audit_topic(kafka: config.Kafka, topic: str | None = None, expected: Head | None = None) -> Audit:
    """Verify the topic from its first record: the chain, the rules, the columns, and the head as it was kept elsewhere.

    Raises ``ServiceError`` if Kafka does not answer, ``LedgerError`` if the topic has more than one partition.
    """
    lines: list[Line] = []
    unreadable: Finding | None = None
    for message in _messages(kafka, topic):
        try:
            lines.append(from_message(message.key(), message.value()))
        except LedgerError as problem:
            place, detail = len(lines), f"offset {message.offset()}: {problem}"
            unreadable = Finding(fault=Fault.CHANGED, sequence=place, position=place, detail=detail)
            break
    records = [line.record for line in lines]
    _, finding = folded(lines, None if unreadable else expected)
    return Audit(records=records, finding=finding or unreadable)


def folded(lines: Sequence[Line], expected: Head | None = None) -> tuple[Ledger, Finding | None]:
    """The ledger after these lines, and the first fault: of the chain, of what it records, or of the columns."""
    records = [line.record for line in lines]
    events: dict[str, Event] = {}
    own = next(
        (found for place, line in enumerate(lines) if (found := _line_finding(events, place, line)) is not None), None
    )
    faults = [one for one in (verify_chain(records, expected), own) if one is not None]
    ledger = Ledger(MappingProxyType(events), records[-1] if records else None)
    return ledger, min(faults, key=lambda one: one.position, default=None)


def read_verified(kafka: config.Kafka, topic: str | None = None) -> tuple[Ledger, list[Record]]:
    """The ledger and all its records. Raises ``LedgerError`` naming the first that is not in order, and as
    ``read_lines`` does."""
    lines = read_lines(kafka, topic)
    ledger, finding = folded(lines)
    if finding is not None:
        raise LedgerError(f"the ledger cannot be trusted: {finding}")
    return ledger, [line.record for line in lines]


def _line_finding(events: dict[str, Event], place: int, line: Line) -> Finding | None:
    """Bring ``events`` forward by a line; the fault if no rule allows it, or if its columns do not follow from it."""
    record = line.record
    if (found := replay_finding(events, record)) is not None:
        return replace(found, position=place)
    event = events[record.what["event_id"]]
    right = {"key": event.event_id, **derived_columns(record, event)}
    told = {"key": line.key, **line.columns}
    wrong = [f"{name} {told.get(name)!r}, by its record {right[name]!r}" for name in right if told[name] != right[name]]
    if not wrong:
        return None
    detail = f"found {'; '.join(wrong)}"
    return Finding(fault=Fault.CHANGED, sequence=record.sequence, position=place, detail=detail)


def _messages(kafka: config.Kafka, name: str | None) -> Iterator[KafkaMessage]:
    topic = Topic(kafka, name or topic_of(kafka, ledger_feed()))
    end = topic.end_offsets()
    if len(end) != 1:
        raise LedgerError(f"topic {topic.name} has {len(end)} partitions; allowed: one, or its records have no order")
    return topic.messages(topic.first_offsets(), end)


@cache
def _schemas() -> Mapping[int, Schema]:
    return {schema.schema_id: schema for schema in accepted_schemas(ledger_feed())}
