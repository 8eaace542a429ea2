"""Who asks: a token's owner, or the user for whom Superset speaks. Only hashes of tokens stay in memory."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from gridflex.adapters.events.tokens import USER_HEADER, Tokens
from gridflex.config.event_users import EventUser
from gridflex.domain.curtailment import Actor, Role
from gridflex.errors import GridflexError


class UnknownTokenError(GridflexError):
    """No token, or one that is nobody's."""


class UnknownUserError(GridflexError):
    """A token that is right, with a user for whom its owner may not speak."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """Tells by a token who asks."""

    people: Mapping[bytes, Actor]
    """By the token's SHA-256."""
    service: bytes
    """SHA-256 of the service token."""

    @classmethod
    def of(cls, tokens: Tokens) -> SignIn:
        """Of tokens that the service takes."""
        people = {_digest(token): _actor(user) for user, token in tokens.people.items()}
        return cls(people, _digest(tokens.service))

    def actor(self, token: str, user: str | None = None) -> Actor:
        """The owner of a token. With the service token: ``user``, whom its owner has signed in.

        Raises ``UnknownTokenError`` or ``UnknownUserError``; neither says how near a token was.
        """
        asked = _digest(token)
        # All are compared, so that the time taken tells nothing.
        owners = [actor for digest, actor in self.people.items() if hmac.compare_digest(digest, asked)]
        speaks = hmac.compare_digest(self.service, asked)
        if speaks:
            return self._spoken_for(user)
        if not owners:
            raise UnknownTokenError("no such token; allowed: Authorization: Bearer TOKEN with a token of the service")
        if user is not None:
            raise UnknownUserError(f"{USER_HEADER}: allowed with the service token alone")
        return owners[0]

    def _spoken_for(self, user: str | None) -> Actor:
        if not user:
            raise UnknownUserError(f"the service token speaks for a user: {USER_HEADER} must name one")
        found = [actor for actor in self.people.values() if actor.name == user]
        if not found:
            raise UnknownUserError(f"no user {user!r} in events.users")
        return found[0]


def _actor(user: EventUser) -> Actor:
    regions = frozenset(user.regions) if user.regions else None
    return Actor(name=user.name, roles=frozenset(map(Role, user.roles)), regions=regions)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
