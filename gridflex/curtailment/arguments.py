"""Parses arguments of ``gridflex curtail``: instants, durations, and names of places that must exist."""

from __future__ import annotations

import re
import time

from gridflex.adapters.druid.client import Druid
from gridflex.adapters.druid.flexibility_query import FlexibilityQuery
from gridflex.errors import UsageError
from gridflex.instants import instant_ms

__all__ = ["MINUTE_MS", "duration_ms", "instant_ms", "minute_asked_ms", "refuse_place"]

MINUTE_MS = 60_000
_DURATION = re.compile(r"(?:PT)?(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M?)?", re.IGNORECASE)


def minute_asked_ms(at: str | None, settle_s: float) -> int:
    """The minute asked for: the last one of which all has been told, unless one is given."""
    asked_ms = time.time_ns() // 1_000_000 - round(settle_s * 1000) if at is None else instant_ms("--at", at)
    return asked_ms // MINUTE_MS * MINUTE_MS


def duration_ms(option: str, text: str) -> int:
    """A duration: minutes, ``45m``, ``1h``, ``1h30m`` or ISO 8601 (``PT1H30M``). Raises ``UsageError``.

    >>> [duration_ms("--duration", text) // MINUTE_MS for text in ("45", "45m", "1h30m", "PT2H")]
    [45, 45, 90, 120]
    """
    found = _DURATION.fullmatch(text.strip())
    if not found or not any(found.groups()):
        raise UsageError(f"{option}: found {text!r}; allowed: minutes such as 45, or 45m, 1h, 1h30m, PT1H30M")
    minutes = int(found["hours"] or 0) * 60 + int(found["minutes"] or 0)
    return minutes * MINUTE_MS


def refuse_place(druid: Druid, minute_ms: int, region: str | None, feeder: str | None) -> None:
    """Raises ``UsageError`` naming the regions or feeders that there are."""
    known = FlexibilityQuery(druid, minute_ms).slices()
    if region and region not in {one.region for one in known}:
        raise UsageError(f"no region {region!r}; known: {', '.join(sorted({one.region for one in known})) or 'none'}")
    feeders = sorted({one.feeder for one in known if region in {None, one.region}})
    raise UsageError(f"no feeder {feeder!r}{f' in {region}' if region else ''}; known: {', '.join(feeders) or 'none'}")
