"""Reads from the environment the user and password for a server."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A user of a server; a printed one shows no password.

    >>> Login(username="replay", password="sesame")
    Login(username='replay')
    """

    username: str
    password: str = field(repr=False)
