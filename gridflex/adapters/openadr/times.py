"""Instants and durations as OpenADR writes them, and as Python has them.

A VTN may answer ``2026-11-29T18:00:00+00:00`` to ``...Z`` and ``P0Y0M0DT0H5M0S`` to ``PT5M``: only parsed ones compare.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

FOR_EVER = dt.timedelta.max
"""``P9999Y``: without an end."""
_FOR_EVER_TEXT = "P9999Y"
_NUMBER = r"(\d+(?:\.\d+)?)"
_DURATION = re.compile(
    rf"P(?:{_NUMBER}Y)?(?:{_NUMBER}M)?(?:{_NUMBER}W)?(?:{_NUMBER}D)?"
    rf"(?:T(?=\d)(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?"
)


def parse_instant(value: object) -> dt.datetime:
    """An aware time in UTC. Raises ``ValueError`` for a time without a zone.

    >>> parse_instant("2026-11-29T19:00:00+01:00")
    datetime.datetime(2026, 11, 29, 18, 0, tzinfo=datetime.timezone.utc)
    """
    allowed = "allowed: a time with its zone, such as 2026-11-29T18:00:00Z"
    try:
        found = value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(str(value))
        if found.tzinfo is None:
            raise ValueError(allowed)
        return found.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"found {str(value)[:60]!r}; {allowed}") from None


def format_instant(instant: dt.datetime) -> str:
    """In UTC, to the microsecond where there is a part of a second.

    >>> format_instant(dt.datetime(1, 1, 1, tzinfo=dt.UTC))
    '0001-01-01T00:00:00Z'
    """
    return instant.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def parse_duration(value: object) -> dt.timedelta:
    """A duration of ISO 8601. Raises ``ValueError`` for years and months, which have no fixed length.

    >>> parse_duration("P0Y0M0DT0H5M0S"), parse_duration("PT1H30M")
    (datetime.timedelta(seconds=300), datetime.timedelta(seconds=5400))
    """
    if isinstance(value, dt.timedelta):
        return value
    text = str(value)
    found = _DURATION.fullmatch(text)
    if text == _FOR_EVER_TEXT:
        return FOR_EVER
    if found is None or not any(found.groups()):
        raise ValueError(f"found {text[:60]!r}; allowed: a duration of ISO 8601, such as PT5M")
    years, months, weeks, days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    if years or months:
        raise ValueError(f"found {text[:60]!r}; allowed: weeks, days, hours, minutes and seconds, such as PT5M")
    try:
        return dt.timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        raise ValueError(f"found {text[:60]!r}; allowed: at most 999999999 days") from None


def format_duration(duration: dt.timedelta) -> str:
    """A duration of ISO 8601. Raises ``ValueError`` for a negative one.

    >>> format_duration(dt.timedelta(minutes=5)), format_duration(dt.timedelta()), format_duration(FOR_EVER)
    ('PT5M', 'PT0S', 'P9999Y')
    """
    if duration == FOR_EVER:
        return _FOR_EVER_TEXT
    if duration < dt.timedelta():
        raise ValueError(f"a duration of {duration}; allowed: none below zero")
    minutes, seconds = divmod(duration.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    part = f"{seconds}.{duration.microseconds:06d}".rstrip("0") if duration.microseconds else str(seconds)
    day = f"{duration.days}D" if duration.days else ""
    clock = "".join(f"{count}{unit}" for count, unit in ((hours, "H"), (minutes, "M")) if count)
    clock += f"{part}S" if part != "0" else ""
    return f"P{day}{'T' + clock if clock else ''}" if day or clock else "PT0S"


Instant = Annotated[
    dt.datetime, BeforeValidator(parse_instant), PlainSerializer(format_instant, return_type=str, when_used="json")
]
Duration = Annotated[
    dt.timedelta, BeforeValidator(parse_duration), PlainSerializer(format_duration, return_type=str, when_used="json")
]
