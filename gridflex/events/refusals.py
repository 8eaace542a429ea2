"""Who tried what and was refused: a line of the log each, and the last ones for ``GET /audit``. Never a token."""

from __future__ import annotations

import logging
import time
from collections import deque
from dataclasses import dataclass

logger = logging.getLogger(__name__)

_KEPT = 500
_LONGEST = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One request that was refused."""

    time_ms: int
    """UTC epoch."""
    who: str
    """The user; empty when the token told nobody."""
    address: str
    method: str
    path: str
    status: int
    why: str


class Refusals:
    """The last refusals of this process; older ones are in the log."""

    def __init__(self) -> None:
        self._kept: deque[Refusal] = deque(maxlen=_KEPT)

    def note(self, *, who: str, address: str, method: str, path: str, status: int, why: str) -> None:
        """Keep one, and log it in one line whatever the request's path and body hold."""
        found = Refusal(
            time_ms=time.time_ns() // 1_000_000,
            who=who,
            address=address,
            method=method,
            path=path[:_LONGEST],
            status=status,
            why=why[:_LONGEST],
        )
        self._kept.append(found)
        told = f"refused who={who or '-'} address={address} status={status} asked={method} {path[:_LONGEST]!r}"
        logger.warning("%s why=%s", told, ascii(found.why))

    def last(self) -> list[Refusal]:
        """The newest first."""
        return list(reversed(self._kept))
