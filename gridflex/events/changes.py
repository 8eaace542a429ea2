"""A stream of what changes: each record of the ledger that its reader may see, as server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from gridflex.domain.curtailment import Actor, Record
from gridflex.events.rates import TooManyError
from gridflex.events.shared_ledger import SharedLedger, Snapshot

_HEARTBEAT_S = 15.0
_WAITING = 1000
_EACH, _ALL = 5, 100


class Streams:
    """Open streams; each ends when its reader falls too far behind, and goes on from ``Last-Event-ID``."""

    def __init__(self, shared_ledger: SharedLedger) -> None:
        self._shared_ledger = shared_ledger
        self._open: dict[str, int] = {}

    def changes(self, actor: Actor, after: int | None) -> AsyncIterator[str]:
        """Lines of the stream: records behind sequence number ``after`` first, then those to come.

        Without ``after`` only those to come. Raises ``TooManyError`` at once.
        """
        if self._are_too_many(actor):
            raise TooManyError(f"too many streams are open; allowed: {_EACH} of one user, {_ALL} of all")
        return self._counted(actor, after)

    def _are_too_many(self, actor: Actor) -> bool:
        return self._open.get(actor.name, 0) >= _EACH or sum(self._open.values()) >= _ALL

    async def _counted(self, actor: Actor, after: int | None) -> AsyncIterator[str]:
        """Counts only while it is read: who hangs up before the first line leaves nothing behind."""
        if self._are_too_many(actor):
            return
        self._open[actor.name] = self._open.get(actor.name, 0) + 1
        try:
            async for line in self._lines(actor, after):
                yield line
        finally:
            self._open[actor.name] -= 1

    async def _lines(self, actor: Actor, after: int | None) -> AsyncIterator[str]:
        loop, news = asyncio.get_running_loop(), asyncio.Queue[Record](_WAITING)
        behind = asyncio.Event()

        def take(record: Record) -> None:
            if news.full():
                behind.set()
            else:
                news.put_nowait(record)

        def tell(record: Record) -> None:
            loop.call_soon_threadsafe(take, record)

        end = self._shared_ledger.listen(tell)
        try:
            snapshot = self._shared_ledger.snapshot
            last = snapshot.ledger.next_sequence - 1 if after is None else after
            yield ": changes of events\n\n"
            for record in snapshot.records[max(0, last + 1) :]:
                last = record.sequence
                if line := _line(snapshot, actor, record):
                    yield line
            while not behind.is_set():
                try:
                    record = await asyncio.wait_for(news.get(), _HEARTBEAT_S)
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                if record.sequence > last:
                    last = record.sequence
                    if line := _line(self._shared_ledger.snapshot, actor, record):
                        yield line
        finally:
            end()


def _line(snapshot: Snapshot, actor: Actor, record: Record) -> str:
    """A record as one event; empty if the actor may not see it."""
    event = snapshot.ledger.events[str(record.what["event_id"])]
    if not actor.may_act_in(event.region):
        return ""
    told: dict[str, Any] = {
        "sequence": record.sequence,
        "time_ms": record.time_ms,
        "event_id": event.event_id,
        "region": event.region,
        "action": record.what["action"],
        "state": str(event.state),
        "version": event.version,
        "who": record.who["name"],
        "why": record.why,
    }
    return f"id: {record.sequence}\nevent: change\ndata: {json.dumps(told)}\n\n"
