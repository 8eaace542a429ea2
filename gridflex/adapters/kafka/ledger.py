"""The one fenced writer of the ledger, and its reader.

A record and the messages that follow from it (commands) are one Kafka transaction: all of it is there once, or nothing
is (docs/adr/0029).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType, TracebackType

from confluent_kafka import KafkaError, KafkaException, Producer

from gridflex import config
from gridflex.adapters.kafka.client import refuse_at_once
from gridflex.adapters.kafka.connection_errors import DENIED, authorization_error
from gridflex.adapters.kafka.feed_topics import topic_of
from gridflex.adapters.kafka.ledger_messages import ledger_feed, read_lines, read_verified, to_message
from gridflex.adapters.kafka.reader import Topic
from gridflex.adapters.kafka.transactions import (
    CALL_S,
    Calls,
    Message,
    denied,
    is_fenced,
    producer_settings,
    send,
)
from gridflex.domain.curtailment import Change, Ledger, Record
from gridflex.errors import LedgerFencedError, ServiceError, TransitionError

TRANSACTIONAL_ID = "ledger"
"""Fixed: whoever takes it fences off whoever had it."""
OUTAGE_S = 15.0
"""How long Kafka may be out of reach before a change fails."""
_FRAME_BYTES = 1_000
"""What Kafka puts around a message, at most."""
_NOTHING: Mapping[str, Sequence[Message]] = MappingProxyType({})
_SETTLE_S = 5.0
_LOOK_S = 0.1
_UNKNOWN = "open a new writer of the ledger to see whether it was written"


def read_ledger(kafka: config.Kafka, topic: str | None = None) -> list[Record]:
    """Every committed record of the ledger's topic, or of another, from the first to the end; they are not verified.

    Raises ``LedgerError`` naming the first that cannot be read, ``ServiceError`` if Kafka does not answer.
    """
    return [line.record for line in read_lines(kafka, topic)]


class LedgerWriter:
    """Appends to the ledger. Opening one fences every other writer off, reads the ledger to its end and verifies it.

    After ``LedgerFencedError`` or a ``ServiceError`` that leaves the outcome open, a writer refuses to go on: open
    a new one and look again. One thread at a time.
    """

    ledger: Ledger
    """Events after the last committed record, and the end of the chain."""
    found: Sequence[Record]
    """Every record of the ledger when this writer was opened, in order and verified."""
    found_end: int
    """The end offset of the topic that they were read up to, at least."""

    def __init__(self, kafka: config.Kafka) -> None:
        """Raises ``LedgerError`` naming the first record that is not in order.

        Raises ``ServiceError`` if Kafka does not answer, or does not let this user write the ledger.
        """
        self._kafka = kafka
        feed = ledger_feed()
        self._topic = topic_of(kafka, feed)
        self._most_bytes = feed.max_message_bytes or 1_000_000
        refuse_at_once(kafka)
        self._open = True
        self._calls = Calls(kafka=kafka, name=TRANSACTIONAL_ID, outage_s=OUTAGE_S)
        self._producer = Producer(
            {**producer_settings(kafka, TRANSACTIONAL_ID), "linger.ms": 1, "message.max.bytes": self._most_bytes}
        )
        self._calls.retry(lambda: self._producer.init_transactions(CALL_S), "init", self._final)
        self.found_end = self._end_of_others()
        self.ledger, self.found = read_verified(kafka, self._topic)

    def __enter__(self) -> LedgerWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open = False

    def append(
        self, change: Change | Sequence[Change], messages: Mapping[str, Sequence[Message]] = _NOTHING
    ) -> list[Record]:
        """Check changes, and write their records with ``{topic: [(key, value)]}`` in one transaction.

        Raises ``TransitionError`` if a change is not allowed, or its content is too large: nothing has happened.
        Raises ``LedgerFencedError`` if another writer took over, ``ServiceError`` if Kafka is away or refuses: nothing
        or everything has happened; the ledger of a new writer tells which.
        """
        if not self._open:
            raise ServiceError("this writer of the ledger is closed, or has failed: open a new one and look again")
        ledger, records, lines = self._folded([change] if isinstance(change, Change) else change)
        if not records:
            raise TransitionError("found messages without a change of an event; allowed: those that follow from one")
        self._open = False
        self._transact({self._topic: lines, **messages})
        self._open = True
        self.ledger = ledger
        return records

    def _folded(self, changes: Sequence[Change]) -> tuple[Ledger, list[Record], list[Message]]:
        ledger, records, lines = self.ledger, [], []
        for change in changes:
            try:
                ledger, record = ledger.append(change)
            except ValueError as problem:  # of the canonical JSON: NaN, half a character
                raise TransitionError(f"cannot {change.action} {change.event_id}: {problem}") from None
            key, value = to_message(record, ledger.events[change.event_id])
            if len(key) + len(value) > self._most_bytes - _FRAME_BYTES:
                raise TransitionError(
                    f"cannot {change.action} {change.event_id}: found a record of {len(value):,} bytes; "
                    f"allowed: {self._most_bytes - _FRAME_BYTES:,}"
                )
            records.append(record)
            lines.append((key, value))
        return ledger, records, lines

    def _transact(self, messages: Mapping[str, Sequence[Message]]) -> None:
        """Raises ``LedgerFencedError`` or ``ServiceError``; the writer goes on only if nothing was written for sure."""
        try:
            self._producer.begin_transaction()
            for topic, batch in messages.items():
                send(self._producer, topic, batch)
        except KafkaException as problem:
            raise self._aborted(messages, problem.args[0]) from None
        try:
            self._calls.retry(lambda: self._producer.commit_transaction(CALL_S), "commit", self._final)
        except KafkaException as problem:
            raise self._aborted(messages, problem.args[0]) from None
        except ServiceError as problem:
            raise ServiceError(f"{problem}; {_UNKNOWN}") from None

    def _aborted(self, messages: Mapping[str, Sequence[Message]], error: KafkaError) -> Exception:
        """What to raise for a transaction that cannot be committed, once it is given up."""
        if is_fenced(error) or error.fatal():
            return self._final(error)
        self._calls.retry(lambda: self._producer.abort_transaction(CALL_S), "abort", self._final)
        self._open = True
        refusal = denied(self._kafka, self._producer, messages)
        return refusal or ServiceError(f"Kafka refused a change of the ledger, nothing was written: {error.str()}")

    def _final(self, error: KafkaError) -> Exception:
        if is_fenced(error):
            return LedgerFencedError(f"another writer of the ledger took over: {error.str()}")
        if error.code() in DENIED:
            return authorization_error(self._kafka, "write the ledger", error)
        return ServiceError(f"Kafka refused the ledger's writer: {error.str()}")

    def _end_of_others(self) -> int:
        """The topic's end once nobody's transaction is open there.

        Raises ``ServiceError`` while somebody else's transaction hides what comes after it from readers."""
        topic, started = Topic(self._kafka, self._topic), time.monotonic()
        while (end := topic.end_offsets()) != (written := topic.written_offsets()):
            if time.monotonic() - started > _SETTLE_S:
                raise ServiceError(
                    f"topic {self._topic}: a transaction that is not the ledger's own is open from offset "
                    f"{min(end.values())} on, of {max(written.values())}; nobody can read past it until it ends"
                )
            time.sleep(_LOOK_S)
        return sum(end.values())
