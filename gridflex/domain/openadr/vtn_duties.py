"""What is to be done about a VTN's event, from what it says now and from our events that come from it.

::

    as we planned it                    -> carry on: propose, approve if that is allowed, report
    changed there                       -> cancel ours, plan again
    cancelled there, or not to be done  -> cancel ours
    new, and lies ahead                 -> plan
    refused by a person here            -> nothing, until it asks for something else

All of it follows from the ledger, so a VEN that is killed between any two steps does the rest when it comes back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gridflex.domain.curtailment import State
from gridflex.domain.openadr.asked import Asked, is_cancelled, read_event
from gridflex.domain.openadr.origin import LIVE, Origin
from gridflex.domain.openadr.targets import Place
from gridflex.errors import ForeignEventError


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """One of our events that comes from a VTN's."""

    event_id: str
    state: State
    origin: Origin
    declined: bool = False
    """A person here ended it, or nobody approved it in time: it is not planned again."""

    @property
    def is_live(self) -> bool:
        """Whether it may still be cancelled."""
        return self.state in LIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Duties:
    """What is to be done, in this order: cancel, then plan or carry on."""

    cancel: tuple[tuple[str, str], ...] = ()
    """Our events, and why."""
    plan: Asked | None = None
    carry_on: str = ""
    """Our event."""
    refused: str = ""
    """Why nothing is planned, in one line; empty: there is nothing to tell."""


def duties(
    document: Mapping[str, Any], ours: Sequence[Ours], now_ms: int, places: Mapping[str, Place] | None = None
) -> Duties:
    """``ours``: our events that come from this one. ``places``: names that the VTN gives to places."""
    live = [one for one in ours if one.is_live]
    if is_cancelled(document):
        return Duties(cancel=_all(live, "the VTN cancelled it"))
    try:
        asked = read_event(document, places or {})
    except ForeignEventError as problem:
        why = f"the VTN changed it to what cannot be done: {problem}"
        return Duties(cancel=_all(live, why), refused=str(problem))
    origin = Origin.of("", document, asked)
    current = [one for one in live if asked.digest == one.origin.digest or origin.modified == one.origin.modified]
    stale = _all([one for one in live if one not in current], "the VTN changed it")
    if current:
        return Duties(cancel=stale, carry_on=current[0].event_id)
    if any(_settles(one, origin) for one in ours if not one.is_live):
        return Duties(cancel=stale)
    try:
        asked.check_ahead(now_ms)
    except ForeignEventError as problem:
        return Duties(cancel=stale, refused=str(problem))
    return Duties(cancel=stale, plan=asked)


def _settles(one: Ours, origin: Origin) -> bool:
    """Whether what the VTN asks for was decided on by an event of ours that is over."""
    return one.origin.modified == origin.modified or (one.declined and one.origin.digest == origin.digest)


def _all(live: Sequence[Ours], why: str) -> tuple[tuple[str, str], ...]:
    return tuple((one.event_id, why) for one in live)
