"""Who may sign in to Superset: users of the configuration, their roles, and where their passwords are kept."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridflex.config import Config
from gridflex.errors import ConfigError, ServiceError

ROLES = ("admin", "operator", "regional", "researcher")
REGIONAL = "regional"
ADMIN = "admin"
OPERATOR = "operator"
_FORM = "name:role, or name:regional:Region; roles: " + ", ".join(ROLES)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """One user of Superset."""

    name: str
    role: str
    region: str = ""
    """The only region that a regional operator sees."""

    @property
    def password_key(self) -> str:
        """The environment variable that may hold the password.

        >>> User(name="operator-tunis", role="regional", region="Tunis").password_key
        'GRIDFLEX_SUPERSET_PASSWORD_OPERATOR_TUNIS'
        """
        name = "".join(letter if letter.isalnum() else "_" for letter in self.name)
        return f"GRIDFLEX_SUPERSET_PASSWORD_{name.upper()}"


def parse_users(text: str) -> tuple[User, ...]:
    """The users of ``superset.users``. Raises ``ConfigError`` that names the wrong one.

    >>> [user.role for user in parse_users("ann:admin, tom:regional:Le Kef")]
    ['admin', 'regional']
    """
    users = tuple(_user(entry.strip()) for entry in text.split(",") if entry.strip())
    names = [user.name for user in users]
    if len(set(names)) < len(names) or len({user.password_key for user in users}) < len(names):
        raise ConfigError(f"superset.users: a name stands twice in {text!r}")
    if not any(user.role == ADMIN for user in users):
        raise ConfigError(f"superset.users: found {text!r}; at least one user must be admin")
    return users


def credentials_file(config: Config) -> Path:
    """Holds the secret key and the passwords that the first start made; mode 0600."""
    return config.state_dir / "superset" / "credentials.json"


def superset_url(config: Config) -> str:
    """Superset's address for people: ``superset.url``, else that on this machine."""
    return config.superset.url.rstrip("/") or f"http://{config.launcher.host}:{config.superset.port}"


def read_credentials(config: Config) -> dict[str, Any]:
    """The credentials file: ``{"secret_key", "users": {name: {"role", "region", "password"}}}``; empty if not made yet.

    A user whose password came from the environment has none in it.
    """
    file = credentials_file(config)
    if not file.is_file():
        return {}
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def password_of(config: Config, user: User, environ: Mapping[str, str] | None = None) -> str:
    """A user's password: from the environment, else from the credentials file. Raises ``ServiceError`` without one."""
    environ = os.environ if environ is None else environ
    found = environ.get(user.password_key) or read_credentials(config).get("users", {}).get(user.name, {}).get(
        "password"
    )
    if not found:
        raise ServiceError(
            f"no password of Superset's user {user.name}: neither {user.password_key} in the environment nor an entry "
            f"in {credentials_file(config)}; `gridflex up superset` makes one"
        )
    return str(found)


def first_admin(config: Config) -> User:
    """The user as whom the commands work."""
    return next(user for user in parse_users(config.superset.users) if user.role == ADMIN)


def _user(entry: str) -> User:
    name, *rest = (part.strip() for part in entry.split(":"))
    regional = len(rest) == 2 and rest[0] == REGIONAL and bool(rest[1])
    if not name or not (regional or (len(rest) == 1 and rest[0] in ROLES and rest[0] != REGIONAL)):
        raise ConfigError(f"superset.users: found {entry!r}; expected {_FORM}")
    return User(name=name, role=rest[0], region=rest[1] if regional else "")
