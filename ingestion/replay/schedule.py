"""Orders virtual readings by event time, and keeps the position in that order. Pure but for the reader that it pulls
from.

Each track is a cursor over the reader's blocks; the schedule merges the cursors by event time. A position names, for
each cursor, the round, the block and the row that come next, so a schedule resumed there yields exactly the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from gridflex.domain.readings import MS_PER_DAY, Floats, Indexes, Ints, ReadingBlock, Rejection
from ingestion.feeds import Reader
from ingestion.replay.timeline import Span, Track


@dataclass(frozen=True, slots=True, kw_only=True)
class CursorPosition:
    """The next round, block and row of one track."""

    round: int = 0
    block: int = 0
    row: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Virtual readings that are sent together; arrays of shape (n,)."""

    series: Indexes
    """``shift index * number of source series + source series``."""
    event_time_ms: Ints
    source_time_ms: Ints
    power_w: Floats
    observed_s: Floats
    rejections: tuple[tuple[Rejection, int], ...]
    """Each with the number of virtual houses that it concerns."""
    positions: tuple[CursorPosition, ...]
    """Where the schedule stands after this slice."""

    def __len__(self) -> int:
        return len(self.series)


class Cursor:
    """The position of one track in the data, round by round."""

    def __init__(self, reader: Reader, track: Track, span: Span, shifts: Sequence[int], start: CursorPosition) -> None:
        self._reader = reader
        self._track = track
        self._skip_before_ms = (span.first_day + track.start_day) * MS_PER_DAY
        self._series_of_clone = np.array([shifts.index(c.shift) for c in track.clones]) * len(reader.series)
        self._offset_ms = np.array([c.offset_days * MS_PER_DAY for c in track.clones], dtype=np.int64)
        self.clones = len(track.clones)
        self.position = start
        self._blocks: Iterator[ReadingBlock] | None = None
        self.block: ReadingBlock | None = None

    def load(self) -> bool:
        """Load a block with unread rows; False at the end of the last round."""
        while self.block is None:
            if self._blocks is None:
                self._blocks = self._open()
            self.block = next(self._blocks, None)
            if self.block is None:
                if self._track.period_days is None:
                    return False
                self.position = CursorPosition(round=self.position.round + 1)
                self._blocks = None
            else:
                self._drop_before_start()
        return True

    def _open(self) -> Iterator[ReadingBlock]:
        return islice(self._reader.blocks(), self.position.block, None)

    def _drop_before_start(self) -> None:
        if self.position.round or self.block is None or self.position.row or not self._track.start_day:
            return
        row = self._first_row()
        if row and row == len(self.block):
            self._next_block()
        else:
            self.position = CursorPosition(round=0, block=self.position.block, row=row)

    def _first_row(self) -> int:
        """The first row of the block that is played in this round."""
        assert self.block is not None  # noqa: S101 - callers load() first
        if self.position.round or not self._track.start_day:
            return 0
        return int(np.searchsorted(self.block.source_time_ms, self._skip_before_ms))

    def times_ms(self) -> Ints:
        """Event times of the first clone for the unread rows of the block, UTC epoch."""
        assert self.block is not None  # noqa: S101 - callers load() first
        times: Ints = self.block.source_time_ms[self.position.row :] + (self._round_ms() + self._offset_ms[0])
        return times

    def take(self, rows: int) -> tuple[tuple[Ints, ...], tuple[Floats, ...], tuple[tuple[Rejection, int], ...]]:
        """The next rows of the block for all clones: (series, event, source), (power, observed), rejections."""
        block, first = self.block, self.position.row
        assert block is not None  # noqa: S101
        part = slice(first, first + rows)
        source = block.source_time_ms[part]
        event = (source[:, None] + (self._offset_ms + self._round_ms())).ravel()
        series = (block.series[part].astype(np.int64)[:, None] + self._series_of_clone).ravel()
        rejections = block.rejections if (rows or first == len(block)) and first == self._first_row() else ()
        self.position = CursorPosition(round=self.position.round, block=self.position.block, row=first + rows)
        if first + rows == len(block):
            self._next_block()
        return (
            (series, event, np.repeat(source, self.clones)),
            (np.repeat(block.power_w[part], self.clones), np.repeat(block.observed_s[part], self.clones)),
            tuple((rejection, self.clones) for rejection in rejections),
        )

    def _next_block(self) -> None:
        self.position = CursorPosition(round=self.position.round, block=self.position.block + 1)
        self.block = None

    def _round_ms(self) -> int:
        return self.position.round * (self._track.period_days or 0) * MS_PER_DAY


class Schedule:
    """Merges the tracks' cursors by event time."""

    def __init__(
        self,
        reader: Reader,
        tracks: Sequence[Track],
        span: Span,
        shifts: Sequence[int],
        start: Sequence[CursorPosition] = (),
    ) -> None:
        positions = start or [CursorPosition()] * len(tracks)
        self._cursors = [
            Cursor(reader, track, span, shifts, position) for track, position in zip(tracks, positions, strict=True)
        ]

    def next_time_ms(self) -> int | None:
        """Event time of the next reading, on the first clone's calendar; None at the end."""
        loaded = [cursor for cursor in self._cursors if cursor.load()]
        times = [int(times[0]) for cursor in loaded if len(times := cursor.times_ms())]
        return min(times, default=0) if loaded else None

    def take(self, *, until_ms: int | None, at_most: int) -> Slice | None:
        """The next readings up to and including ``until_ms``, about ``at_most`` of them; None at the end.

        A slice may be empty when nothing is due yet.
        """
        cursors = [cursor for cursor in self._cursors if cursor.load()]
        if not cursors:
            return None
        times = [cursor.times_ms() for cursor in cursors]
        share = max(1, at_most // sum(cursor.clones for cursor in cursors))
        limit = min((int(t[min(share, len(t)) - 1]) for t in times if len(t)), default=0)
        if until_ms is not None:
            limit = min(limit, until_ms)
        parts = [
            cursor.take(min(share, int(np.searchsorted(t, limit, side="right"))))
            if len(cursors) == 1
            else cursor.take(int(np.searchsorted(t, limit, side="right")))
            for cursor, t in zip(cursors, times, strict=True)
        ]
        return self._join(parts)

    def _join(
        self, parts: Sequence[tuple[tuple[Ints, ...], tuple[Floats, ...], tuple[tuple[Rejection, int], ...]]]
    ) -> Slice:
        series, event, source = (np.concatenate([ints[i] for ints, _, _ in parts]) for i in range(3))
        power, observed = (np.concatenate([floats[i] for _, floats, _ in parts]) for i in range(2))
        if len(parts) > 1:
            order = np.argsort(event, kind="stable")
            series, event, source = series[order], event[order], source[order]
            power, observed = power[order], observed[order]
        return Slice(
            series=series.astype(np.int32),
            event_time_ms=event,
            source_time_ms=source,
            power_w=power,
            observed_s=observed,
            rejections=tuple(rejection for _, _, rejections in parts for rejection in rejections),
            positions=tuple(cursor.position for cursor in self._cursors),
        )
