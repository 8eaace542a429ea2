"""Where Gridflex's VTN is, and who signs in there: business logic, and a VEN of ours."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from gridflex.adapters.login import Login
from gridflex.adapters.openadr.client import OpenAdrClient
from gridflex.config import OPENADR_SECRETS, ROOT, Config
from gridflex.errors import ConfigError, ServiceError, UsageError
from gridflex.files import write_atomically

_SHORTEST = 24


class Role(StrEnum):
    """What a client does at a VTN."""

    BUSINESS = "business"
    """Makes programs and events, reads reports."""
    VEN = "ven"
    """Reads the events that are meant for it, and reports."""


SECRET_VARIABLES = dict(zip(Role, OPENADR_SECRETS, strict=True))


def vtn_host(config: Config) -> str:
    """Where the VTN of this machine listens: the loopback interface, whatever the other services do."""
    host = config.launcher.host
    return host if host.startswith("127.") else "127.0.0.1"


def openadr_url(config: Config) -> str:
    """The VTN's address: ``openadr.url``, else that on this machine."""
    return config.openadr.url.rstrip("/") or f"http://{vtn_host(config)}:{config.openadr.port}"


def openadr_folder(config: Config) -> Path:
    """What the VTN of this machine keeps, and who may sign in there."""
    return config.state_dir / "openadr"


def logins_file(config: Config) -> Path:
    """Holds the secrets that the first start made, by client; mode 0600."""
    return openadr_folder(config) / "clients.json"


def client_id(config: Config, role: Role) -> str:
    """The name under which a role signs in."""
    return config.openadr.client_id if role is Role.BUSINESS else config.openadr.ven_client_id


def open_client(config: Config, role: Role, environ: Mapping[str, str] | None = None) -> OpenAdrClient:
    """A client of the configured VTN. All processes of one state folder write one after the other.

    Raises ``UsageError`` if there is no secret for it.
    """
    environ = os.environ if environ is None else environ
    name, variable = client_id(config, role), SECRET_VARIABLES[role]
    secret = environ.get(variable, "").strip()
    if not secret and not config.openadr.url:
        secret = _read(config).get(name, "")
    if not secret:
        local = "" if config.openadr.url else f"; `gridflex up openadr` makes one, in {logins_file(config)}"
        raise UsageError(f"no secret for {name} at {openadr_url(config)}: put it into {variable}{local}")
    ca_file = config.openadr.ca_file
    return OpenAdrClient(
        openadr_url(config), name, secret,
        ca_file=str(ROOT / ca_file) if ca_file else None, timeout_s=config.openadr.timeout_s,
        token_url=config.openadr.token_url, lock_file=openadr_folder(config) / "writing.lock",
    )  # fmt: skip


def make_logins(config: Config, environ: Mapping[str, str] | None = None) -> Mapping[Role, Login]:
    """The logins of both roles: from the environment, else from the file, else made now and written to it.

    Raises ``ConfigError`` on a secret that is too short or is both roles'.
    """
    environ = os.environ if environ is None else environ
    known = _read(config)
    given = {role: environ.get(SECRET_VARIABLES[role], "").strip() for role in Role}
    kept = {
        client_id(config, role): known.get(client_id(config, role)) or secrets.token_urlsafe(32)
        for role in Role
        if not given[role]
    }
    logins = {
        role: Login(username=client_id(config, role), password=given[role] or kept[client_id(config, role)])
        for role in Role
    }
    for role, login in logins.items():
        if len(login.password) < _SHORTEST or not login.password.isascii():
            raise ConfigError(
                f"{SECRET_VARIABLES[role]}: allowed: at least {_SHORTEST} letters, digits, signs of ASCII"
            )
    if len({login.password for login in logins.values()}) < len(logins):
        raise ConfigError(f"{' and '.join(OPENADR_SECRETS)} are the same secret; allowed: one each")
    if kept != known:
        logins_file(config).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(logins_file(config), json.dumps(kept, indent=2), private=True)
    return logins


def _read(config: Config) -> dict[str, str]:
    file = logins_file(config)
    if not file.is_file():
        return {}
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(one, str) for one in found.values()):
        raise ServiceError(f"{file} is no list of clients: remove it, and `gridflex up openadr` makes new secrets")
    return found
