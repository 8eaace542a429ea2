"""Lists the public holidays of a country or of a part of one, from the ``holidays`` library."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from gridflex.errors import UsageError

ALLOWED = "a country such as TN, GB or GB-ENG"


def public_holidays(code: str, first_year: int, last_year: int) -> list[dt.date]:
    """The public holidays of ``GB``, or of a part of a country as ``GB-ENG``; both years included.

    Raises ``UsageError`` for a code that the library does not know.

    >>> public_holidays("gb-eng", 2026, 2026)[0]
    datetime.date(2026, 1, 1)
    """
    try:
        return sorted(_holidays(code, range(first_year, last_year + 1)))
    except NotImplementedError as problem:
        raise UsageError(f"holidays {code!r}: {problem}; expected {ALLOWED}") from None


def code_problem(code: str) -> str:
    """Why the library knows no such country or part of one; empty if it does know it.

    >>> code_problem("GB-ENG"), code_problem("Atlantis")
    ('', 'Country ATLANTIS not available')
    """
    try:
        _holidays(code)
    except NotImplementedError as problem:
        return str(problem)
    return ""


def _holidays(code: str, years: Iterable[int] | None = None) -> Iterable[dt.date]:
    import holidays  # it takes a while, and few commands need it

    country, _, part = code.strip().upper().partition("-")
    return holidays.country_holidays(country, subdiv=part or None, years=years)
