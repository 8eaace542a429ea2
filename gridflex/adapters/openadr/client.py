"""A client of a VTN, for business logic and for VENs.

A VTN does not know a repeated POST from a new one. So whatever has a name is looked up before it is made, one writer at
a time; and when a POST's answer is lost, it is looked for, never sent again in the same call.
"""

from __future__ import annotations

import fcntl
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from gridflex.adapters.openadr.errors import OpenAdrError
from gridflex.adapters.openadr.listing import Listing, Unreadable, check_readable, key_of, parsed, unreadable
from gridflex.adapters.openadr.models import Event, Kept, Program, Report, Resource, Ven, event_problems
from gridflex.adapters.openadr.session import VtnSession
from gridflex.config import authorities
from gridflex.errors import UsageError

T = TypeVar("T", bound=Kept)
_PAGE = 50
"""The most that a VTN gives at once."""
_writing: defaultdict[tuple[str, str], threading.Lock] = defaultdict(threading.Lock)
"""By VTN and client."""


class OpenAdrClient:
    """One client of one VTN. Every method raises ``OpenAdrError`` in one line when it refuses or does not answer."""

    def __init__(
        self,
        url: str,
        client_id: str,
        client_secret: str,
        *,
        ca_file: str | None = None,
        timeout_s: float = 10,
        token_url: str = "",
        lock_file: Path | None = None,
    ) -> None:
        """``ca_file``: the authorities that sign the VTN's certificate, as PEM. ``token_url``: where tokens are had,
        if not at the VTN itself. ``lock_file``: shared by all processes that write as this client.

        Raises ``UsageError`` if the secret would go over an open line.
        """
        verify = authorities("openadr", ca_file or "")
        self._session = VtnSession(
            url, client_id, client_secret, verify=verify, timeout_s=timeout_s, token_url=token_url
        )
        self._lock_file, self._writing = lock_file, _writing[url.rstrip("/"), client_id]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.__exit__(kind, error, trace)

    def programs(self) -> list[Program]:
        """Every program that this client may see."""
        return self.listed_programs().all()

    def listed_programs(self) -> Listing[Program]:
        """Programs that this client may see, also when some of them cannot be read."""
        return self._listing(Program, "/programs")

    def ensure_program(self, program: Program) -> Program:
        """The program of that name, made if it is not there. One that is there stays as it is."""
        return self._ensure(program, "/programs", lambda one: one.program_name == program.program_name)

    def events(self, program_id: str | None = None) -> list[Event]:
        """Every event that this client may see, of one program or of all, the newest first."""
        return self.listed_events(program_id).all()

    def listed_events(self, program_id: str | None = None) -> Listing[Event]:
        """The same, also when some of them cannot be read."""
        return self._listing(Event, "/events", programID=program_id)

    def put_event(self, event: Event) -> Event:
        """Have the VTN keep the event, known by its program and its name; how it is there then.

        Makes it if it is not there, changes it if it is another, else leaves it. One that was cancelled stays so: a
        late repetition must not bring it back. Raises ``UsageError`` for an event that nobody could act on.
        """
        if not event.event_name:
            raise UsageError("an event without a name would be made anew each time; allowed: a name of its own")
        if problems := event_problems(event):
            raise UsageError(f"event {event.event_name}: {'; '.join(problems)}")
        return self._put(event, "/events", lambda: self._same_events(event), f"event {event.event_name}")

    def cancel_event(self, event: Event) -> Event:
        """Cancel the event by an update, as VENs expect it: what reports say of it stays.

        Raises ``OpenAdrError`` with status 404 if the VTN does not have it.
        """
        with self._alone():
            found = self._same_events(event)
            if not found:
                raise OpenAdrError(f"event {event.event_name}: not at the VTN, nothing to cancel", 404)
            return [self._change(one.cancelled(), one, "/events") for one in found][-1]

    def ensure_ven(self, ven: Ven) -> Ven:
        """The VEN of that name, made if it is not there. Business logic gives its ``client_id``, a VEN none."""
        kind = "BL_VEN_REQUEST" if ven.client_id else "VEN_VEN_REQUEST"
        body = {"objectType": kind, **({"clientID": ven.client_id} if ven.client_id else {})}
        return self._ensure(ven, "/vens", lambda one: one.ven_name == ven.ven_name, body)

    def ensure_resource(self, resource: Resource) -> Resource:
        """The resource of that name, made if it is not there. Business logic gives its ``ven_id``, a VEN none."""
        body = {"objectType": "BL_RESOURCE_REQUEST" if resource.ven_id else "VEN_RESOURCE_REQUEST"}

        def same(one: Resource) -> bool:
            return one.resource_name == resource.resource_name and resource.ven_id in {None, one.ven_id}

        return self._ensure(resource, "/resources", same, body)

    def reports(self, event_id: str | None = None) -> list[Report]:
        """Every report that this client may see, on one event or on all, the newest first."""
        return self.listed_reports(event_id).all()

    def listed_reports(self, event_id: str | None = None) -> Listing[Report]:
        """The same, also when some of them cannot be read."""
        return self._listing(Report, "/reports", eventID=event_id)

    def put_report(self, report: Report) -> Report:
        """Have the VTN keep the report, known by its event, its client's name and its own; how it is there then."""
        if not report.report_name:
            raise UsageError("a report without a name would be made anew each time; allowed: a name of its own")

        def found() -> list[Report]:
            names, there = (report.client_name, report.report_name), self.listed_reports(report.event_id)
            same = there.unreadable_named(report.report_name)
            check_readable(one for one in same if one.document.get("clientName") == report.client_name)
            return [one for one in there.found if (one.client_name, one.report_name) == names]

        return self._put(report, "/reports", found, f"report {report.report_name}")

    def _same_events(self, event: Event) -> list[Event]:
        """Raises ``OpenAdrError`` if one of that name cannot be read: it would be made again."""
        there = self.listed_events(event.program_id)
        check_readable(there.unreadable_named(event.event_name))
        return [one for one in there.found if one.event_name == event.event_name]

    def _put(self, wanted: T, path: str, find: Callable[[], list[T]], what: str) -> T:
        with self._alone():
            found = find()
            if not found:
                try:
                    return self._make(wanted, path)
                except OpenAdrError as problem:
                    if not problem.maybe_done or not (found := _found_after(problem, find)):
                        raise
            if len(found) > 1:
                raise OpenAdrError(
                    f"{what}: {len(found)} of that name at the VTN; allowed: one; another client wrote it"
                )
            there = found[0]
            if isinstance(there, Event) and there.is_cancelled and not wanted.same_content(there):
                raise OpenAdrError(
                    f"{what}: cancelled at the VTN, and stays so; allowed: a new event of another name", 409
                )
            return self._change(wanted, there, path)

    def _ensure(self, wanted: T, path: str, same: Callable[[T], bool], extra: dict[str, Any] | None = None) -> T:
        def find() -> list[T]:
            return [one for one in self._listing(type(wanted), path).found if same(one)]

        with self._alone():
            if found := find():
                return found[0]
            try:
                return self._make(wanted, path, extra)
            except OpenAdrError as problem:
                # Made by somebody else since, or by us with the answer lost.
                if (problem.status == 409 or problem.maybe_done) and (found := _found_after(problem, find)):
                    return found[0]
                raise

    def _make(self, wanted: T, path: str, extra: dict[str, Any] | None = None) -> T:
        return parsed(type(wanted), self._session.ask("POST", path, wanted.content() | (extra or {})), path)

    def _change(self, wanted: T, there: T, path: str) -> T:
        if wanted.same_content(there):
            return there
        return parsed(type(wanted), self._session.ask("PUT", f"{path}/{there.id}", wanted.content()), path)

    def _listing(self, kind: type[T], path: str, **query: str | None) -> Listing[T]:
        """All pages; a VTN may give fewer at once than it is asked for, so an empty page is the end."""
        found: dict[str | None, T] = {}
        wrong: dict[str, Unreadable] = {}
        skip = 0
        while True:
            answer = self._session.ask("GET", path, skip=skip, limit=_PAGE, **query)
            if not isinstance(answer, list):
                raise OpenAdrError(f"{path}: no list came from the VTN, but {str(answer)[:80]!r}")
            known = len(found) + len(wrong)
            for document in answer:
                try:
                    one = parsed(kind, document, path)
                    found.setdefault(one.id, one)
                except OpenAdrError as problem:
                    other = unreadable(document, problem)
                    wrong.setdefault(key_of(other), other)
            if len(found) + len(wrong) == known:
                return Listing(list(found.values()), list(wrong.values()))
            skip += len(answer)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Between looking something up and making it, nobody else of ours makes it."""
        with self._writing:
            if self._lock_file is None:
                yield
                return
            self._lock_file.parent.mkdir(parents=True, exist_ok=True)
            with self._lock_file.open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield


def _found_after(problem: OpenAdrError, find: Callable[[], list[T]]) -> list[T]:
    """What is there now; the first problem is told if that cannot be seen either."""
    try:
        return find()
    except OpenAdrError:
        raise problem from None
