"""Keeps a VTN's events as the ledger says, in a thread of its own: whatever the VTN does, dispatch goes on without it.

Nothing about it is stored. Each round looks at the ledger and at the VTN, and makes up the difference: so a service
that was killed, or a VTN that was away, needs nothing but the next round. An event is known at the VTN by its name, so
that repeating makes no second one.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gridflex.adapters.openadr import (
    Event,
    EventPayloadDescriptor,
    OpenAdrClient,
    OpenAdrError,
    Program,
    Report,
    Unreadable,
)
from gridflex.domain.curtailment import Record
from gridflex.domain.openadr import KILOWATTS, SETPOINT, Wanted, printable, wanted
from gridflex.errors import GridflexError
from gridflex.events.shared_ledger import SharedLedger

logger = logging.getLogger(__name__)

_ROUND_S, _FIRST_PAUSE_S, _LONGEST_PAUSE_S = 30.0, 2.0, 60.0
_STOP_S = 15.0
_ABOUT_ONE = frozenset({400, 403, 404, 409, 413})
"""Statuses that are about one event: the VTN is asked about the others all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What became of one version of an event at the VTN."""

    cancelled: bool
    at_ms: int | None = None
    """When the VTN took it as it is now, UTC epoch; ``None``: it has not."""
    problem: str = ""
    """Why not, in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VtnAnswer:
    """Whether the VTN took us in."""

    at_ms: int | None = None
    """When, UTC epoch; ``None``: it was not asked yet."""
    problem: str = ""
    """Why not, in one line."""


class Publisher:
    """Events of the ledger at a VTN. ``start`` runs it in a thread; ``step`` does one round."""

    def __init__(
        self,
        connect: Callable[[], OpenAdrClient],
        is_on: Callable[[], bool],
        program: str,
        shared_ledger: SharedLedger,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``connect``: opens the VTN, without asking it. ``is_on``: whether there is one. ``program``: our events'."""
        self._connect, self.is_on, self._program_name = connect, is_on, program
        self._shared_ledger, self._clock = shared_ledger, clock
        self._last_answer = VtnAnswer()
        self._notes: dict[str, Note] = {}
        """By the event's name at the VTN."""
        self._again_s = 0.0
        self._refused = False
        self._program_id: str | None = None
        self._news, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="openadr", daemon=True)
        self._unlisten: Callable[[], None] | None = None

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._unlisten = self._shared_ledger.listen(self._hear)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; a VTN that does not answer is not waited for."""
        if self._unlisten is not None:
            self._unlisten()
        self._over.set()
        self._news.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_S)

    def told(self, event_id: str) -> str | None:
        """What became of an event at the VTN, in one line; ``None``: there is nothing to tell of it."""
        if not self.is_on():
            return None
        snapshot = self._shared_ledger.snapshot
        known = {name: note for name, note in tuple(self._notes.items()) if name.rpartition("-v")[0] == event_id}
        for one in wanted({event_id: snapshot.ledger.events[event_id]}, snapshot.histories, self._now_ms()):
            if not one.cancelled or one.name in known:
                note = known.get(one.name)
                known[one.name] = note if note and note.cancelled == one.cancelled else Note(cancelled=one.cancelled)
        return "; ".join(self._line(name, note) for name, note in sorted(known.items())) or None

    def reports(self, name: str) -> tuple[list[dict[str, Any]], list[str]]:
        """Reports on the event of this name at the VTN, as it keeps them, and why others cannot be read.

        Raises ``ServiceError``.
        """
        found, problems = list[Report](), list[str]()
        with self._connect() as client:
            events = client.listed_events(self._program(client))
            problems += [f"event {one.id}: {one.reason}" for one in events.unreadable_named(name)]
            for event in (one for one in events.found if one.event_name == name):
                told = client.listed_reports(str(event.id))
                found += told.found
                problems += [f"report {one.id}: {one.reason}" for one in told.unreadable]
        return [one.model_dump(mode="json", by_alias=True, exclude_none=True) for one in found], problems

    def step(self) -> bool:
        """One round; whether all is at the VTN as it should be. Never raises what the VTN or the network does."""
        if not self.is_on():
            return True
        waiting = self._wanted()
        failed = self._refused = False
        try:
            with self._connect() as client:
                there = self._there(client) if waiting else self._signed_in(client)
                self._answer("")
                while waiting:
                    failed = not self._bring(client, waiting[0], there.get(waiting[0].name)) or failed
                    waiting.pop(0)
        except GridflexError as problem:
            self._fail([one for one in waiting if not self._is_done(one)], str(problem))
            self._answer(str(problem))
            failed = True
        if failed:
            self._program_id = None  # perhaps somebody removed the program
        return not failed

    @property
    def answer(self) -> VtnAnswer:
        """Of the VTN to the last round."""
        return self._last_answer

    def _answer(self, problem: str) -> None:
        found = VtnAnswer(at_ms=self._now_ms(), problem=printable(problem))
        if found.problem != self._last_answer.problem:
            level = logging.WARNING if problem else logging.INFO
            logger.log(level, "openadr=%s reason=%s", "away" if problem else "there", found.problem or "none")
        self._last_answer = found

    def _signed_in(self, client: OpenAdrClient) -> dict[str, Event | Unreadable]:
        """A login that is refused is told before the first event has to get there."""
        client.listed_programs()
        return {}

    def _wanted(self) -> list[Wanted]:
        snapshot = self._shared_ledger.snapshot
        return list(wanted(snapshot.ledger.events, snapshot.histories, self._now_ms()))

    def _there(self, client: OpenAdrClient) -> dict[str, Event | Unreadable]:
        """By name. One that cannot be read is told of; the others go on."""
        listed = client.listed_events(self._program(client))
        wrong: dict[str, Event | Unreadable] = {one.name: one for one in listed.unreadable}
        return wrong | {one.event_name: one for one in listed.found if one.event_name}

    def _program(self, client: OpenAdrClient) -> str:
        if self._program_id is None:
            descriptor = EventPayloadDescriptor(payload_type=SETPOINT, units=KILOWATTS)
            program = Program(program_name=self._program_name, payload_descriptors=(descriptor,))
            self._program_id = client.ensure_program(program).id
        return str(self._program_id)

    def _bring(self, client: OpenAdrClient, one: Wanted, there: Event | Unreadable | None) -> bool:
        """Whether the VTN has this version as it should be."""
        if isinstance(there, Unreadable):
            self._fail([one], f"{there.reason} (id {there.id or 'unknown'})")
            return False
        try:
            if not one.cancelled:
                event = Event.model_validate(one.document(self._program_id or ""))
                found = there if there is not None and event.same_content(there) else client.put_event(event)
            elif there is None:
                self._notes.pop(one.name, None)  # it never came to the VTN: nobody there has to be told
                return True
            else:
                found = there if there.is_cancelled else client.cancel_event(there)
        except OpenAdrError as problem:
            # Two in a row that name no cause in the event itself: the others would have to wait for as long.
            if problem.status not in _ABOUT_ONE and (problem.maybe_done or self._refused):
                raise
            self._refused = problem.status not in _ABOUT_ONE
            self._fail([one], str(problem))
            return False
        except (GridflexError, ValueError) as problem:
            self._fail([one], str(problem))
            return False
        self._done(one, found)
        return True

    def _done(self, one: Wanted, found: Event) -> None:
        changed = found.modification_date_time or found.created_date_time or datetime.now(UTC)
        note = Note(cancelled=one.cancelled, at_ms=round(changed.timestamp() * 1000))
        if self._notes.get(one.name) != note:
            what = "cancel" if one.cancelled else "put"
            logger.info("openadr=%s event=%s vtn_event=%s", what, one.name, found.id)
        self._notes[one.name] = note

    def _is_done(self, one: Wanted) -> bool:
        note = self._notes.get(one.name)
        return note is not None and note.at_ms is not None and note.cancelled == one.cancelled

    def _fail(self, waiting: list[Wanted], problem: str) -> None:
        for one in waiting:
            note = Note(cancelled=one.cancelled, problem=printable(problem))
            if self._notes.get(one.name) != note:
                logger.warning("openadr=failed event=%s reason=%s action=repeat", one.name, note.problem)
            self._notes[one.name] = note

    def _line(self, name: str, note: Note) -> str:
        if note.at_ms is not None:
            return f"{name} {'is cancelled' if note.cancelled else 'is'} at the VTN since {_clock(note.at_ms)}"
        what = "be cancelled" if note.cancelled else "be"
        if not note.problem:
            return f"{name} is about to {what} at the VTN"
        again = f"this is repeated at {_clock(round(self._again_s * 1000))}"
        return f"{name} is not known to {what} at the VTN: {note.problem}; {again}"

    def _now_ms(self) -> int:
        return round(self._clock() * 1000)

    def _hear(self, record: Record) -> None:
        self._news.set()

    def _run(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._over.is_set():
            self._news.clear()
            try:
                done = self.step()
            except Exception:
                logger.exception("openadr=failed")
                done = False
            wait_s = _ROUND_S if done else pause_s
            pause_s = _FIRST_PAUSE_S if done else min(2 * pause_s, _LONGEST_PAUSE_S)
            self._again_s = self._clock() + wait_s
            self._news.wait(wait_s)


def _clock(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
