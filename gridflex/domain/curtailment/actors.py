"""Defines who changes an event: name, roles and regions, as the sign-in gave them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a person or service may do with events."""

    PLANNER = "planner"
    """Drafts, proposes, amends and cancels."""
    APPROVER = "approver"
    """Approves, rejects and cancels."""
    VIEWER = "viewer"
    """Reads only."""
    SERVICE = "service"
    """The platform itself: schedules, starts, completes, settles, expires and cancels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A person or service that is signed in.

    >>> Actor(name="amira", roles=frozenset({Role.PLANNER}), regions=frozenset({"Sfax"})).may_act_in("Tunis")
    False
    """

    name: str
    roles: frozenset[Role]
    regions: frozenset[str] | None = None
    """Regions in which the actor may act; ``None``: all."""

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise ValueError("found an actor without a name")

    def may_act_in(self, region: str) -> bool:
        """Whether the actor's regions include this one."""
        return self.regions is None or region in self.regions
