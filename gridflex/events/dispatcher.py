"""Does with events what is due: schedules them with their commands, starts, completes, expires, and counts answers.

Everything that is done follows from the ledger, which is looked at again before each change. So a dispatcher that was
killed at any instant, or that runs beside another one, gives out no command twice and leaves none out.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from gridflex.adapters.kafka.command_messages import ResultsInbox, command_messages
from gridflex.adapters.kafka.enrolment import EnrolmentFollower
from gridflex.config import Kafka
from gridflex.domain.curtailment import (
    PLATFORM,
    Action,
    Actor,
    Change,
    Event,
    Record,
    Responses,
    Result,
    State,
    commands_of,
    duty,
    restores_of,
)
from gridflex.domain.enrolment import Participation
from gridflex.errors import DispatchError, GridflexError, LimitError, TransitionError, UsageError
from gridflex.events.response_report import response_report
from gridflex.events.shared_ledger import Messages, SharedLedger, Snapshot
from gridflex.events.top_up import TopUps

logger = logging.getLogger(__name__)

Content = Mapping[str, Any]
Check = Callable[[Snapshot, Event, Content], None]
"""Raises ``DispatchError`` or ``LimitError`` if a plan must not be dispatched."""
_PAUSE_S, _LONGEST_PAUSE_S = 0.25, 4.0
_STOP_S = 10.0
_STALLED_S = 60.0
"""Longer than a step that waits for the ledger and then for Kafka."""
_MS_PER_DAY = 86_400_000
_OPEN = frozenset({State.SCHEDULED, State.ACTIVE})
_NOTHING: Messages = {}


class Dispatcher:
    """The platform's own hand on events. ``start`` runs it in a thread; ``step`` does what is due once."""

    def __init__(
        self,
        kafka: Kafka,
        shared_ledger: SharedLedger,
        check: Check,
        top_ups: TopUps,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``clock``: seconds since the epoch, the one that the ledger has."""
        self._kafka, self._shared_ledger, self._check, self._top_ups, self._clock = (
            kafka,
            shared_ledger,
            check,
            top_ups,
            clock,
        )
        self._responses: dict[tuple[str, int], Responses] = {}
        self._news: set[tuple[str, int]] = set()
        """Of these there are answers that were not looked at."""
        self._inbox: ResultsInbox | None = None
        self._enrolment: EnrolmentFollower | None = None
        self._followed = Participation()
        """Who takes part, as answers were last compared with."""
        self._over, self._lock = threading.Event(), threading.Lock()
        self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)
        self._said: set[str] = set()
        self._looked_s, self._waits = time.monotonic(), ""

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread after what it is doing."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_S)

    def messages(self, change: Change, event: Event, content: Content) -> Messages:
        """What goes out with a change by a person: commands of an event that is taken back are restored."""
        if change.action not in {Action.CANCEL, Action.AMEND} or event.state not in _OPEN:
            return _NOTHING
        return command_messages(self._kafka, restores_of(event, content, self._now_ms()))

    def results(self, event_id: str) -> Mapping[str, Any]:
        """Answers to an event's commands, counted, what is still to be expected, and what was done about it."""
        event = self._shared_ledger.ledger.events[event_id]
        with self._lock:
            found = self._responses.get((event_id, event.version))
            report = response_report(found, self._shared_ledger.content(event_id)) if found else {}
        return {**report, **self._top_ups.report(event_id)}

    def refused(self, actor: Actor) -> int:
        """Commands that appliances refused, of all events that are scheduled or run where the actor may act."""
        events = [one for one in self._shared_ledger.ledger.events.values() if one.state in _OPEN]
        with self._lock:
            keys = [(one.event_id, one.version) for one in events if actor.may_act_in(one.region)]
            found = [self._responses.get(key) for key in keys]
            return sum(one.totals()[Result.REFUSED] for one in found if one is not None)

    def age_s(self) -> float:
        """Seconds since the last look for what is due that went well; since the beginning before the first."""
        return time.monotonic() - self._looked_s

    def stalled(self) -> str:
        """Why nothing is dispatched any more; empty while it is."""
        age_s = self.age_s()
        if age_s <= _STALLED_S:
            return ""
        return f"nothing was dispatched for {age_s:.0f} s: {self._waits or 'a step does not end'}"

    def step(self) -> list[Record]:
        """Do what is due now; the records of it. Raises ``ServiceError`` when Kafka does not answer."""
        self._shared_ledger.open()
        done = [record for event in self._due() if (record := self._do(event)) is not None]
        self._count()
        self._follow()
        self._look_after()
        return done

    def _due(self) -> Iterator[tuple[Event, Change]]:
        for event in self._shared_ledger.snapshot.current.values():
            change = duty(event, lambda event=event: self._shared_ledger.content(event.event_id), self._now_ms())  # type: ignore[misc]
            if change is not None:
                yield event, change

    def _do(self, due: tuple[Event, Change]) -> Record | None:
        """One change; ``None`` if somebody else was faster. A plan that must not be dispatched is cancelled instead."""
        event, change = due
        try:
            if change.action is Action.SCHEDULE:
                return self._shared_ledger.change(change, lambda snapshot: self._commands(snapshot, event))
            return self._shared_ledger.change(change)
        except TransitionError as problem:
            self._say_once(f"event={event.event_id} action={change.action} left={problem}")
            return None
        except (DispatchError, LimitError, UsageError) as problem:
            reason = f"it must not be dispatched: {problem}"
            cancel = Change(
                action=Action.CANCEL, event_id=event.event_id, actor=PLATFORM, time_ms=change.time_ms, reason=reason
            )
            return self._shared_ledger.change(cancel)

    def _commands(self, snapshot: Snapshot, seen: Event) -> Messages:
        """The commands of an event as it is on the ledger now, given now."""
        event = snapshot.ledger.events[seen.event_id]
        if event != seen:  # for example approved anew with other content
            raise TransitionError(f"{event.event_id} was changed meanwhile")
        content = snapshot.newest[event.event_id]
        self._check(snapshot, event, content)
        Responses(event.event_id, event.version).outlook(content)  # so that it can be read while the event runs
        return command_messages(self._kafka, commands_of(replace(event, changed_ms=self._now_ms()), content))

    def _count(self) -> None:
        """Take in the answers that have come."""
        if self._inbox is None:
            self._inbox = ResultsInbox(self._kafka, self._since_ms())
        events = self._shared_ledger.ledger.events
        with self._lock:
            for answer in self._inbox.take():
                event = events.get(answer.event_id)
                if event is not None and answer.version <= event.version:
                    key = (answer.event_id, answer.version)
                    if self._responses.setdefault(key, Responses(*key)).take(answer):
                        self._news.add(key)

    def _follow(self) -> None:
        """Take in who has left on the topic of enrolments, whether or not their appliances say so, too."""
        if self._enrolment is None:
            self._enrolment = EnrolmentFollower(self._kafka, Participation())
        participation, events = self._enrolment.participation, self._shared_ledger.ledger.events
        changed, self._followed = participation is not self._followed, participation
        with self._lock:
            for key, found in self._responses.items():
                is_open = events[key[0]].state in _OPEN and events[key[0]].version == key[1]
                if is_open and (changed or key in self._news) and found.follow(participation, self._now_ms()):
                    self._news.add(key)

    def _since_ms(self) -> int:
        """When the first event that is not long over was changed to what it is, UTC epoch."""
        horizon_ms = self._now_ms() - _MS_PER_DAY
        histories = self._shared_ledger.snapshot.histories.values()
        times = [
            record.time_ms
            for history in histories
            if history[-1].time_ms >= horizon_ms
            for record in history
            if record.what["action"] == Action.SCHEDULE
        ]
        return min(times, default=self._now_ms())

    def _look_after(self) -> None:
        """Propose top-ups for events that fall short."""
        for event_id, version in tuple(self._news):
            self._news.discard((event_id, version))
            event = self._shared_ledger.ledger.events[event_id]
            if event.state not in _OPEN or event.version != version:
                continue
            content = self._shared_ledger.content(event_id)
            with self._lock:
                need = self._responses[event_id, version].top_up(content, self._now_ms())
            if need is not None:
                self._top_ups.need(event, content, need)
        self._top_ups.step()

    def _run(self) -> None:
        pause_s = _PAUSE_S
        while not self._over.wait(pause_s):
            try:
                self.step()
                self._looked_s, self._waits, pause_s = time.monotonic(), "", _PAUSE_S
            except GridflexError as problem:
                self._waits = str(problem)
                logger.warning("dispatch=waits reason=%s", problem)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            except Exception as problem:
                self._waits = f"{type(problem).__name__} (see the log)"
                logger.exception("dispatch=failed")
                pause_s = _LONGEST_PAUSE_S
        for source in (self._inbox, self._enrolment):
            if source is not None:
                source.close()

    def _say_once(self, line: str) -> None:
        if line not in self._said:
            self._said.add(line)
            logger.info("%s", line)

    def _now_ms(self) -> int:
        return round(self._clock() * 1000)
