"""Makes the clients of the VTN on this machine, with tokens signed by its own secret: nobody exists there at first."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from gridflex.adapters.login import Login
from gridflex.adapters.openadr.errors import OpenAdrError
from gridflex.adapters.openadr.logins import Role, make_logins, openadr_folder, vtn_host
from gridflex.adapters.openadr.session import VtnSession
from gridflex.config import Config
from gridflex.errors import ServiceError

_SCOPES = {
    Role.BUSINESS: (
        *("read_all", "write_programs", "write_events", "write_vens_bl", "write_reports_bl"),
        "write_subscriptions_bl",
    ),
    Role.VEN: (
        *("read_targets", "read_ven_objects", "write_reports_ven", "write_subscriptions_ven"),
        "write_vens_ven",
    ),
}
_LASTS_S = 60
_TIMEOUT_S = 8.0


def secret_file(config: Config) -> Path:
    """The secret that signs the tokens of the VTN on this machine; mode 0600. It opens everything there."""
    return openadr_folder(config) / "token_secret"


def signed_token(secret: str, scope: Sequence[str], now_s: float | None = None) -> str:
    """A token of the VTN's own (JWT, HS256) that lasts for a minute."""
    now_s = time.time() if now_s is None else now_s
    claims = {"sub": "gridflex", "iat": int(now_s), "nbf": int(now_s) - 5, "exp": int(now_s) + _LASTS_S}
    parts = ({"alg": "HS256", "typ": "JWT"}, claims | {"scope": list(scope)})
    signed = b".".join(_encoded(json.dumps(part).encode()) for part in parts)
    return b".".join((signed, _encoded(hmac.digest(secret.encode(), signed, hashlib.sha256)))).decode()


def own_session(config: Config, scope: Sequence[str]) -> VtnSession:
    """A session at the VTN of this machine with a token of its own. Raises ``ServiceError`` before its first start."""
    try:
        secret = secret_file(config).read_text(encoding="utf-8").strip()
    except OSError as problem:
        raise ServiceError(f"{secret_file(config)}: {problem.strerror}; `gridflex up openadr` makes it") from None
    session = VtnSession(
        f"http://{vtn_host(config)}:{config.openadr.port}", "gridflex", "",
        verify=True, timeout_s=_TIMEOUT_S, token_url="",
    )  # fmt: skip
    session.use_token(signed_token(secret, scope), _LASTS_S)
    return session


def ensure_clients(config: Config) -> None:
    """Business logic and one VEN can sign in with their secrets, and with no earlier ones. Idempotent.

    Raises ``OpenAdrError``, ``ConfigError``.
    """
    with own_session(config, ["write_users"]) as session:
        users = session.ask("GET", "/users") or []
        for role, login in make_logins(config).items():
            _ensure_client(session, role, login, next((one for one in users if one["reference"] == _name(role)), None))


def _ensure_client(session: VtnSession, role: Role, login: Login, user: dict[str, Any] | None) -> None:
    body = {"reference": _name(role), "description": None, "scope": _SCOPES[role]}
    found = user or session.ask("POST", "/users", body)
    place = f"/users/{quote(found['id'], safe='')}"
    for other in found["client_ids"]:
        if other != login.username or not _signs_in(session, login):
            session.ask("DELETE", f"{place}/{quote(other, safe='')}")
        else:
            return
    session.ask("POST", place, {"client_id": login.username, "client_secret": login.password})


def _signs_in(session: VtnSession, login: Login) -> bool:
    try:
        with session.as_client(login.username, login.password) as client:
            client.sign_in()
    except OpenAdrError as problem:
        if problem.status in {400, 401, 403}:
            return False
        raise
    return True


def _name(role: Role) -> str:
    return f"gridflex-{role}"


def _encoded(part: bytes) -> bytes:
    return base64.urlsafe_b64encode(part).rstrip(b"=")
