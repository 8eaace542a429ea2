"""Counts bad rows by kind, with an example of each, its place, and what is allowed instead."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import pandas as pd

ALLOWED = {
    "unreadable_time_or_no_offset": "ISO 8601 with an offset, such as 2024-02-01T17:00:00+01:00",
    "unreadable_time": "a time in the format's own form, see docs/baselines.md",
    "impossible_time": "years from 1980 to 2100",
    "far_from_the_rest": "rows within 90 days of others, or at least 1 % of the data",
    "no_slice": "a name in every row",
    "missing_energy": "a number",
    "unreadable_energy": "a number with a decimal point, such as 1.05",
    "negative_energy": "0 or more",
    "absurd_energy": "at most 100 times the slice's 99th percentile, or 25 kW",
    "doubtful_energy": "kept: more than 20 times the slice's 99th percentile may be a real peak, look at it",
    "moved_to_grid": "kept, in the interval that starts within a minute of it",
    "repeated_hour": "kept: the mean of both passes of the hour that the clock repeats",
    "off_grid": "starts on the grid of the data's interval",
    "interval_changes": "one interval length a slice",
    "wrong_number_of_fields": "as many fields as the header",
    "open_quote": "quotes that are closed in the same line",
    "nul_byte": "text without NUL bytes",
    "unreadable_temperature": "a number or nothing",
    "impossible_temperature": "-90 to 60 degrees Celsius (is it Fahrenheit?)",
    "unreadable_holiday": "a date such as 2013-03-29 or 29/3/2013",
    "unreadable_weather_time": "a time such as 2013-03-29 17:00:00",
}
"""What a person can write instead, by kind of defect."""
_LONGEST_TEXT = 80


def shown(text: object) -> str:
    """A text in quotes as an example for a message: shortened, without control characters.

    >>> shown("1,05")
    "'1,05'"
    """
    found = str(text)
    return repr(found if len(found) <= _LONGEST_TEXT else f"{found[:_LONGEST_TEXT]}...")


@dataclass(slots=True, kw_only=True)
class Defects:
    """Bad rows by kind, with the first of each kind as an example."""

    count: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    example: dict[str, str] = field(default_factory=dict)

    def add(self, kind: str, count: int, example: str) -> None:
        """Count ``count`` defects of a kind; 0 is ignored."""
        if count:
            self.count[kind] += int(count)
            self.example.setdefault(kind, example)

    def drop(self, rows: pd.DataFrame, bad: pd.Series[bool], kind: str, place: str, column: str) -> pd.DataFrame:
        """Drop and count the bad rows. ``place``: the file's name; ``column``: the column that is wrong."""
        if not bad.any():
            return rows
        first = rows[bad].iloc[0]
        self.add(kind, int(bad.sum()), f"{place}:{first['line']}: {shown(first[column])}")
        return rows[~bad]

    def lines(self) -> list[str]:
        """One line for each kind: its count, its first example, what is allowed."""
        return [
            f"defect {kind}: {count:,}, first {self.example[kind]}{_allowed(kind)}"
            for kind, count in sorted(self.count.items())
        ]

    def tally(self) -> str:
        """All kinds in one line, the most frequent first."""
        kinds = sorted(self.count, key=lambda kind: -self.count[kind])
        return ", ".join(f"{kind} {self.count[kind]:,} (first {self.example[kind]}{_allowed(kind)})" for kind in kinds)


def _allowed(kind: str) -> str:
    text = ALLOWED.get(kind, "")
    if not text:
        return ""
    return f"; {text}" if text.startswith("kept") else f"; allowed: {text}"
