"""Signs in to Druid, and explains in plain words why it refuses.

User and password come from the environment alone (docs/security.md).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import requests
from requests.auth import HTTPBasicAuth

from gridflex.adapters.login import Login
from gridflex.config import DRUID_LOGIN, ROOT, Druid
from gridflex.errors import ServiceError

TOKEN_USER = "gridflex"  # noqa: S105
"""Whose password the local stack's token is."""
_CUT_SHORT = ("RemoteDisconnected", "BadStatusLine", "ConnectionResetError")


def login(druid: Druid, environ: Mapping[str, str] | None = None) -> Login | None:
    """Who signs in: whoever holds the local stack's token, else whom the environment names, else nobody.

    Raises ``ServiceError`` when the environment names half of somebody.
    """
    if druid.token_file and (token := _token(Path(druid.token_file))):
        return Login(username=TOKEN_USER, password=token)
    environ = os.environ if environ is None else environ
    missing = [name for name in DRUID_LOGIN if not environ.get(name)]
    if len(missing) == len(DRUID_LOGIN):
        return None
    if missing:
        given = next(name for name in DRUID_LOGIN if name not in missing)
        raise ServiceError(f"Druid at {druid.router_url}: {given} is in the environment, {missing[0]} is not")
    username, password = (environ[name] for name in DRUID_LOGIN)
    return Login(username=username, password=password)


def _token(file: Path) -> str | None:
    """The local stack's token; None before its first start, or if this user may not read it."""
    try:
        return (ROOT / file).read_text(encoding="utf-8").strip()
    except OSError:
        return None


def credentials(druid: Druid, user: Login | None = None) -> tuple[Login | None, HTTPBasicAuth | None]:
    """Who signs in, ``user`` or as ``login`` says, and how that is sent."""
    user = user or login(druid)
    return user, HTTPBasicAuth(user.username, user.password) if user else None


def unreachable(druid: Druid, problem: requests.RequestException) -> ServiceError:
    """Why no server answers, or the wrong one."""
    where, reason = f"Druid at {druid.router_url.rstrip('/')}", str(problem)
    if isinstance(problem, requests.exceptions.SSLError):
        if "CERTIFICATE_VERIFY_FAILED" in reason:
            signed = druid.ca_file or "the system's authorities"
            return ServiceError(
                f"{where} is not trusted: {signed} did not sign its certificate for this name (druid.ca_file): {reason}"
            )
        return ServiceError(f"{where} does not speak TLS as druid.router_url says: {reason}")
    if isinstance(problem, requests.Timeout):
        return ServiceError(f"{where} gave no answer within {druid.query_timeout_s:g} s (druid.query_timeout_s)")
    if any(word in reason for word in _CUT_SHORT) and druid.router_url.startswith("http:"):
        return ServiceError(f"{where} closed the connection: does it expect https:// (druid.router_url)?")
    return ServiceError(
        f"Druid does not answer at {druid.router_url.rstrip('/')} (druid.router_url); "
        f"`gridflex up` starts the local one ({type(problem).__name__})"
    )


def refuse_entry(druid: Druid, status: int, told: str, user: Login | None, call: str) -> ServiceError:
    """Why Druid refuses this user or this request, by its answer 401 or 403."""
    where, names = f"Druid at {druid.router_url.rstrip('/')}", " and ".join(DRUID_LOGIN)
    if status == requests.codes.forbidden:
        who = f"user {user.username}" if user else "a client without user"
        return ServiceError(f"{where} does not let {who} {call}{_guard_says(told)}")
    if user is None:
        return ServiceError(f"{where} requires user and password: {names} missing in the environment")
    return ServiceError(f"{where} refused user {user.username}: {names} of the environment did not sign in")


def _guard_says(answer: str) -> str:
    """Why the local stack's own guard refused, if it was the guard."""
    try:
        return f": {json.loads(answer)['errorMessage']}"
    except (ValueError, KeyError, TypeError):
        return ""
