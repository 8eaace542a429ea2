"""Parses times as text into milliseconds; the format of a text is never guessed.

Each function reads a column and parses each text once: all slices of a file share their times.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from gridflex.domain.baseline import MS_PER_MINUTE
from gridflex.domain.readings import Flags, Ints

_ISO = r"(\d{4}-\d\d-\d\d(?:[T ]\d\d(?::?\d\d(?::?\d\d(?:[.,]\d+)?)?)?)?|\d{8}(?:T\d{4}(?:\d\d(?:[.,]\d+)?)?)?)"
_WITH_OFFSET = re.compile(_ISO + r" ?(Z|[+-]\d\d(?::?[0-5]\d)?)", re.IGNORECASE)
_NAIVE = re.compile(_ISO, re.IGNORECASE)
_DAY_FIRST = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}) +(\d{1,2}:\d\d(?::\d\d)?)")
_LARGEST_OFFSET_MIN = 14 * 60

Times = tuple[Ints, Ints, Flags]
"""Wall clock in ms, offset from UTC in minutes, and which texts could be read; all of one shape."""


def with_offset(column: pd.Series[str]) -> Times:
    """ISO 8601 with an offset: ``Z``, ``+hh``, ``+hhmm`` or ``+hh:mm``; ``T`` and ``Z`` in either case.

    >>> wall, offset, good = with_offset(pd.Series(["1970-01-01 02:00:00+02", "1970-01-01 02:00:00"]))
    >>> wall[0], offset[0], good.tolist()
    (np.int64(7200000), np.int64(120), [True, False])
    """
    return _each_once(column, lambda texts: _iso(texts, _WITH_OFFSET))


def local_or_offset(column: pd.Series[str]) -> Times:
    """ISO 8601 without or with an offset; without one it is 0."""
    return _each_once(column, _local_or_offset)


def day_first(column: pd.Series[str]) -> Times:
    """``17/10/2012 13:00:00`` (day before month) or ISO 8601 without an offset."""
    return _each_once(column, _day_first)


def month_first(column: pd.Series[str]) -> Flags:
    """Texts that are a time only when the month comes before the day: ``10/17/2012 13:00:00``."""
    parts = column.str.strip().str.extract(_DAY_FIRST.pattern)
    first, second = (pd.to_numeric(parts[index], errors="coerce") for index in (0, 1))
    return np.asarray((first <= 12) & (second > 12), dtype=np.bool_)


def _each_once(column: pd.Series[str], parse: Callable[[Sequence[str]], Times]) -> Times:
    code, texts = pd.factorize(column)
    wall, offset, good = parse([str(text).strip() for text in texts])
    return wall[code], offset[code], good[code]


def _iso(texts: Sequence[str], form: re.Pattern[str]) -> Times:
    found = [form.fullmatch(text) for text in texts]
    suffixes = [match[2] if match and form.groups > 1 else "" for match in found]
    minutes = {text: _minutes(text) for text in set(suffixes)}
    offset = np.array([minutes[text] for text in suffixes], dtype=np.int64)
    wall, good = _milliseconds([match[1].upper().replace(",", ".") if match else "" for match in found], "ISO8601")
    return wall, offset, good & (np.abs(offset) <= _LARGEST_OFFSET_MIN)


def _local_or_offset(texts: Sequence[str]) -> Times:
    wall, offset, good = _iso(texts, _NAIVE)
    other = np.flatnonzero(~good)
    wall[other], offset[other], good[other] = _iso([texts[int(index)] for index in other], _WITH_OFFSET)
    return wall, offset, good


def _day_first(texts: Sequence[str]) -> Times:
    wall, offset, good = _iso(texts, _NAIVE)
    other = np.flatnonzero(~good)
    found = [_DAY_FIRST.fullmatch(texts[int(index)]) for index in other]
    iso = [f"{m[3]}-{m[2]:>02}-{m[1]:>02}T{m[4]:>08}" if m and len(m[4]) > 5 else _short(m) for m in found]
    wall[other], good[other] = _milliseconds(iso, "ISO8601")
    return wall, offset, good


def _short(match: re.Match[str] | None) -> str:
    return f"{match[3]}-{match[2]:>02}-{match[1]:>02}T{match[4]:>05}" if match else ""


def _milliseconds(texts: Sequence[str], form: str) -> tuple[Ints, Flags]:
    when = pd.to_datetime(pd.Series(texts, dtype=object), format=form, errors="coerce")
    return when.to_numpy().astype("datetime64[ms]").astype(np.int64), when.notna().to_numpy(np.bool_)


def _minutes(offset: str) -> int:
    if offset in {"", "Z", "z"}:
        return 0
    digits = offset[1:].replace(":", "").ljust(4, "0")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    return -minutes if offset[0] == "-" else minutes


def utc_ms(wall_ms: Ints, offset_min: Ints) -> Ints:
    """UTC of a wall clock with an offset."""
    return wall_ms - offset_min * MS_PER_MINUTE
