"""Puts the rows of one file or building into the order of time, within bounds, and measures the time between them.

::

    file order   10  13  16  12  19 ...  150  22        reorder_s = 120
    time order   10  12  13  16  19 ...  150            22 is more than 120 s behind 150: late
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from gridflex.config import Readings
from gridflex.domain.readings import MS_PER_S, Floats, Ints, ReadingBlock, Reason, Rejection, observed_s
from ingestion.parsing.clock import Clock, Piece
from ingestion.parsing.line_blocks import LineBlock
from ingestion.parsing.row_validation import Rows

_NEVER = -(1 << 62)


class Sequence:
    """The rows of one logger: it holds back those that an allowed late one may still precede."""

    def __init__(self, *, first_series: int, series: int, reorder_s: float, max_gap_s: float) -> None:
        self._series = np.arange(first_series, first_series + series, dtype=np.int32)
        self._reorder_ms = round(reorder_s * MS_PER_S)
        self._max_gap_s = max_gap_s
        self._latest_ms: int = _NEVER
        self._held = Rows(
            time_ms=np.zeros(0, dtype=np.int64), values=np.zeros((0, series)), line=np.zeros(0, dtype=np.int64)
        )
        self._previous_ms: list[int | None] = [None] * series

    def push(self, rows: Rows, block: LineBlock) -> tuple[ReadingBlock, list[Rejection]]:
        """Take the next rows of the file; return the readings that no later row can precede, and what was rejected."""
        rows, rejections = self._without_late(rows, block)
        if len(rows):
            self._latest_ms = max(self._latest_ms, int(rows.time_ms.max()))
        rows, repeated = self._merged(rows, block)
        ready = int(np.searchsorted(rows.time_ms, self._latest_ms - self._reorder_ms))
        self._held = rows.take(slice(ready, None))
        return self._readings(rows.take(slice(0, ready))), [*rejections, *repeated]

    def finish(self) -> ReadingBlock:
        """The readings held back, at the end of the file."""
        rows, self._held = self._held, self._held.take(slice(0, 0))
        return self._readings(rows)

    def _without_late(self, rows: Rows, block: LineBlock) -> tuple[Rows, list[Rejection]]:
        if len(rows) == 0:
            return rows, []
        latest = np.maximum.accumulate(np.maximum(rows.time_ms, self._latest_ms))
        late = rows.time_ms < latest - self._reorder_ms
        if not late.any():
            return rows, []
        rejections = [
            _rejected(
                Reason.LATE,
                rows,
                row,
                block,
                f"{(latest[row] - rows.time_ms[row]) / MS_PER_S:g} s behind, allowed {self._reorder_ms / MS_PER_S:g} s",
            )
            for row in np.flatnonzero(late)
        ]
        return rows.take(~late), [rejection for rejection in rejections if rejection.count]

    def _merged(self, rows: Rows, block: LineBlock) -> tuple[Rows, list[Rejection]]:
        """The rows held and the new ones in order of time; of equal times the first in the file."""
        held = len(self._held)
        time_ms = np.concatenate((self._held.time_ms, rows.time_ms))
        both = Rows(
            time_ms=time_ms,
            values=np.concatenate((self._held.values, rows.values)),
            line=np.concatenate((self._held.line, rows.line)),
        )
        if np.all(time_ms[1:] > time_ms[:-1]):
            return both, []
        order = np.argsort(time_ms, kind="stable")
        ordered = both.take(order)
        repeated = np.concatenate(([False], ordered.time_ms[1:] == ordered.time_ms[:-1]))
        rejections = [
            _rejected(Reason.DUPLICATE_TIME, rows, row, block, f"a second row at {rows.time_ms[row]} ms")
            for row in np.sort(order[repeated]) - held
        ]
        return ordered.take(~repeated), [rejection for rejection in rejections if rejection.count]

    def _readings(self, rows: Rows) -> ReadingBlock:
        """The rows' good values, one after the other, with the time that each stands for."""
        observed = np.column_stack(
            [self._observed(rows.time_ms, rows.values[:, column], column) for column in range(len(self._series))]
        )
        good = np.isfinite(rows.values)
        width = len(self._series)
        return ReadingBlock(
            series=np.broadcast_to(self._series, good.shape)[good],
            source_time_ms=np.repeat(rows.time_ms, good.sum(axis=1)) if width > 1 else rows.time_ms[good[:, 0]],
            power_w=rows.values[good],
            observed_s=observed[good],
        )

    def _observed(self, time_ms: Ints, power_w: Floats, column: int) -> Floats:
        """Shape (n,), 0 where there is no reading, and after a missing value."""
        good = np.isfinite(power_w)
        missing = np.isnan(power_w)
        times = time_ms[good]
        elapsed = np.zeros(len(time_ms))
        if len(times):
            elapsed[good] = observed_s(times, previous_ms=self._previous_ms[column], max_gap_s=self._max_gap_s)
            self._previous_ms[column] = int(times[-1])
        if missing.any():
            seen = np.cumsum(missing)[good]
            after_missing = np.diff(seen, prepend=0) > 0
            elapsed[np.flatnonzero(good)[after_missing]] = 0.0
            if not len(times) or missing[np.flatnonzero(good)[-1] :].any():
                self._previous_ms[column] = None
        return elapsed


class TimeOrder:
    """The rows of one logger in the order of time: its wrong clock values found first, then what is late."""

    def __init__(self, *, first_series: int, series: int, limits: Readings, edges: bool) -> None:
        """``edges``: see ``Clock``."""
        self.clock = Clock(reorder_s=limits.reorder_s, max_gap_s=limits.max_gap_s, edges=edges)
        self._sequence = Sequence(
            first_series=first_series, series=series, reorder_s=limits.reorder_s, max_gap_s=limits.max_gap_s
        )

    def push(self, rows: Rows, block: LineBlock, rejections: Iterable[Rejection]) -> list[ReadingBlock]:
        """Take the next rows of the file with the rejections met on the way; return what is ready of these and more."""
        return self._ordered(self.clock.push(rows, block), rejections)

    def finish(self) -> list[ReadingBlock]:
        """The readings held back, at the end of the file."""
        return [*self._ordered(self.clock.finish(), []), self._sequence.finish()]

    def _ordered(self, pieces: Iterable[Piece], rejections: Iterable[Rejection]) -> list[ReadingBlock]:
        ready = []
        for piece in pieces:
            block, late = self._sequence.push(piece.rows, piece.block)
            ready.append(replace(block, rejections=[*rejections, *piece.rejections, *late]))
            rejections = []
        return ready


def _rejected(reason: Reason, rows: Rows, row: np.intp, block: LineBlock, detail: str) -> Rejection:
    number = int(rows.line[row])
    return Rejection(
        reason=reason,
        position=block.position(number),
        detail=detail,
        raw=block.raw(number),
        count=int(np.isfinite(rows.values[row]).sum()),
    )
