"""Finds the rows of a logger whose clock stood wrong for a while: rows far ahead that the rows behind them take back.

::

    file order   10:00  10:01  22:00  22:01  10:04  10:05 ...     two rows ahead are overruled: bad_time
    file order   10:00  10:01  22:00  22:01  22:02  22:03 ...     nothing takes them back: a gap

Rows in file order fall into *runs*: a row more than ``reorder_s`` ahead of or behind the latest one of its run begins
the next. From the first such row on, rows are held until a run has more than ``LONGEST_ERROR_ROWS`` of them; then the
runs that agree on one order of time and have the most rows win (``ingestion.parsing.runs``). All of it counts rows, so
nothing depends on how the file is cut into blocks. A row that only lags behind is left to ``Sequence``: it is late.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby

import numpy as np

from gridflex.domain.readings import MS_PER_S, Flags, Reason, Rejection
from gridflex.errors import SourceError
from ingestion.parsing.line_blocks import LineBlock
from ingestion.parsing.row_validation import Rows
from ingestion.parsing.runs import Run, at_the_edge, overruled

LONGEST_ERROR_ROWS = 1024
"""Wrong times of up to so many rows in a row are found."""
_HELD_ROWS = 4 * LONGEST_ERROR_ROWS
"""When no run is long, the first half of so many rows is decided on: room for an error and for what takes it back."""
_BACKWARD_PART = 0.9
"""Of a file's first rows: more steps back than this, and the file is in descending order."""
_FEW_ROWS = 10


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows of one block that may go on, and what was rejected before or among them."""

    rows: Rows
    block: LineBlock
    rejections: list[Rejection] = field(default_factory=list)


class Clock:
    """The rows of one logger, less those whose clock stood ahead."""

    def __init__(self, *, reorder_s: float, max_gap_s: float, edges: bool) -> None:
        """``edges``: whether a few rows far from all others at the file's begin or end are wrong, too."""
        self._reorder_ms = round(reorder_s * MS_PER_S)
        self._max_gap_ms = round(max_gap_s * MS_PER_S)
        self._edges = edges
        self._accepted: Run | None = None
        """The run that the latest time of all rows accepted belongs to."""
        self._latest_ms: int = 0
        """The latest time of the run under way."""
        self._held: list[Piece] = []
        self._runs: list[Run] = []
        self.breaks = 0
        """How many runs there were but for the first."""

    def push(self, rows: Rows, block: LineBlock) -> list[Piece]:
        """Take the next rows of the file; return those that are decided on. Raises ``SourceError`` on a reversed file.

        A piece comes back for each call, if only an empty one.
        """
        out: list[Piece] = []
        at = 0
        while at < len(rows):
            if self._accepted and not self._runs:
                end = self._next_break(rows, at, len(rows))
                if end > at:
                    out.append(Piece(rows.take(slice(at, end)), block))
                    start_ms, latest_ms, count = self._accepted
                    self._latest_ms = max(self._latest_ms, int(out[-1].rows.time_ms.max()))
                    self._accepted = Run(start_ms, max(latest_ms, self._latest_ms), count + end - at)
                if end < len(rows):
                    self._begin_run(rows, end)
                at = end
            else:
                at = self._hold(rows, at, block)
                out += self._decided()
        return _by_block(out) or [Piece(rows.take(slice(0, 0)), block)]

    def finish(self) -> list[Piece]:
        """What is still held, at the end of the file."""
        return _by_block(self._decide(rows=sum(run.rows for run in self._runs), at_end=True))

    def _hold(self, rows: Rows, at: int, block: LineBlock) -> int:
        """Hold rows up to where something can be decided, or the next run begins; return where that is."""
        if not self._runs:
            self._begin_run(rows, at)
        run = self._runs[-1]
        room = min(LONGEST_ERROR_ROWS + 1 - run.rows, _HELD_ROWS - sum(one.rows for one in self._runs))
        end = self._next_break(rows, at, min(len(rows), at + room))
        if end > at:
            self._held.append(Piece(rows.take(slice(at, end)), block))
            self._latest_ms = max(self._latest_ms, int(rows.time_ms[at:end].max()))
            self._runs[-1] = Run(run.start_ms, self._latest_ms, run.rows + end - at)
        if end < min(len(rows), at + room):
            self._begin_run(rows, end)
        return end

    def _begin_run(self, rows: Rows, at: int) -> None:
        self._latest_ms = int(rows.time_ms[at])
        self._runs.append(Run(self._latest_ms, self._latest_ms, 0))
        self.breaks += self._accepted is not None or len(self._runs) > 1

    def _next_break(self, rows: Rows, at: int, end: int) -> int:
        """The first row from ``at`` on that does not belong to the run under way, else ``end``."""
        times = rows.time_ms[at:end]
        if len(times) == 0:
            return end
        before = np.empty_like(times)
        before[0] = self._latest_ms
        before[1:] = times[:-1]
        step = times - before
        if step.min() >= 0 and step.max() <= self._reorder_ms:
            return end
        before = np.maximum.accumulate(before)
        off = np.flatnonzero(np.abs(times - before) > self._reorder_ms)
        return at + int(off[0]) if len(off) else end

    def _decided(self) -> list[Piece]:
        held = sum(run.rows for run in self._runs)
        if self._runs[-1].rows > LONGEST_ERROR_ROWS:
            return self._decide(rows=held, at_end=False)
        if held < _HELD_ROWS:
            return []
        early = 0
        for run in self._runs[:-1]:
            if early >= _HELD_ROWS // 2:
                break
            early += run.rows
        return self._decide(rows=early, at_end=False)

    def _decide(self, *, rows: int, at_end: bool) -> list[Piece]:
        """Let go of the first ``rows`` rows held, which are whole runs, without those that are overruled."""
        if not self._runs:
            return []
        if self._accepted is None:
            self._refuse_descending()
        wrong = overruled(self._runs, self._accepted, reorder_ms=self._reorder_ms, gap_ms=self._max_gap_ms)
        if self._edges:
            wrong |= at_the_edge(
                self._runs,
                wrong,
                after=self._accepted,
                at_begin=rows == sum(run.rows for run in self._runs),
                at_end=at_end,
            )
        counts = [run.rows for run in self._runs]
        gone = int(np.searchsorted(np.cumsum(counts), rows, side="right"))
        for run, bad in zip(self._runs[:gone], wrong, strict=False):
            if not bad and (self._accepted is None or run.latest_ms > self._accepted.latest_ms):
                self._accepted = run
        self._runs = self._runs[gone:]
        return self._let_go(np.repeat(wrong, counts)[:rows])

    def _let_go(self, wrong: Flags) -> list[Piece]:
        """Take so many rows out of those held: the good ones as pieces, the others as their rejections."""
        out: list[Piece] = []
        at = 0
        while at < len(wrong):
            piece = self._held.pop(0)
            count = min(len(piece.rows), len(wrong) - at)
            if count < len(piece.rows):
                self._held.insert(0, Piece(piece.rows.take(slice(count, None)), piece.block))
            rows, bad = piece.rows.take(slice(0, count)), wrong[at : at + count]
            out.append(Piece(rows.take(~bad), piece.block, _rejected(rows, bad, piece.block) if bad.any() else []))
            at += count
        return out

    def _refuse_descending(self) -> None:
        times = np.concatenate([piece.rows.time_ms for piece in self._held])
        if len(times) < _FEW_ROWS or len(self._runs) == 1:
            return
        if np.count_nonzero(np.diff(times) < 0) > _BACKWARD_PART * (len(times) - 1):
            block, line = self._held[0].block, int(self._held[0].rows.line[0])
            seen = ", ".join(f"{time_ms / MS_PER_S:.15g}" for time_ms in times[:3])
            raise SourceError(
                f"{block.position(line)}: the rows run back in time ({seen} s, ...); expected the earliest first: "
                f"sort -n {block.name}"
            )


def _by_block(pieces: list[Piece]) -> list[Piece]:
    """The same rows and rejections, in one piece for each block."""
    out: list[Piece] = []
    for _, group in groupby(pieces, key=lambda piece: id(piece.block)):
        first, *others = group
        if others:
            rows = [piece.rows for piece in (first, *others)]
            together = Rows(
                time_ms=np.concatenate([one.time_ms for one in rows]),
                values=np.concatenate([one.values for one in rows]),
                line=np.concatenate([one.line for one in rows]),
            )
            rejections = [rejection for piece in (first, *others) for rejection in piece.rejections]
            first = Piece(together, first.block, rejections)
        out.append(first)
    return out


def _rejected(rows: Rows, bad: Flags, block: LineBlock) -> list[Rejection]:
    """One rejection for each stretch of rows that is wrong."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], bad, [False])).astype(np.int8)))
    found = []
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        number = int(rows.line[start])
        detail = (
            f"found time {rows.time_ms[start] / MS_PER_S:.3f} s, to line {rows.line[end - 1]}: "
            "the rows around it stand elsewhere in time, and they are more"
        )
        count = int(np.isfinite(rows.values[start:end]).sum())
        if count:
            found.append(
                Rejection(
                    reason=Reason.BAD_TIME,
                    position=block.position(number),
                    detail=detail,
                    raw=block.raw(number),
                    count=count,
                )
            )
    return found
