"""Sends requests to the events service, in the name of the token's owner."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import requests

from gridflex.adapters.events.tokens import events_url, tokens_file
from gridflex.config import Config, authorities
from gridflex.config.event_users import TOKEN_VARIABLE
from gridflex.errors import ServiceError, UsageError

_CONNECT_S, _ANSWER_S = 5.0, 30.0
_PLAN_MARGIN_S = 30.0
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_LONGEST = 1000
Json = dict[str, Any]


class EventsClient:
    """The events service. Every method raises ``ServiceError`` in one line when it refuses or does not answer."""

    def __init__(self, config: Config, environ: Mapping[str, str] | None = None) -> None:
        """Raises ``UsageError`` without a token, or when it would go over an open line."""
        environ = os.environ if environ is None else environ
        self._config, self._url = config, events_url(config)
        token = environ.get(TOKEN_VARIABLE, "").strip()
        if not token:
            raise UsageError(
                f"who asks? Put your token into {TOKEN_VARIABLE}; `gridflex up events` makes them, in "
                f"{tokens_file(config)}"
            )
        if not token.isascii() or not token.isprintable():
            raise UsageError(f"{TOKEN_VARIABLE}: allowed: printable letters, digits and signs of ASCII")
        where = urlsplit(self._url)
        if where.scheme != "https" and where.hostname not in _LOOPBACK:
            raise UsageError(f"events.url is {self._url}: anyone on the way could read the token; allowed: https://")
        self._headers = {"Authorization": f"Bearer {token}"}

    def draft_plan(self, asked: Mapping[str, Any]) -> Json:
        """Plan, and draft an event of it: ``event_id``, ``content_hash``, ``plan``."""
        return self._ask("POST", "/plans", asked, self._config.events.plan_timeout_s + _PLAN_MARGIN_S)

    def draft(self, plan: Mapping[str, Any]) -> Json:
        """Draft an event of a plan document."""
        return self._ask("POST", "/events", plan)

    def events(self, **wanted: str) -> list[Json]:
        """Events, the newest change first; ``wanted``: ``state``, ``region``."""
        query = "&".join(f"{name}={quote(value)}" for name, value in wanted.items() if value)
        found: list[Json] = self._ask("GET", f"/events?{query}")["events"]
        return found

    def event(self, event_id: str) -> Json:
        """One event with its plan, its history and the results of its commands."""
        return self._ask("GET", f"/events/{quote(event_id, safe='')}")

    def me(self) -> Json:
        """Whose token this is: ``name``, ``roles``, ``regions``."""
        return self._ask("GET", "/me")

    def flexibility(self, region: str, feeder: str = "") -> Json:
        """What each slice of a place could shed now: ``minute_ms``, ``rows``."""
        return self._ask("GET", f"/flexibility?region={quote(region, safe='')}&feeder={quote(feeder, safe='')}")

    def reports(self, event_id: str) -> Json:
        """What the VTN was told of an event, beside what was measured here."""
        return self._ask("GET", f"/events/{quote(event_id, safe='')}/reports")

    def status(self) -> Json:
        """What the service does now: ``records``, ``events`` by state, ``refused_commands``, ``dispatch_age_s``,
        ``stalled``."""
        return self._ask("GET", "/status")

    def audit(self, timeout_s: float) -> Json:
        """The ledger verified from its first record: ``records``, ``head``, ``finding``."""
        return self._ask("GET", "/audit", timeout_s=timeout_s)

    def act(self, event_id: str, action: str, **body: object) -> Json:
        """Propose, approve, reject, cancel or amend an event; how it is then."""
        return self._ask("POST", f"/events/{quote(event_id, safe='')}/{action}", body)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None, timeout_s: float = _ANSWER_S) -> Json:
        return _answer(self._config, method, path, body, headers=self._headers, timeout_s=timeout_s)


def ask_health(config: Config) -> Json:
    """Whether the service works, asked without a token. Raises ``ServiceError`` in one line when it does not."""
    return _answer(config, "GET", "/health", headers={})


def _answer(
    config: Config,
    method: str,
    path: str,
    body: Mapping[str, Any] | None = None,
    *,
    headers: Mapping[str, str],
    timeout_s: float = _ANSWER_S,
) -> Json:
    url, verify = events_url(config), authorities("events", config.events.ca_file)
    try:
        with requests.request(
            method, url + path, json=body, headers=dict(headers), timeout=(_CONNECT_S, timeout_s), verify=verify,
            allow_redirects=False,
        ) as answer:  # fmt: skip
            found = answer.json() if answer.content else {}
    except requests.Timeout:
        raise ServiceError(f"the events service at {url} gave no answer within {timeout_s:.0f} s") from None
    except requests.exceptions.JSONDecodeError:
        raise ServiceError(f"{url} is not the events service (events.url): no JSON came") from None
    except requests.exceptions.SSLError:
        trusted = verify if isinstance(verify, str) else "no authority of this system"
        signed = f"{trusted} {'did not sign' if isinstance(verify, str) else 'signed'} its certificate for this name"
        raise ServiceError(f"the events service at {url} is not trusted: {signed} (events.ca_file)") from None
    except requests.RequestException as problem:
        raise ServiceError(
            f"no events service at {url} ({type(problem).__name__}): `gridflex up events` starts it"
        ) from None
    if answer.status_code == 401:
        raise ServiceError(f"the events service at {url} knows no such token: look at {TOKEN_VARIABLE}")
    if not 200 <= answer.status_code < 300 or not isinstance(found, dict):
        why = str(found.get("detail", "")) if isinstance(found, dict) else ""
        raise ServiceError(" ".join(why[:_LONGEST].split()) or f"{path}: HTTP {answer.status_code}")
    return found
