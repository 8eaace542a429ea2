"""Sends requests to Druid and reads its answers: whole or not at all, within a deadline.

Druid tells an error that it meets in the middle of an answer by closing the connection, and a server between may cut
one off as well: what is not known to be complete is an error here.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import requests
from requests.adapters import HTTPAdapter
from urllib3.connectionpool import ConnectionPool
from urllib3.exceptions import HTTPError, ReadTimeoutError
from urllib3.response import BaseHTTPResponse
from urllib3.util.retry import Retry

from gridflex.adapters.druid.access import credentials, refuse_entry, unreachable
from gridflex.adapters.login import Login
from gridflex.config import Druid, authorities
from gridflex.errors import ServiceError

Json = dict[str, Any]
_SQL = "/druid/v2/sql"
_REFUSED, _FAILED = 400, 500
"""HTTP's statuses from which a request was wrong, or the server."""
_CHUNK_BYTES = 1 << 18
_END_OF_ROWS = b"\n\n"
"""Druid ends rows by an empty line, and only if it could tell all of them."""
_PAGE = "it answered with a web page, not with Druid's JSON; is its broker up? see `gridflex status`"


class DruidRefusedError(ServiceError):
    """Druid understood the request and refuses it with a reason."""


class _RetryUndelivered(Retry):
    """Retries requests that could not be delivered, but not those that were not answered in time."""

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> Self:
        """Extends ``Retry.increment``."""
        if isinstance(error, ReadTimeoutError):
            raise error
        return super().increment(method, url, response, error, _pool, _stacktrace)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A complete answer."""

    status: int
    reason: str
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the request was carried out."""
        return self.status < _REFUSED

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")


class DruidSession:
    """Keeps connections to one Druid open between requests. Every method raises ``ServiceError``."""

    def __init__(self, druid: Druid, user: Login | None = None) -> None:
        """Signed in as ``user``, else as ``login`` says."""
        self._settings = druid
        self._user = user
        self._session = requests.Session()
        retry = _RetryUndelivered(
            total=None, connect=2, read=1, redirect=0, status=0, other=0, backoff_factor=0.2, allowed_methods=None
        )
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=retry))

    def get(self, path: str) -> Answer:
        """Send a GET, which may be repeated; the answer may be a refusal."""
        with self._send(self._session, "GET", path) as answer:
            return _take(self._settings, answer)

    def send_once(self, method: str, path: str, body: Any = None) -> Answer:
        """Send a request that changes something: once, on a new connection, as a kept one may be dead already."""
        with requests.Session() as once, self._send(once, method, path, body) as answer:
            return _take(self._settings, answer)

    def rows(self, query: Json) -> Iterator[list[Any]]:
        """Yield the column names, then the rows of an SQL query as they arrive. Raises ``ServiceError`` if the rest is
        missing.

        Raises ``DruidRefusedError`` if Druid says that the query is wrong.
        """
        question = query | {"resultFormat": "arrayLines", "header": True}
        with self._send(self._session, "POST", _SQL, question) as answer:
            if not answer.ok:
                raise refusal("POST", _SQL, _take(self._settings, answer))
            rest, end, count = b"", b"", 0
            for chunk in _chunks(self._settings, answer):
                end = (end + chunk)[-len(_END_OF_ROWS) :]
                whole, _, rest = (rest + chunk).rpartition(b"\n")
                for row in _parsed(whole):
                    yield row
                    count += 1
            if rest or end != _END_OF_ROWS or not count:
                raise ServiceError(f"Druid's answer broke off after {max(0, count - 1)} rows: it is not used")

    @contextmanager
    def _send(self, session: requests.Session, method: str, path: str, body: Any = None) -> Iterator[requests.Response]:
        druid = self._settings
        user, auth = credentials(druid, self._user)
        try:
            answer = session.request(
                method,
                druid.router_url.rstrip("/") + path,
                json=body,
                auth=auth,
                verify=authorities("druid", druid.ca_file),
                timeout=druid.query_timeout_s,
                stream=True,
            )
        except requests.RequestException as problem:
            raise unreachable(druid, problem) from None
        with answer:
            if answer.status_code in (requests.codes.unauthorized, requests.codes.forbidden):
                told = _take(druid, answer)
                raise refuse_entry(druid, told.status, told.text, user, f"{method} {path}")
            yield answer


def content(answer: Answer, method: str, path: str, *, may_be_empty: bool = False) -> Any:
    """The JSON of an answer. Raises ``ServiceError`` if Druid refused, or the JSON is not whole."""
    if not answer.ok:
        raise refusal(method, path, answer)
    if may_be_empty and not answer.body:
        return None
    try:
        return json.loads(answer.body)
    except ValueError:
        raise ServiceError(f"Druid's answer to {method} {path} is not JSON: it broke off, or is not Druid's") from None


def refusal(method: str, path: str, answer: Answer) -> ServiceError:
    """The reason why Druid refused, in one line."""
    told, call = _told(answer), f"Druid refused {method} {path}: HTTP {answer.status}"
    if told is None:
        return ServiceError(f"{call} {answer.reason}: {_PAGE}")
    return (DruidRefusedError if answer.status < _FAILED else ServiceError)(f"{call}: {told}")


def _told(answer: Answer) -> str | None:
    """The error message in an answer; None if the answer is not one of Druid's."""
    try:
        told = json.loads(answer.body)
    except ValueError:
        text = " ".join(answer.text.split())
        return None if not text or text.startswith("<") else text[:300]
    if isinstance(told, dict):
        told = told.get("errorMessage") or told.get("error") or told
    shorter = re.split(r", acceptable options:|\s*Was expecting one of:", str(told), maxsplit=1)[0]  # hundreds of them
    return " ".join(shorter.split())


def _take(druid: Druid, answer: requests.Response) -> Answer:
    body = b"".join(_chunks(druid, answer))
    return Answer(status=answer.status_code, reason=answer.reason, body=body)


def _chunks(druid: Druid, answer: requests.Response) -> Iterator[bytes]:
    """The bytes of an answer as they come. The deadline is for Druid's time, not for what a reader does between."""
    waited_s = 0.0
    while True:
        begun = time.monotonic()
        try:
            chunk = answer.raw.read1(_CHUNK_BYTES, decode_content=True)
        except ReadTimeoutError as problem:
            raise unreachable(druid, requests.ReadTimeout(problem)) from None
        except HTTPError:
            raise ServiceError(f"Druid's answer to {answer.request.path_url} broke off: it is not used") from None
        waited_s += time.monotonic() - begun
        if waited_s > druid.query_timeout_s:
            raise ServiceError(
                f"Druid at {druid.router_url.rstrip('/')} gave no whole answer within {druid.query_timeout_s:g} s "
                "(druid.query_timeout_s)"
            )
        if not chunk:
            return
        yield chunk


def _parsed(lines: bytes) -> list[list[Any]]:
    rows = [line for line in lines.split(b"\n") if line]
    try:
        found: list[list[Any]] = json.loads(b"[" + b",".join(rows) + b"]")
    except ValueError:
        raise ServiceError("Druid's answer to an SQL query is not JSON: it is not used") from None
    return found
