"""Public holidays by country, from the ``holidays`` library."""

from __future__ import annotations

import datetime as dt

import holidays

from gridflex.errors import UsageError


def public_holidays(code: str, first_year: int, last_year: int) -> list[dt.date]:
    """The public holidays of ``GB``, or of a part of a country as ``GB-ENG``; both years included.

    Raises ``UsageError`` for a code that the library does not know.
    """
    country, _, part = code.strip().upper().partition("-")
    years = range(first_year, last_year + 1)
    try:
        return sorted(holidays.country_holidays(country, subdiv=part or None, years=years))
    except NotImplementedError as problem:
        raise UsageError(f"holidays {code!r}: {problem}; expected a country such as TN, GB or GB-ENG") from None
