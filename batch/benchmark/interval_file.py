"""Reads files of intervals, ``start,end[,slice]``: events, price signals, instructions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from batch.benchmark.loads.text_blocks import text_lines
from batch.benchmark.loads.times import local_or_offset
from gridflex.domain.baseline import MS_PER_MINUTE, Loads, local_ms, touched
from gridflex.domain.readings import MS_PER_DAY, Flags
from gridflex.errors import SourceError, UsageError

LONGEST_DAYS = 7
_FORM = "start,end[,slice] with times such as 2013-09-23T17:00 or 2013-09-23T17:00+01:00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """One line of the file."""

    start_ms: int
    """Wall-clock milliseconds, as is ``end_ms``, which is not included."""
    end_ms: int
    slice: str
    """Empty: all slices."""
    place: str


def read_intervals(path: Path, zone: ZoneInfo | None = None) -> list[Interval]:
    """The file's intervals, by start. Times with an offset are taken to ``zone``, if there is one, else as written.

    A first line without a digit is a header; empty lines, and what follows ``#``, are left out. Raises ``UsageError``
    with the line that is wrong, and for a file without any interval.
    """
    try:
        lines = text_lines(path)
    except SourceError as error:
        raise UsageError(str(error)) from None
    found = []
    for number, line in enumerate(lines, start=1):
        fields = [field.strip().strip('"') for field in line.partition(" #")[0].split(",")]
        if not any(fields) or line.startswith("#") or (number == 1 and not any(letter.isdigit() for letter in line)):
            continue
        found.append(_interval(fields, f"{path}:{number}", zone))
    if not found:
        raise UsageError(f"{path}: no interval; expected lines {_FORM}")
    return sorted(found, key=lambda one: one.start_ms)


def _interval(fields: list[str], place: str, zone: ZoneInfo | None) -> Interval:
    if len(fields) not in {2, 3}:
        raise UsageError(f"{place}: found {len(fields)} field(s); expected {_FORM}")
    wall, offset, good = local_or_offset(pd.Series(fields[:2]))
    if not good.all():
        raise UsageError(f"{place}: found {fields[int(np.argmin(good))]!r}; expected {_FORM}")
    if zone is not None:
        with_offset = np.array([_has_offset(text) for text in fields[:2]])
        wall = np.where(with_offset, local_ms(wall - offset * MS_PER_MINUTE, zone), wall)
    start_ms, end_ms = (int(value) for value in wall)
    if not 0 < end_ms - start_ms <= LONGEST_DAYS * MS_PER_DAY:
        raise UsageError(f"{place}: from {fields[0]} to {fields[1]}; allowed: an end after its start, at most 7 days")
    return Interval(start_ms=start_ms, end_ms=end_ms, slice=fields[2] if len(fields) > 2 else "", place=place)


def _has_offset(text: str) -> bool:
    time = text[10:]
    return any(sign in time for sign in "+-Zz")


def hours_of(intervals: list[Interval], loads: Loads) -> Flags:
    """The intervals of the loads that are touched, shape (S, D, P). Raises ``UsageError`` for a slice they lack."""
    flags = np.zeros(loads.kwh.shape, dtype=np.bool_)
    for one in intervals:
        if one.slice and one.slice not in loads.names:
            raise UsageError(
                f"{one.place}: no slice {one.slice!r} in the data; there are {', '.join(loads.names[:10])}"
            )
        rows = [loads.names.index(one.slice)] if one.slice else range(len(loads.names))
        hit = touched(loads, one.start_ms, one.end_ms)
        for row in rows:
            flags[row] |= hit
    return flags
