"""Parses ``superset.users``: who may sign in to Superset, with which role."""

from __future__ import annotations

from dataclasses import dataclass

from gridflex.errors import ConfigError

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


def _user(entry: str) -> User:
    name, *rest = (part.strip() for part in entry.split(":"))
    regional = len(rest) == 2 and rest[0] == REGIONAL and bool(rest[1])
    if not name or not (regional or (len(rest) == 1 and rest[0] in ROLES and rest[0] != REGIONAL)):
        raise ConfigError(f"superset.users: found {entry!r}; expected {_FORM}")
    return User(name=name, role=rest[0], region=rest[1] if regional else "")
