"""Parses instants that people write."""

from __future__ import annotations

from datetime import UTC, datetime

from gridflex.errors import UsageError


def instant_ms(option: str, text: str) -> int:
    """An instant, ISO 8601, UTC unless it says otherwise; UTC epoch. Raises ``UsageError``.

    >>> instant_ms("--at", "1970-01-01T01:00+01:00")
    0
    """
    try:
        instant = datetime.fromisoformat(text)
        return round((instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise UsageError(f"{option}: found {text!r}; allowed: an instant such as 2025-07-14T18:30") from None


def iso_instant(time_ms: int) -> str:
    """ISO 8601 in UTC of an instant, UTC epoch.

    >>> iso_instant(0)
    '1970-01-01T00:00:00Z'
    """
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat().replace("+00:00", "Z")
