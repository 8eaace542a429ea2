"""The ledger as this process knows it, and the one way to change it: one lock around one fenced writer.

Reading takes no lock: every change makes a new snapshot. A writer that another service has fenced is opened again, and
the change is checked anew against what that service wrote.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from gridflex.adapters.kafka.feed_topics import topic_of
from gridflex.adapters.kafka.ledger import LedgerWriter, read_ledger
from gridflex.adapters.kafka.ledger_messages import ledger_feed, read_verified
from gridflex.adapters.kafka.reader import Topic
from gridflex.config import Kafka
from gridflex.domain.curtailment import (
    ENDED,
    NO_RECORD,
    Change,
    Event,
    Finding,
    Head,
    Ledger,
    Record,
    chained,
    fold,
    newest_plans,
    verify,
)
from gridflex.domain.openadr import Origin, first_origin
from gridflex.errors import LedgerError, LedgerFencedError, ServiceError

logger = logging.getLogger(__name__)

Messages = Mapping[str, Sequence[tuple[bytes, bytes]]]
Listener = Callable[[Record], None]
_ATTEMPTS = 3
"""Two services that write at once fence each other in turn; one of them ends soon, or it is told."""
_LOCK_S = 20.0
_ALIVE_S, _ALIVE_LOCK_S = 1.0, 5.0
_OFFSETS_OF_A_CHANGE = 2
"""The record, and the mark that its transaction is committed."""
_UNKNOWN = -1
_NOTHING: Messages = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The ledger after one of its records, and what is asked of it again and again."""

    ledger: Ledger = field(default_factory=Ledger)
    records: tuple[Record, ...] = ()
    """All of them; the place of each is its sequence number."""
    histories: Mapping[str, tuple[Record, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """The records of each event in order, by event id."""
    newest: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: MappingProxyType({}))
    """The plan of each event's newest version, by event id."""
    current: Mapping[str, Event] = field(default_factory=lambda: MappingProxyType({}))
    """Events that have not ended, by event id."""

    @classmethod
    def of(cls, records: Sequence[Record]) -> Snapshot:
        """Of a whole chain. Raises ``LedgerError`` that names the first record that is not in order."""
        if finding := verify(records):
            raise LedgerError(f"the ledger cannot be trusted: {finding}")
        return cls.folded(fold(records), records)

    @classmethod
    def folded(cls, ledger: Ledger, records: Sequence[Record]) -> Snapshot:
        """Of a whole chain that was verified and folded before."""
        histories: dict[str, list[Record]] = {}
        for record in records:
            histories.setdefault(str(record.what["event_id"]), []).append(record)
        current = {name: event for name, event in ledger.events.items() if event.state not in ENDED}
        return cls(
            ledger,
            tuple(records),
            MappingProxyType({name: tuple(found) for name, found in histories.items()}),
            MappingProxyType(newest_plans(records)),
            MappingProxyType(current),
        )

    def after(self, ledger: Ledger, record: Record) -> Snapshot:
        """With one record more. ``ledger``: after that record."""
        event_id = str(record.what["event_id"])
        event, history = ledger.events[event_id], (*self.histories.get(event_id, ()), record)
        current = {name: one for name, one in self.current.items() if name != event_id}
        return Snapshot(
            ledger,
            (*self.records, record),
            MappingProxyType({**self.histories, event_id: history}),
            MappingProxyType({**self.newest, **newest_plans([record])}),
            MappingProxyType(current if event.state in ENDED else {**current, event_id: event}),
        )


class SharedLedger:
    """The ledger, for all threads of the service.

    Every method that asks Kafka raises ``ServiceError`` when it does not answer, ``LedgerError`` when a record is not
    what was written.
    """

    def __init__(self, kafka: Kafka, clock: Callable[[], float] = time.time) -> None:
        """``clock``: seconds since the epoch. Nothing is opened before ``open`` or the first change."""
        self._kafka, self._clock = kafka, clock
        self._lock = threading.Lock()
        self._writer: LedgerWriter | None = None
        self._snapshot = Snapshot()
        self._listeners: list[Listener] = []
        self._asked_s = -_ALIVE_S
        self._end, self._written = _UNKNOWN, 0
        """The topic's end when it was last read, and how many changes were written to it here since."""

    @property
    def snapshot(self) -> Snapshot:
        """What was last known; it never changes."""
        return self._snapshot

    @property
    def ledger(self) -> Ledger:
        """Events and the end of the chain, as last known."""
        return self._snapshot.ledger

    def content(self, event_id: str) -> Mapping[str, Any]:
        """The plan of an event's newest version. Raises ``KeyError`` without such an event."""
        return self._snapshot.newest[event_id]

    def origin(self, event_id: str) -> Origin | None:
        """The VTN's event that an event comes from. Raises ``KeyError`` without such an event."""
        return first_origin(self._snapshot.histories[event_id])

    def open(self) -> None:
        """Become the ledger's writer, and read all of it."""
        with self._locked():
            self._opened()

    def close(self) -> None:
        """Give the writer up; the next change opens another."""
        with self._locked():
            self._closed()

    def change(self, change: Change, messages: Messages | Callable[[Snapshot], Messages] = _NOTHING) -> Record:
        """Append a change, with ``messages`` on other topics in the same transaction; its time is now.

        ``messages`` may be made of what the ledger says at that moment, and may refuse the change by an error.
        Raises ``TransitionError`` when the event, the actor or the clock does not allow it: then nothing has happened.
        After a ``ServiceError`` it may have happened: the ledger tells once Kafka answers.
        """
        with self._locked():
            for _ in range(_ATTEMPTS):
                writer = self._opened()
                made = replace(change, time_ms=round(self._clock() * 1000))
                expected = chained(writer.ledger.last, made)
                try:
                    sent = messages(self._snapshot) if callable(messages) else messages
                    record = writer.append(made, sent)[0]
                except LedgerFencedError:
                    logger.warning("ledger=fenced action=open_again event=%s", change.event_id)
                    self._closed()
                    if self._has(expected):
                        return expected
                    continue
                except ServiceError as problem:
                    self._closed()
                    told = f"whether {change.event_id} was changed is not known: look at it before you repeat it"
                    raise ServiceError(f"{problem}; {told}") from None
                self._written += 1
                self._know(self._snapshot.after(writer.ledger, record))
                return record
        raise ServiceError("another events service writes the same ledger again and again; stop one of them")

    def refresh(self) -> None:
        """Read what another service may have written meanwhile; the writer stays as it is."""
        with self._locked():
            end = sum(Topic(self._kafka, topic_of(self._kafka, ledger_feed())).end_offsets().values())
            self._asked_s = time.monotonic()
            only_ours = end == self._end + _OFFSETS_OF_A_CHANGE * self._written
            self._end, self._written = end, 0
            if only_ours:
                return
            self._end = _UNKNOWN
            ledger, records = read_verified(self._kafka)
            if ledger.last != self.ledger.last:
                self._know(Snapshot.folded(ledger, records))
            self._end = end

    def alive(self) -> None:
        """Raises ``ServiceError`` when Kafka does not answer for the ledger; it is asked at most once a second."""
        with self._locked(_ALIVE_LOCK_S):
            if self._writer is None:
                self._opened()
            elif time.monotonic() - self._asked_s < _ALIVE_S:
                return
        self.refresh()

    def verified(self) -> tuple[list[Record], Finding | None]:
        """All records as Kafka has them now, and the first fault; it must not be shorter than what was known."""
        ledger = self.ledger
        known = Head(records=ledger.next_sequence, hash=ledger.last.hash if ledger.last else NO_RECORD)
        records = read_ledger(self._kafka)
        return records, verify(records, known)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` with each record from now on, in the thread that learns of it; the answer ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _opened(self) -> LedgerWriter:
        if self._writer is None:
            self._writer = writer = LedgerWriter(self._kafka)
            self._end, self._written = writer.found_end, 0
            self._know(Snapshot.folded(writer.ledger, writer.found))
        return self._writer

    def _closed(self) -> None:
        if self._writer is not None:
            self._writer.__exit__(None, None, None)
            self._writer = None

    def _has(self, expected: Record) -> bool:
        """Whether a record was committed before its writer was fenced."""
        self._opened()
        history = self._snapshot.histories.get(str(expected.what["event_id"]), ())
        return any(record.hash == expected.hash for record in history)

    def _know(self, snapshot: Snapshot) -> None:
        known = self._snapshot.ledger.next_sequence
        self._snapshot = snapshot
        for record in snapshot.records[known:]:
            for listener in tuple(self._listeners):
                try:
                    listener(record)
                except Exception:  # the change is written, whatever becomes of who wants to hear of it
                    logger.exception("listener=failed sequence=%s", record.sequence)

    @contextmanager
    def _locked(self, most_s: float = _LOCK_S) -> Iterator[None]:
        if not self._lock.acquire(timeout=most_s):
            raise ServiceError(f"the ledger was busy for {most_s:.0f} s: does Kafka answer?")
        try:
            yield
        finally:
            self._lock.release()
