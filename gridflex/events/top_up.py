"""Proposes a top-up for an event that falls short: a plan from groups that are not called, for a person to approve."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from math import inf
from typing import Any

from gridflex.contracts.programs import load_programs
from gridflex.curtailment.planning import PlanOptions
from gridflex.domain.curtailment import PLATFORM, STEP_MIN, Action, Actor, Event, Record, Role, State, TopUp
from gridflex.errors import GridflexError
from gridflex.events.event_service import EventService

logger = logging.getLogger(__name__)

Content = Mapping[str, Any]
DECIDE_MS = 5 * 60_000
"""So long a person has to approve a top-up."""
_MS_PER_STEP = STEP_MIN * 60_000
_AGAIN_S = 30.0


PROPOSER = Actor(name=PLATFORM.name, roles=frozenset({Role.SERVICE, Role.PLANNER}))
"""The platform as a planner: it cannot approve what it proposes."""


class TopUps:
    """At most one top-up for an event, made in a thread of its own: planning takes seconds."""

    def __init__(self, event_service: EventService, clock: Callable[[], float] = time.time) -> None:
        """``clock``: seconds since the epoch."""
        self._event_service, self._clock = event_service, clock
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="top-up")
        self._running: dict[str, Future[str]] = {}
        self._needs: dict[str, TopUp] = {}
        self._notes: dict[str, str] = {}
        self._again_s: dict[str, float] = {}
        """When an event without a top-up may be tried again, by ``clock``."""

    def need(self, event: Event, content: Content, need: TopUp) -> None:
        """An event falls short: a top-up is planned and proposed, unless there is one or there was none just now."""
        self._needs[event.event_id] = need
        if event.event_id in self._running or self._again_s.get(event.event_id, -inf) > self._clock():
            return
        why = f"{_tag(event.event_id)} {need.short_kw:,.2f} kW short, {need.share:.0%} of an interval's P50"
        logger.warning("event=%s short_kw=%.3f share=%.3f action=top_up", event.event_id, need.short_kw, need.share)
        self._running[event.event_id] = self._worker.submit(self._make, event, content, need, why)

    def step(self) -> None:
        """Note what has become of top-ups that were being made."""
        for event_id in [name for name, one in self._running.items() if one.done()]:
            try:
                self._notes[event_id] = f"{self._running.pop(event_id).result()} is proposed and must be approved"
                self._again_s[event_id] = inf
            except GridflexError as problem:
                self._again_s[event_id] = self._clock() + _AGAIN_S
                self._notes[event_id] = f"there is no top-up: {problem}"
                logger.warning("event=%s top_up=none reason=%s", event_id, problem)

    def report(self, event_id: str) -> Mapping[str, Any]:
        """What is missing of an event, and what is being done; nothing while it does not fall short."""
        need = self._needs.get(event_id)
        if need is None:
            return {}
        note = self._notes.get(event_id, "a top-up is being planned")
        return {"short_kw": round(need.short_kw, 6), "short_share": round(need.share, 6), "top_up": note}

    def _make(self, event: Event, content: Content, need: TopUp, why: str) -> str:
        made = top_up_record(self._event_service.shared_ledger.snapshot.histories.values(), event.event_id)
        if made is None:
            options = top_up_options(event, content, need, round(self._clock() * 1000))
            top_up = self._event_service.draft(PROPOSER, self._event_service.planned(options), why)
        else:
            top_up = str(made.what["event_id"])
        drafted = self._event_service.shared_ledger.ledger.events[top_up]
        if drafted.state is State.DRAFT and drafted.version == 1:
            self._event_service.decide(PROPOSER, Action.PROPOSE, top_up, drafted.content_hash)
        return top_up


def top_up_record(histories: Iterable[Sequence[Record]], event_id: str) -> Record | None:
    """The draft of an event's top-up, if there is one already. ``histories``: the records of each event, in order.

    Only the platform drafts top-ups: a person's draft with the same reason would else keep the event from having one.
    """
    tag = _tag(event_id)
    drafts = (history[0] for history in histories if Role.SERVICE in history[0].who["roles"])
    return next((record for record in drafts if record.why.startswith(tag)), None)


def top_up_options(event: Event, content: Content, need: TopUp, now_ms: int) -> PlanOptions:
    """What to ask the planner for: what is missing, from the first interval on that can still be approved in time.

    Raises ``GridflexError`` if the event is over by then.
    """
    program = load_programs()[content["program"]]
    least_ms = now_ms + DECIDE_MS + round(program.notice_min * 60_000)
    start_ms = event.start_ms + max(0, -((event.start_ms - least_ms) // _MS_PER_STEP)) * _MS_PER_STEP
    missing = [one.short_kw for one in need.intervals if one.start_ms >= start_ms]
    if start_ms >= event.end_ms or max(missing, default=0.0) <= 0:
        raise GridflexError(
            f"nothing is missing that could still be approved in time; program {program.name!r} needs "
            f"{program.notice_min:g} min of notice, and a person {DECIDE_MS // 60_000} min"
        )
    return PlanOptions(
        region=event.region,
        target_kw=max(missing),
        start_ms=start_ms,
        end_ms=event.end_ms,
        program=program.name,
        seed=int(content.get("seed") or 0),
    )


def _tag(event_id: str) -> str:
    return f"tops up {event_id}:"
