"""Druid's users on a cluster, by its basic-security extension: who they are, what each may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gridflex.adapters.druid.session import DruidSession
from gridflex.adapters.login import Login
from gridflex.config import Druid
from gridflex.errors import ServiceError

ADMIN_PASSWORD = "GRIDFLEX_DRUID_ADMIN_PASSWORD"  # noqa: S105 - the name of a variable
_SECURITY = "/proxy/coordinator/druid-ext/basic-security"
_AUTHENTICATION = f"{_SECURITY}/authentication/db/basic"
_AUTHORIZATION = f"{_SECURITY}/authorization/db/basic"
_ALREADY_THERE = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class DruidUser:
    """A user, the actions it may take on each kind of resource, and where its password is found."""

    name: str
    may: Mapping[str, tuple[str, ...]]

    @property
    def password_key(self) -> str:
        """The variable of the environment that holds its password."""
        return f"GRIDFLEX_DRUID_{self.name.upper()}_PASSWORD"

    def permissions(self) -> list[dict[str, Any]]:
        """As Druid writes them."""
        return [
            {"resource": {"name": ".*", "type": kind}, "action": action}
            for kind, actions in self.may.items()
            for action in actions
        ]


USERS = (
    # STATE: supervisors and tasks; EXTERNAL: rows that a task brings with it.
    DruidUser(
        name="batch",
        may={
            "DATASOURCE": ("READ", "WRITE"),
            "STATE": ("READ", "WRITE"),
            "EXTERNAL": ("READ",),
            "SYSTEM_TABLE": ("READ",),
        },
    ),
    DruidUser(name="superset", may={"DATASOURCE": ("READ",)}),
    DruidUser(name="events", may={"DATASOURCE": ("READ",)}),
)


def calls(user: DruidUser, password: str) -> list[tuple[str, Any]]:
    """What is posted, in order, to make a user with its role: path and body. Each may be repeated."""
    name = user.name
    return [
        (f"{_AUTHENTICATION}/users/{name}", None),
        (f"{_AUTHENTICATION}/users/{name}/credentials", {"password": password}),
        (f"{_AUTHORIZATION}/users/{name}", None),
        (f"{_AUTHORIZATION}/roles/{name}", None),
        (f"{_AUTHORIZATION}/users/{name}/roles/{name}", None),
        (f"{_AUTHORIZATION}/roles/{name}/permissions", user.permissions()),
    ]


def make_druid_users(druid: Druid, environ: Mapping[str, str]) -> list[str]:
    """Make every user, with the password that the environment holds; gives their names.

    Raises ``ServiceError`` if a password lacks or Druid refuses for another reason than that something is there.
    """
    lacking = [key for key in (ADMIN_PASSWORD, *(user.password_key for user in USERS)) if not environ.get(key)]
    if lacking:
        raise ServiceError(f"no password in the environment: {', '.join(lacking)}")
    session = DruidSession(druid, Login(username="admin", password=environ[ADMIN_PASSWORD]))
    for user in USERS:
        for path, body in calls(user, environ[user.password_key]):
            answer = session.send_once("POST", path, body)
            if not answer.ok and answer.status != _ALREADY_THERE:
                raise ServiceError(f"Druid refuses {path}: {answer.status} {answer.reason}")
    return [user.name for user in USERS]
