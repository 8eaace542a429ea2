"""Parses ``events.users``: who may use the events service, in which roles and regions."""

from __future__ import annotations

from dataclasses import dataclass

from gridflex.errors import ConfigError

EVENT_ROLES = ("planner", "approver", "viewer")
TOKEN_VARIABLE = "GRIDFLEX_EVENTS_TOKEN"  # noqa: S105 - a variable's name
"""The token with which a command signs in; with ``_<NAME>`` behind it, the token that the service takes for a user."""
SERVICE_TOKEN_VARIABLE = "GRIDFLEX_EVENTS_SERVICE_TOKEN"  # noqa: S105
"""The token with which Superset may speak for its signed-in user."""
PLATFORM = "gridflex"
"""In whose name the platform itself changes events."""
_FORM = "name:role, name:role+role or name:role:Region+Region; roles: " + ", ".join(EVENT_ROLES)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventUser:
    """One person who may use the events service."""

    name: str
    roles: tuple[str, ...]
    regions: tuple[str, ...] = ()
    """Empty: all."""

    @property
    def token_key(self) -> str:
        """The environment variable that may hold the token.

        >>> EventUser(name="operator-sousse", roles=("planner",)).token_key
        'GRIDFLEX_EVENTS_TOKEN_OPERATOR_SOUSSE'
        """
        name = "".join(letter if letter.isalnum() else "_" for letter in self.name)
        return f"{TOKEN_VARIABLE}_{name.upper()}"


def parse_event_users(text: str) -> tuple[EventUser, ...]:
    """The users of ``events.users``. Raises ``ConfigError`` that names the wrong one.

    >>> [(user.name, user.roles, user.regions) for user in parse_event_users("ann:planner+approver, tom:viewer:Le Kef")]
    [('ann', ('planner', 'approver'), ()), ('tom', ('viewer',), ('Le Kef',))]
    """
    users = tuple(_user(entry.strip()) for entry in text.split(",") if entry.strip())
    if len({user.token_key for user in users}) < len(users):
        raise ConfigError(f"events.users: a name stands twice in {text!r}")
    if any(user.name == PLATFORM for user in users):
        raise ConfigError(f"events.users: {PLATFORM} is the platform itself; allowed: names of people")
    return users


def _user(entry: str) -> EventUser:
    name, roles, regions = (*(part.strip() for part in entry.split(":")), "", "")[:3]
    user = EventUser(name=name, roles=_words(roles), regions=_words(regions))
    named = name.replace("-", "").replace("_", "").replace(".", "").isalnum() and name.isascii()
    form = entry.count(":") == 1 or (entry.count(":") == 2 and user.regions and all(user.regions))
    if not named or not form or not user.roles or not set(user.roles) <= set(EVENT_ROLES):
        raise ConfigError(f"events.users: found {entry!r}; expected {_FORM}")
    return user


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split("+")) if text else ()
