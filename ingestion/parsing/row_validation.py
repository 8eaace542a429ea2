"""Separates good values from bad ones: every value of a parsed block is kept or stands in one rejection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from gridflex.domain.readings import MS_PER_S, Flags, Floats, Indexes, Ints, Reason, Rejection, impossible_power
from ingestion.parsing.columns import Parsed
from ingestion.parsing.line_blocks import LineBlock

ABSENT = np.inf
"""In ``Rows.values``: the file had no such column here. NaN: it had, but the value is missing or rejected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows of the series of one file or one building, in the order of the file."""

    time_ms: Ints
    """Shape (n,), UTC epoch."""
    values: Floats
    """Shape (n, series): W, or NaN, or ``ABSENT``."""
    line: Ints
    """Shape (n,): line numbers."""

    def __len__(self) -> int:
        return len(self.time_ms)

    def take(self, which: Flags | Indexes | Ints | slice) -> Rows:
        """Some of the rows."""
        return Rows(time_ms=self.time_ms[which], values=self.values[which], line=self.line[which])


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSpec:
    """What is asked of a value of one piece of a file."""

    columns: Sequence[int | None]
    """For each column of the file the series it belongs to; None: no label is known for it."""
    series: int
    """How many series there are."""
    from_s: float
    """Times are not earlier than this."""
    before_s: float
    """Times are earlier than this."""
    max_power_w: float


def validate_rows(block: LineBlock, parsed: Parsed, spec: ColumnSpec) -> tuple[Rows, list[Rejection]]:
    """The rows whose time can be, with NaN for bad values, and the rejections in order of lines."""
    good_time = (parsed.time_s >= spec.from_s) & (parsed.time_s < spec.before_s)
    rejections = [*parsed.rejections, *_extra_fields(block, parsed)]
    line, time_s, cells = parsed.line, parsed.time_s, parsed.cells
    if not good_time.all():
        rejections += _bad_times(block, parsed, ~good_time, spec)
        line, time_s, cells = line[good_time], time_s[good_time], cells[good_time]
    values = np.full((len(line), spec.series), ABSENT)
    for column, series in enumerate(spec.columns):
        if series is None:
            rejections += _unlabelled(block, line, column)
            continue
        broken = {row: text for (row, where), text in parsed.broken.items() if where == column}
        kept, bad = _column(block, line, cells[:, column], column, broken=broken, max_power_w=spec.max_power_w)
        values[:, series] = kept
        rejections += bad
    rejections.sort(key=_place)
    time_ms = np.rint(time_s * MS_PER_S).astype(np.int64)
    return Rows(time_ms=time_ms, values=values, line=line), rejections


def _place(rejection: Rejection) -> int:
    return int(rejection.position.rpartition(":")[2])


def _column(
    block: LineBlock, line: Ints, power_w: Floats, column: int, *, broken: dict[int, bytes], max_power_w: float
) -> tuple[Floats, list[Rejection]]:
    """One column's values with NaN for the bad ones, and the rejections."""
    missing = np.isnan(power_w)
    impossible = impossible_power(power_w, max_power_w)
    absurd = np.logical_or(*impossible.values())
    if not (missing.any() or absurd.any()):
        return power_w, []
    rejections = []
    if broken:
        for row in np.flatnonzero(missing):
            text = broken.get(int(line[row]))
            if text is not None:
                missing[row] = False
                detail = f"column {column + 1}: found {text[:40]!r}, expected a number or NULL"
                rejections.append(_rejection(Reason.BROKEN_LINE, block, line[row], detail))
    for start, end in _runs(missing):
        detail = f"column {column + 1}: missing, to line {line[end - 1]}"
        rejections.append(_rejection(Reason.MISSING, block, line[start], detail, end - start))
    for row in np.flatnonzero(absurd):
        reason = next(reason for reason, flags in impossible.items() if flags[row])
        detail = f"column {column + 1}: found {power_w[row]:.15g} W, allowed 0 to {max_power_w:g} W"
        rejections.append(_rejection(reason, block, line[row], detail))
    return np.where(absurd, np.nan, power_w), rejections


def _bad_times(block: LineBlock, parsed: Parsed, bad: Flags, spec: ColumnSpec) -> Iterator[Rejection]:
    columns = parsed.cells.shape[1]
    for start, end in _runs(bad):
        time_s = float(parsed.time_s[start])
        detail = f"found time {time_s:.3f} s, to line {parsed.line[end - 1]}: it cannot belong here"
        detail += _unit(time_s, spec) or _allowed(spec)
        yield _rejection(Reason.BAD_TIME, block, parsed.line[start], detail, (end - start) * columns)


def _unit(time_s: float, spec: ColumnSpec) -> str:
    """What a time seems to be, if it would be good in another unit."""
    for unit, factor in (("milliseconds", 1e3), ("microseconds", 1e6), ("nanoseconds", 1e9)):
        if spec.from_s <= time_s / factor < spec.before_s:
            return f"; it seems to be in {unit}, expected seconds"
    return ""


def _allowed(spec: ColumnSpec) -> str:
    if not np.isfinite([spec.from_s, spec.before_s]).all():
        return ", nor can any time in a file of this name"
    first, end = (datetime.fromtimestamp(time_s, tz=UTC) for time_s in (spec.from_s, spec.before_s))
    return f", allowed {first:%Y-%m-%d} to before {end:%Y-%m-%d} UTC"


def _extra_fields(block: LineBlock, parsed: Parsed) -> Iterator[Rejection]:
    for line, count in parsed.extra.items():
        detail = f"{count} more field(s) than the {parsed.cells.shape[1]} columns of the header"
        yield _rejection(Reason.UNKNOWN_COLUMN, block, line, detail, count)


def _unlabelled(block: LineBlock, line: Ints, column: int) -> list[Rejection]:
    if len(line) == 0:
        return []
    detail = f"column {column + 1} has no label, to line {line[-1]}"
    return [_rejection(Reason.UNKNOWN_COLUMN, block, line[0], detail, len(line))]


def _rejection(reason: Reason, block: LineBlock, line: int, detail: str, count: int = 1) -> Rejection:
    number = int(line)
    return Rejection(
        reason=reason, position=block.position(number), detail=detail, raw=block.raw(number), count=int(count)
    )


def _runs(flags: Flags) -> Iterator[tuple[int, int]]:
    """Half-open runs of true flags.

    >>> list(_runs(np.array([True, True, False, True])))
    [(0, 2), (3, 4)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
