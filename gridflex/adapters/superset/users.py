"""Reads Superset's users from the configuration: their roles, and where their passwords are kept."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gridflex.config import Config
from gridflex.config.users import ADMIN, OPERATOR, REGIONAL, ROLES, User, parse_users
from gridflex.errors import ServiceError

__all__ = [
    "ADMIN",
    "OPERATOR",
    "REGIONAL",
    "ROLES",
    "User",
    "credentials_file",
    "first_admin",
    "parse_users",
    "password_of",
    "read_credentials",
    "superset_url",
]


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
    """The user as which the commands sign in."""
    return next(user for user in parse_users(config.superset.users) if user.role == ADMIN)
