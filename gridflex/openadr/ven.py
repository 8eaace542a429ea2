"""Carries out a VTN's events: as a client of that VTN on one side, of our events service on the other.

It keeps nothing. Which of our events stand for which of the VTN's is in the ledger, and the events service lets no
event of a VTN be planned twice; so it may be killed at any instant, and two of them do no harm.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gridflex.adapters.events.client import EventsClient
from gridflex.adapters.openadr import Event, OpenAdrClient, Report, Unreadable
from gridflex.config import OpenAdrVen
from gridflex.domain.curtailment import State
from gridflex.domain.flexibility import HORIZONS_MIN
from gridflex.domain.openadr import (
    Asked,
    Origin,
    Ours,
    Place,
    ReportedInterval,
    duties,
    instant,
    is_cancelled,
    operating_state,
    own_event,
    printable,
    report_document,
)
from gridflex.errors import GridflexError, ServiceError, UsageError
from gridflex.openadr.unreadable import UnreadableEvents

logger = logging.getLogger(__name__)

Json = dict[str, Any]
Measure = Callable[[Mapping[str, Any], int], Sequence[ReportedInterval]]
"""Measured intervals of a plan up to an instant; see ``measured_intervals``."""
_MOST = "10000"
_REPORTED_MS = 15 * 60_000
"""So long after an event it is still reported on."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 15.0, 300.0
_WAS_OFF = frozenset({State.ACTIVE, State.COMPLETED, State.SETTLED})
_WAITS = frozenset({State.DRAFT, State.PROPOSED})
_DECLINED = frozenset({State.REJECTED, State.EXPIRED})


@dataclass(frozen=True, slots=True)
class _Theirs:
    """Events of the programs that a VEN follows."""

    readable: dict[str, Event]
    """By their ids at the VTN."""
    programs: dict[str, str]
    """The program's name of each, by the same ids."""
    unreadable: list[Unreadable]

    @property
    def unreadable_ids(self) -> dict[str, Unreadable]:
        return {one.id: one for one in self.unreadable if one.id and one.id not in self.readable}

    @property
    def all_known(self) -> bool:
        """Whether an event that is not among them is not at the VTN."""
        return all(one.id for one in self.unreadable)


@dataclass(frozen=True, slots=True)
class _Again:
    """When a plan that failed is asked for again."""

    at_s: float
    pause_s: float


class Ven:
    """Gridflex below a VTN. ``step`` does all that is to be done once."""

    def __init__(
        self,
        *,
        settings: OpenAdrVen,
        url: str,
        connect: Callable[[], OpenAdrClient],
        planner: EventsClient,
        approver: EventsClient | None,
        measure: Measure,
        unreadable: UnreadableEvents,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``url``: the VTN's, as it is kept in the ledger. ``approver``: approves what ``planner`` proposed; ``None``:
        a person does. ``unreadable``: keeps events that nobody can read."""
        self._settings, self._url, self._connect = settings, url, connect
        self._planner, self._approver = planner, approver
        self._measure, self._unreadable, self._clock = measure, unreadable, clock
        self._places = {name: Place(*place) for name, place in settings.places.items()}
        self._name = ""
        self._again: dict[str, _Again] = {}
        self._ended_here: dict[str, bool] = {}
        self._ends_ms: dict[str, int] = {}
        """When each of our events ends, UTC epoch."""
        self._said: set[tuple[str, str]] = set()

    def check(self) -> None:
        """Raises ``UsageError`` when the tokens may not do what they are for, ``ServiceError`` without an answer."""
        me = self._planner.me()
        if "planner" not in me["roles"]:
            raise UsageError(f"{me['name']} is {', '.join(me['roles'])}; allowed for a VEN: a planner's token")
        if self._approver is not None:
            other = self._approver.me()
            if other["name"] == me["name"]:
                raise UsageError(
                    f"{me['name']} would approve what {me['name']} proposed; allowed: another user's token"
                )
            if "approver" not in other["roles"]:
                raise UsageError(f"{other['name']} is {', '.join(other['roles'])}; allowed: an approver's token")
        self._name = me["name"]

    def step(self) -> int:
        """Look at the VTN's events, and do what is to be done; how many of them could not be dealt with.

        Raises ``ServiceError`` when the VTN or the events service gives no answer.
        """
        if not self._name:
            self.check()
        with self._connect() as vtn:
            theirs = self._theirs(vtn)
            self._unreadable.tell(theirs.unreadable)
            failed = len(theirs.unreadable)
            ours = self._ours(set(theirs.readable))
            for vtn_id in {**theirs.readable, **dict.fromkeys(one.origin.event_id for one in ours if one.is_live)}:
                mine = [one for one in ours if one.origin.event_id == vtn_id]
                try:
                    if vtn_id in theirs.readable:
                        self._deal_with(vtn, theirs, vtn_id, mine)
                    else:
                        self._deal_with_missing(theirs, vtn_id, [one for one in mine if one.is_live])
                except GridflexError as problem:
                    failed += 1
                    self._say(vtn_id, f"vtn_event={vtn_id} failed reason={problem} action=repeat", logging.WARNING)
        return failed

    def _theirs(self, vtn: OpenAdrClient) -> _Theirs:
        """Events of the programs that we follow; never one that is ours."""
        programs = {one.program_name: one.id for one in vtn.listed_programs().found}
        lacking = [name for name in self._settings.program_names if name not in programs]
        if lacking:
            # Without its program the VTN tells none of its events: that does not mean that they are cancelled.
            raise ServiceError(
                f"no program {', '.join(lacking)} at the VTN {self._url} for this VEN; there: "
                f"{', '.join(sorted(programs)) or 'none'} (openadr_ven.programs)"
            )
        theirs = _Theirs({}, {}, [])
        for name in self._settings.program_names:
            listed = vtn.listed_events(programs[name])
            theirs.unreadable.extend(listed.unreadable)
            found = {str(one.id): one for one in listed.found if not self._is_our_own(one)}
            theirs.readable.update(found)
            theirs.programs.update(dict.fromkeys(found, name))
        return theirs

    def _is_our_own(self, event: Event) -> bool:
        """An event of ours that came back to us through other VTNs would be carried out for ever."""
        named = own_event(event.event_name or "")
        if named is None:
            return False
        known = any(one["event_id"] == named[0] for one in self._planner.events(most=_MOST))
        if known:
            self._say(str(event.id), f"vtn_event={event.id} left reason=it is our own {event.event_name}")
        return known

    def _ours(self, theirs: set[str]) -> list[Ours]:
        """Our events that come from this VTN."""
        found = []
        for one in self._planner.events(from_vtn="true", most=_MOST):
            origin = Origin(**one["origin"] | {"kw": tuple(one["origin"]["kw"])})
            if origin.vtn == self._url:
                state = State(one["state"])
                declined = state in _DECLINED or (
                    state is State.CANCELLED and origin.event_id in theirs and self._was_ended_here(one["event_id"])
                )
                self._ends_ms[one["event_id"]] = one["end_ms"]
                found.append(Ours(event_id=one["event_id"], state=state, origin=origin, declined=declined))
        return found

    def _was_ended_here(self, event_id: str) -> bool:
        """Whether somebody else than this VEN cancelled an event of ours."""
        if event_id not in self._ended_here:
            self._ended_here[event_id] = self._planner.event(event_id)["history"][-1]["who"] != self._name
        return self._ended_here[event_id]

    def _deal_with_missing(self, theirs: _Theirs, vtn_id: str, live: Sequence[Ours]) -> None:
        """Our events whose event of the VTN cannot be read, or is not there.

        What nobody can read neither begins anything nor ends it, unless it says as a cancelled event does.
        """
        if (wrong := theirs.unreadable_ids.get(vtn_id)) is not None:
            document = wrong.document if isinstance(wrong.document, Mapping) else {}
            why = "the VTN cancelled it" if is_cancelled(document) else ""
        else:
            why = "it disappeared at the VTN" if theirs.all_known else ""
        for one in live:
            if why and self._is_followed(one):
                self._cancel(one.event_id, why)

    def _is_followed(self, one: Ours) -> bool:
        """Whether an event comes from a program of this VEN: another VEN may follow others of the same VTN."""
        return one.origin.program in {"", *self._settings.program_names}

    def _deal_with(self, vtn: OpenAdrClient, theirs: _Theirs, vtn_id: str, ours: Sequence[Ours]) -> None:
        event = theirs.readable[vtn_id]
        document = event.model_dump(mode="json", by_alias=True, exclude_none=True)
        todo = duties(document, ours, self._now_ms(), self._places)
        for event_id, why in todo.cancel:
            self._cancel(event_id, why)
        if todo.refused:
            self._say(str(event.id), f"vtn_event={event.id} refused reason={todo.refused}", logging.WARNING)
        current = todo.carry_on
        if todo.plan is not None:
            current = self._plan(document, todo.plan, theirs.programs[vtn_id])
        if current and not any(one.event_id == current and one.state not in _WAITS for one in ours):
            self._carry_on(current)
        if not event.is_cancelled:
            self._report(vtn, document, current or next((one.event_id for one in ours), ""))

    def _plan(self, document: Mapping[str, Any], asked: Asked, program: str) -> str:
        """The draft of a plan; empty while a plan that failed waits to be asked for again."""
        origin = Origin.of(self._url, document, asked, program)
        again = self._again.get(origin.event_id)
        if again is not None and self._clock() < again.at_s:
            return ""
        try:
            drafted = self._planner.draft_plan({
                "region": asked.place.region, "feeder": asked.place.feeder or None, "target_kw": asked.target_kw,
                "start": instant(asked.start_ms), "duration": f"{(asked.end_ms - asked.start_ms) // 60_000}m",
                "program": self._settings.curtailment_program, "origin": origin.to_json(),
            })  # fmt: skip
        except GridflexError:
            pause_s = min(2 * again.pause_s, _LONGEST_PAUSE_S) if again else _FIRST_PAUSE_S
            self._again[origin.event_id] = _Again(self._clock() + pause_s, pause_s)
            raise
        self._again.pop(origin.event_id, None)
        event_id = str(drafted["event_id"])
        logger.info("vtn_event=%s event=%s action=draft", origin.event_id, event_id)
        return event_id

    def _carry_on(self, event_id: str) -> None:
        """Propose our own draft, and have it approved if that is configured; what others amended is left to people."""
        found = self._planner.event(event_id)
        about = found["content_hash"]
        if found["version"] != 1 or any(one["who"] != self._name for one in found["history"]):
            return
        if found["state"] == State.DRAFT:
            found = self._planner.act(event_id, "propose", content_hash=about, reason=_why(found["origin"]))
            logger.info("event=%s action=propose", event_id)
        if found["state"] == State.PROPOSED and found["content_hash"] == about and self._approver is not None:
            self._approver.act(event_id, "approve", content_hash=about, reason=_why(found["origin"]))
            logger.info("event=%s action=approve", event_id)

    def _cancel(self, event_id: str, why: str) -> None:
        self._planner.act(event_id, "cancel", reason=printable(why))
        logger.info("event=%s action=cancel reason=%s", event_id, printable(why))

    def _report(self, vtn: OpenAdrClient, document: Mapping[str, Any], event_id: str) -> None:
        now_ms = self._now_ms()
        if not event_id or now_ms >= self._ends_ms.get(event_id, now_ms) + _REPORTED_MS:
            return
        found = self._planner.event(event_id)
        state = State(found["state"])
        if state is State.DRAFT:
            return
        measured = self._measure(found["content"], now_ms)
        rows = [replace(one, state=_state(state, one.start_ms, found["end_ms"])) for one in measured]
        rows[-1] = replace(rows[-1], available_kw=self._available_kw(found["content"]), state=operating_state(state))
        report = report_document(document, self._settings.name, f"gridflex-{event_id}", rows)
        vtn.put_report(Report.model_validate(report))

    def _available_kw(self, plan: Mapping[str, Any]) -> float | None:
        """What the addressed place could shed now, for as long as the event; ``None``: nothing fresh is known."""
        length_min = (plan["end_ms"] - plan["start_ms"]) / 60_000
        horizon = max(one for one in HORIZONS_MIN if one <= max(length_min, HORIZONS_MIN[1]))
        rows = self._planner.flexibility(plan["region"], plan.get("feeder") or "")["rows"]
        found = [one["p50_kw"] for one in rows if one["horizon_min"] == horizon and one["fresh_share"] > 0]
        return round(sum(found), 4) if found else None

    def _say(self, vtn_id: str, line: str, level: int = logging.INFO) -> None:
        if (vtn_id, line) not in self._said:
            self._said.add((vtn_id, line))
            logger.log(level, "%s", printable(line))

    def _now_ms(self) -> int:
        return round(self._clock() * 1000)


def _state(state: State, start_ms: int, end_ms: int) -> str | None:
    """Of an interval before the last one told."""
    if state in _WAS_OFF:
        return operating_state(State.ACTIVE if start_ms < end_ms else state)
    return None


def _why(origin: Mapping[str, Any]) -> str:
    return f"asked for by the VTN {origin['vtn']}, event {origin['event_id']}"[:1000]
