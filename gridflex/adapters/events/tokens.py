"""Stores the tokens of the events service, of people and of Superset."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gridflex.config import Config
from gridflex.config.event_users import SERVICE_TOKEN_VARIABLE, EventUser, parse_event_users
from gridflex.errors import ConfigError, ServiceError
from gridflex.files import write_atomically

USER_HEADER = "Gridflex-User"
"""Names the user for whom the holder of the service token speaks."""
_SHORTEST = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Every token that is taken; a printed one shows none."""

    people: Mapping[EventUser, str] = field(repr=False)
    service: str = field(repr=False)


def tokens_file(config: Config) -> Path:
    """Holds the tokens that the first start made; mode 0600."""
    return config.state_dir / "events" / "tokens.json"


def events_url(config: Config) -> str:
    """The service's address: ``events.url``, else that on this machine."""
    return config.events.url.rstrip("/") or f"http://{config.launcher.host}:{config.events.port}"


def make_tokens(config: Config, environ: Mapping[str, str] | None = None) -> Tokens:
    """The tokens of all users: from the environment, else from the file, else made now and written to it.

    Who is no user any more loses his token. Raises ``ConfigError`` on one that is too short or is two people's.
    """
    environ = os.environ if environ is None else environ
    known = read_tokens(config)
    given = {user: environ.get(user.token_key, "") for user in parse_event_users(config.events.users)}
    kept = {user.name: known.get("users", {}).get(user.name) or _made() for user, token in given.items() if not token}
    service = environ.get(SERVICE_TOKEN_VARIABLE, "")
    kept_service = {} if service else {"service": known.get("service") or _made()}
    tokens = Tokens(
        people={user: token or kept[user.name] for user, token in given.items()},
        service=service or kept_service["service"],
    )
    _check(tokens)
    made = {**kept_service, "users": kept}
    if made != known:
        file = tokens_file(config)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, json.dumps(made, indent=2), private=True)
    return tokens


def read_tokens(config: Config) -> dict[str, Any]:
    """The tokens file: ``{"service", "users": {name: token}}``; empty before the first start.

    A token of the environment does not stand in it.
    """
    file = tokens_file(config)
    if not file.is_file():
        return {}
    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        raise ServiceError(f"{file} is no JSON: remove it, and `gridflex up events` makes new tokens") from None
    return found


def any_token(config: Config, environ: Mapping[str, str] | None = None) -> str:
    """A token of some user of the service on this machine, for what only reads; empty before its first start."""
    environ = os.environ if environ is None else environ
    kept = read_tokens(config).get("users", {})
    found = (environ.get(user.token_key) or kept.get(user.name, "") for user in parse_event_users(config.events.users))
    return next((token for token in found if token), "")


def _made() -> str:
    return f"gfx-{secrets.token_urlsafe(32)}"


def _check(tokens: Tokens) -> None:
    named = {user.token_key: token for user, token in tokens.people.items()} | {SERVICE_TOKEN_VARIABLE: tokens.service}
    short = [name for name, token in named.items() if len(token) < _SHORTEST or not token.isascii()]
    if short:
        raise ConfigError(f"{', '.join(short)}: allowed: at least {_SHORTEST} letters, digits and signs of ASCII")
    if len(set(named.values())) < len(named):
        raise ConfigError(f"two of {', '.join(named)} are the same token; allowed: one each")
