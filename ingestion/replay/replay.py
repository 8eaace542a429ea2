"""Replays a data set into Kafka: exactly once, resumable, at a given pace."""

from __future__ import annotations

import fcntl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from gridflex.adapters.kafka.transactions import Message
from gridflex.adapters.kafka.writer import TransactionalWriter
from gridflex.config import Config
from gridflex.domain.interval import iso
from gridflex.domain.readings import EARLIEST_EVENT_MS, MS_PER_DAY, Floats, Ints
from gridflex.errors import ReplayFencedError, SourceError
from ingestion.feeds import Reader
from ingestion.premises import load_premises
from ingestion.replay.burst import Burst
from ingestion.replay.messages import Encoder, appliances_of
from ingestion.replay.replay_progress import ReplayProgress, progress_from_json
from ingestion.replay.schedule import Schedule, Slice
from ingestion.replay.timeline import Align, Span, Track, base_days, lags_ms, tracks
from ingestion.responding.appliances import Appliance


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a replay plays, and how."""

    replay_id: str
    shifts: tuple[int, ...]
    align: Align
    speed: float | None
    """Event seconds a second; None: as fast as the broker takes it (``today``: up to now, then the wall clock's)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Computes up to which event time a replay may have played. Pure."""

    speed: float | None
    never_after_now: bool
    start_event_ms: int
    start_wall_ms: int

    def until_ms(self, now_ms: int) -> int | None:
        """The last event time that is due, UTC epoch; None: there is no limit.

        >>> Pace(speed=60, never_after_now=False, start_event_ms=0, start_wall_ms=1000).until_ms(2000)
        60000
        """
        limits = [now_ms] if self.never_after_now else []
        if self.speed is not None:
            limits.append(self.start_event_ms + int((now_ms - self.start_wall_ms) * self.speed))
        return min(limits, default=None)


def now_ms() -> int:
    """The wall clock, UTC epoch."""
    return time.time_ns() // 1_000_000


@contextmanager
def only_one(state_dir: Path, replay_id: str) -> Iterator[None]:
    """Hold a replay's lock on this machine. Raises ``ReplayFencedError`` if it is held. A killed holder frees it."""
    path = state_dir / "replay" / f"{replay_id}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"replay {replay_id} is already running; a second one of the same id is refused"
            raise ReplayFencedError(message) from None
        yield


class Responder(Protocol):
    """The protocol of houses that respond, see ``ingestion.responding.responder``."""

    def listen(self, clock_ms: int) -> None:
        """Take new commands. All readings before the clock have been played."""
        ...

    def play(self, series: Ints, time_ms: Ints, power_w: Floats, observed_s: Floats) -> Floats:
        """Change the power of readings to what it is while appliances are called."""
        ...

    def advance(self, clock_ms: int | None) -> bool:
        """Advance the clock: all readings before it (``None``: all there are) have been played. Returns whether there
        is anything to commit.
        """
        ...

    def prepare(self, *, at_end: bool) -> tuple[dict[str, list[Message]], dict[str, Any]]:
        """The messages and the position to commit."""
        ...

    def committed(self) -> None:
        """Note that what was prepared is committed."""
        ...

    def close(self) -> None:
        """Release files and connections."""
        ...


MakeResponder = Callable[[Sequence[Appliance], Ints, Mapping[str, Any] | None], Responder]
"""From appliances by series, the lag of each one's clock in ms, and the position of the last commit."""


class Replay:
    """Runs a replay, from where the last run of its id stopped."""

    def __init__(  # noqa: PLR0917
        self,
        config: Config,
        reader: Reader,
        plan: Plan,
        writer: TransactionalWriter,
        root: Path,
        make_responder: MakeResponder | None = None,
    ) -> None:
        """``make_responder``: if its houses respond."""
        first_ms, last_ms = reader.span_ms()
        span = Span(first_ms=first_ms, last_ms=last_ms)
        fresh = ReplayProgress(base_days=base_days(span, plan.align, now_ms()))
        self.account = progress_from_json(writer.position) if writer.position else fresh
        ways = tracks(span, plan.align, plan.shifts, self.account.base_days)
        if self.account.cursors and len(self.account.cursors) != len(ways):
            raise SourceError(f"replay {plan.replay_id} was started with other shifts; give it another --replay-id")
        _refuse_too_early(span, plan, ways)
        self._schedule = Schedule(reader, ways, span, plan.shifts, self.account.cursors)
        self._config, self._plan, self._writer = config, plan, writer
        premises = load_premises(root / config.replay.premises)
        appliances = appliances_of(reader.dataset, reader.series, plan.shifts, premises)
        self._encoder = Encoder(reader.dataset, appliances, plan.replay_id)
        self._burst = Burst.first(most=config.replay.transaction_readings, open_s=config.replay.live_flush_s)
        self._responder: Responder | None = None
        if make_responder is not None:
            lags = lags_ms(ways)
            lag_ms = np.repeat(np.array([lags[shift] for shift in plan.shifts], dtype=np.int64), len(reader.series))
            self._responder = make_responder(appliances, lag_ms, self.account.responding)
        elif self.account.responding and self.account.responding["state"]:
            raise SourceError(
                f"replay {plan.replay_id} was stopped while its houses responded to an event; "
                "let them respond on: --respond, and --truth if it was given"
            )

    def run(self, stop: threading.Event, progress: Callable[[ReplayProgress], None]) -> ReplayProgress:
        """Play until the end, or until ``stop`` is set. Returns the progress that is committed.

        ``progress`` is called after each commit, and while no reading is due too.
        """
        pace = Pace(
            speed=self._plan.speed,
            never_after_now=self._plan.align is Align.TODAY,
            start_event_ms=self._schedule.next_time_ms() or 0,
            start_wall_ms=now_ms(),
        )
        try:
            return self._run(stop, progress, pace)
        finally:
            if self._responder is not None:
                self._responder.close()

    def _run(self, stop: threading.Event, progress: Callable[[ReplayProgress], None], pace: Pace) -> ReplayProgress:
        paced = self._plan.speed is not None
        clock_ms = pace.start_event_ms
        while not stop.is_set() and not self.account.complete:
            started = time.monotonic()
            at_most = self._burst.size if paced else self._burst.most
            if self._responder is not None:
                self._responder.listen(clock_ms)
            played = self._schedule.take(until_ms=(until := pace.until_ms(now_ms())), at_most=at_most)
            answered = False
            if self._responder is not None:
                played, clock_ms, answered = self._respond(self._responder, played, until)
            if played is None or len(played) or played.rejections or answered:
                self._commit(played)
            progress(self.account)
            if until is not None and (played is None or len(played) < at_most // 2):
                paced = True  # it has caught up
                stop.wait(max(0.0, self._config.replay.live_flush_s - (time.monotonic() - started)))
        return self.account

    def _respond(
        self, responder: Responder, played: Slice | None, until_ms: int | None
    ) -> tuple[Slice | None, int, bool]:
        """The slice as the houses have it, the clock up to which all is played, and whether they answered."""
        if played is not None and len(played):
            power_w = responder.play(
                played.series.astype(np.int64), played.event_time_ms, played.power_w, played.observed_s
            )
            played = replace(played, power_w=power_w)
        next_ms = None if played is None else self._schedule.next_time_ms()
        if next_ms is None:
            return played, self.account.event_time_ms or 0, responder.advance(None)
        clock_ms = next_ms if until_ms is None else min(next_ms, until_ms)
        return played, clock_ms, responder.advance(clock_ms)

    def _commit(self, played: Slice | None) -> None:
        kafka, messages = self._config.kafka, dict[str, list[Message]]()
        if played is None:
            account = replace(self.account, complete=True)
        else:
            account = self.account.after(played)
            if len(played):
                messages[kafka.topic_readings] = self._encoder.readings(played)
            if played.rejections:
                messages[kafka.topic_dead_letters] = self._encoder.rejections(played.rejections)
        if self._responder is not None:
            answers, position = self._responder.prepare(at_end=played is None)
            messages |= answers
            account = replace(account, responding=position)
        started = time.monotonic()
        self._writer.commit(messages, account.to_json())
        if played is not None:
            self._burst = self._burst.after(readings=len(played), seconds=time.monotonic() - started)
        if self._responder is not None:
            self._responder.committed()
        self.account = account


def _refuse_too_early(span: Span, plan: Plan, ways: Sequence[Track]) -> None:
    """Raises ``SourceError`` if a shift lies in years that no message may contain."""
    begin_ms = min(span.first_ms + clone.offset_days * MS_PER_DAY for way in ways for clone in way.clones)
    days = -((begin_ms - EARLIEST_EVENT_MS) // MS_PER_DAY)
    if days > 0:
        raise SourceError(
            f"replay {plan.replay_id}: shift {max(plan.shifts)} begins {days} day(s) before {iso(EARLIEST_EVENT_MS)}, "
            f"the earliest event time that is taken; shifts up to {max(plan.shifts) - days} are allowed for this data"
        )


def parse_shifts(text: str) -> tuple[int, ...]:
    """Day shifts ``A:B``: from A up to, not including, B.

    >>> parse_shifts("0:3")
    (0, 1, 2)
    """
    first, _, last = text.partition(":")
    if not (first.isdecimal() and last.isdecimal() and int(first) < int(last)):
        raise ValueError(f"found {text!r}; expected A:B with 0 <= A < B, such as 0:1")
    return tuple(range(int(first), int(last)))


def shifts_text(shifts: Sequence[int]) -> str:
    """The inverse of ``parse_shifts``."""
    return f"{shifts[0]}:{shifts[-1] + 1}"
