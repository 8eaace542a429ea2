"""Signs in to a VTN and asks it, each answer within a time limit; every refusal becomes one clear line."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import requests

from gridflex.adapters.openadr.errors import OpenAdrError
from gridflex.errors import UsageError

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_LARGEST_ANSWER = 16_000_000
_CHUNK = 65_536
_LONGEST_DETAIL = 300
_RENEW_BEFORE_S = 60.0
_LASTS_S = 3600.0
"""Of a token that does not say it."""
_REASONS = {
    400: "does not take it",
    401: "knows no such token",
    403: "does not allow it",
    404: "has no such object, or not for this client",
    409: "says it contradicts what is there",
    413: "finds it too large",
}


@dataclass(frozen=True, slots=True)
class _Bearer(requests.auth.AuthBase):
    token: str

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


class VtnSession:
    """One client's requests to one VTN; safe to use from one thread."""

    def __init__(
        self, url: str, client_id: str, client_secret: str, *, verify: str | bool, timeout_s: float, token_url: str
    ) -> None:
        """Raises ``UsageError`` if the secret would go over an open line."""
        self._url = url.rstrip("/")
        self._token_url = token_url or f"{self._url}/auth/token"
        for name, address in (("VTN", self._url), ("token server", self._token_url)):
            where = urlsplit(address)
            if where.scheme != "https" and where.hostname not in _LOOPBACK:
                raise UsageError(f"{name} {address}: anyone on the way could read the secret; allowed: https://")
        self._login = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
        self._client_id, self._timeout_s = client_id, timeout_s
        self._session = requests.Session()
        # Nothing of the environment (a proxy) stands between two programs of one machine.
        self._session.trust_env = urlsplit(self._url).hostname not in _LOOPBACK
        self._verify = verify
        # A connection that is kept may be closed by the VTN just when a POST goes out: was it done? Each has its own.
        self._session.headers["Connection"] = "close"
        self._token: _Bearer | None = None
        self._renew_at = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()

    def as_client(self, client_id: str, client_secret: str) -> VtnSession:
        """Another client's session at the same VTN."""
        return VtnSession(
            self._url, client_id, client_secret,
            verify=self._verify, timeout_s=self._timeout_s, token_url=self._token_url,
        )  # fmt: skip

    def use_token(self, token: str, lasts_s: float) -> None:
        """Ask with this token for as long as it lasts, instead of signing in."""
        self._token, self._renew_at = _Bearer(token), time.monotonic() + lasts_s

    def ask(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """The JSON of an answer, none if it is empty. A token that the VTN no longer knows is renewed once.

        Raises ``OpenAdrError``.
        """
        for attempt in (1, 2):
            if self._token is None or time.monotonic() > self._renew_at:
                self.sign_in()
            try:
                return self._ask(method, self._url + path, json=body, params=query, auth=self._token)
            except OpenAdrError as problem:
                if problem.status != 401 or attempt == 2:
                    raise
                self._token = None
        raise AssertionError("unreachable")

    def sign_in(self) -> None:
        """Get a token. Raises ``OpenAdrError``."""
        try:
            found = self._ask("POST", self._token_url, data=self._login, auth=_no_login)
        except OpenAdrError as problem:
            if problem.status in {400, 401, 403}:
                raise OpenAdrError(
                    f"the VTN at {self._url} knows no client {self._client_id!r} with this secret", problem.status
                ) from None
            problem.maybe_done = False
            raise
        token = found.get("access_token") if isinstance(found, dict) else None
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise OpenAdrError(f"{self._token_url} gives no token: {str(found)[:80]!r}")
        lasts_s = found.get("expires_in")
        self.use_token(token, (lasts_s if isinstance(lasts_s, int | float) else _LASTS_S) - _RENEW_BEFORE_S)

    def _ask(self, method: str, url: str, **arguments: Any) -> Any:
        asked = f"{method} {urlsplit(url).path}"
        deadline = time.monotonic() + self._timeout_s
        try:
            with self._session.request(
                method,
                url,
                timeout=self._timeout_s,
                allow_redirects=False,
                stream=True,
                verify=self._verify,
                **arguments,
            ) as answer:
                text = self._read(answer, deadline)
        except requests.exceptions.InvalidJSONError:
            raise OpenAdrError(f"{asked}: a number that JSON does not have, such as NaN; nothing was sent") from None
        except requests.exceptions.ConnectTimeout:
            raise OpenAdrError(f"no connection to the VTN at {self._url} within {self._timeout_s:g} s") from None
        except requests.Timeout:
            raise OpenAdrError(
                f"the VTN at {self._url} gave no answer to {asked} within {self._timeout_s:g} s", maybe_done=True
            ) from None
        except requests.RequestException as problem:
            raise self._unreachable(asked, problem) from None
        if answer.status_code // 100 != 2:
            raise self._refused(asked, answer.status_code, text)
        try:
            return json.loads(text) if text.strip() else None
        except ValueError:
            raise OpenAdrError(f"{self._url} is no VTN: no JSON came to {asked}", answer.status_code) from None

    def _read(self, answer: requests.Response, deadline: float) -> bytes:
        parts, size = [], 0
        for part in answer.iter_content(_CHUNK):
            size += len(part)
            if time.monotonic() > deadline:
                raise requests.Timeout
            if size > _LARGEST_ANSWER:
                raise OpenAdrError(f"the VTN at {self._url} answers more than {_LARGEST_ANSWER // 1_000_000} MB")
            parts.append(part)
        return b"".join(parts)

    def _unreachable(self, asked: str, problem: requests.RequestException) -> OpenAdrError:
        reasons = _causes(problem)
        if any(isinstance(one, ConnectionRefusedError) for one in reasons):
            return OpenAdrError(f"no VTN at {self._url}: connection refused")
        if isinstance(problem, requests.exceptions.SSLError):
            return OpenAdrError(f"the certificate of the VTN at {self._url} is not trusted, or it speaks no TLS")
        kind = type(reasons[-1]).__name__
        return OpenAdrError(f"the connection to the VTN at {self._url} broke during {asked} ({kind})", maybe_done=True)

    def _refused(self, asked: str, status: int, text: bytes) -> OpenAdrError:
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        told = str(found.get("detail") or found.get("title") or "") if isinstance(found, Mapping) else ""
        detail = " ".join(told[:_LONGEST_DETAIL].split())
        reason = _REASONS.get(status, "fails" if status >= 500 else "refuses")
        words = f"the VTN at {self._url} {reason}: {asked}: HTTP {status}"
        return OpenAdrError(f"{words}{f': {detail}' if detail else ''}", status, maybe_done=status >= 500)


def _no_login(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keeps requests from adding a login of a .netrc."""
    return request


def _causes(problem: BaseException) -> list[BaseException]:
    """The error and what lies behind it, the first cause last."""
    found = [problem]
    while True:
        last = found[-1]
        reason = getattr(last, "reason", None)
        inner = [
            one for one in (reason, last.__cause__, last.__context__, *last.args) if isinstance(one, BaseException)
        ]
        fresh = [one for one in inner if one not in found]
        if not fresh:
            return found
        found.append(fresh[0])
