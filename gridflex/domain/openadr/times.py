"""Instants and durations as OpenADR writes them: RFC 3339 and ISO 8601."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from gridflex.domain.curtailment import STEP_MIN
from gridflex.errors import ForeignEventError

STEP_MS = STEP_MIN * 60_000
NEVER = "0001-01-01T00:00:00Z"
"""With a duration of nothing: the begin of an event that is cancelled."""
_DURATION = re.compile(
    r"P(?:(\d{1,4})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,4})D)?"
    r"(?:T(?=\d)(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,8})S)?)?"
)
_PARTS_S = (0, 0, 7 * 86_400, 86_400, 3600, 60, 1)


def instant(time_ms: int) -> str:
    """An instant, UTC epoch, as OpenADR writes it.

    >>> instant(0)
    '1970-01-01T00:00:00Z'
    """
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat().replace("+00:00", "Z")


def instant_ms(where: str, text: object) -> int:
    """UTC epoch of an instant; far below zero for ``NEVER``. Raises ``ForeignEventError``.

    >>> instant_ms("start", "1970-01-01T01:00:00+01:00")
    0
    """
    try:
        found = datetime.fromisoformat(str(text))
        if found.tzinfo is None:
            raise ValueError
        return round((found - datetime.fromtimestamp(0, UTC)).total_seconds() * 1000)
    except (ValueError, OverflowError):
        raise ForeignEventError(f"{where}: found {str(text)[:60]!r}; allowed: an instant with its time zone") from None


def duration_ms(where: str, text: object) -> int:
    """Length of a duration without years and months. Raises ``ForeignEventError``.

    >>> [duration_ms("duration", text) for text in ("PT5M", "P0Y0M0DT0H5M0S", "PT0S")]
    [300000, 300000, 0]
    """
    found = _DURATION.fullmatch(str(text))
    parts = [int(part or 0) for part in found.groups()] if found else []
    if found is None or not any(part is not None for part in found.groups()) or parts[0] or parts[1]:
        raise ForeignEventError(
            f"{where}: found {str(text)[:60]!r}; allowed: a duration such as PT5M, without years and months"
        )
    return 1000 * sum(part * length_s for part, length_s in zip(parts, _PARTS_S, strict=True))
