"""Merges many files, each already in order of time, into one order of time, in bounded memory.

Every feed has a frontier: the time of the last reading it has handed over. What lies at or before the earliest frontier
can go out, because nothing can precede it any more::

    feed 0   =========|            frontier 9
    feed 1   =====|                frontier 5   <- the earliest: all readings up to 5 go out
    feed 2          ==|            frontier 9
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from gridflex.domain.readings import ReadingBlock, Rejection

BLOCK_ROWS = 65_536
"""Most readings in a block."""
SMALL_BLOCK_ROWS = 16_384
"""A smaller rest waits for the next readings, unless there are none."""
ROUND_ROWS = 500_000
"""About as many readings are sorted at once."""
MANY_REJECTIONS = 10_000
"""So many rejections go out even without readings."""

_ALWAYS = 1 << 62

Feed = Iterator[ReadingBlock]
"""Readings of some series in order of time and then of series, with the rejections met on the way."""

EMPTY = ReadingBlock(
    series=np.zeros(0, dtype=np.int32),
    source_time_ms=np.zeros(0, dtype=np.int64),
    power_w=np.zeros(0),
    observed_s=np.zeros(0),
)


def merge(feeds: Iterable[Feed]) -> Iterator[ReadingBlock]:
    """One sequence of blocks in order of time, then of series. Feeds come in the order of their series."""
    live = [_Buffer(feed) for feed in feeds]
    rest, rejections = EMPTY, list[Rejection]()
    while live:
        for buffer in live:
            rejections += buffer.refill()
        for until in _steps(live):
            ready = joined([rest, *(buffer.take(until) for buffer in live)])
            live = [buffer for buffer in live if not buffer.empty]
            start = 0
            while len(ready) - start >= (SMALL_BLOCK_ROWS if live else 1):
                yield part(ready, slice(start, start + BLOCK_ROWS), rejections)
                start, rejections = start + BLOCK_ROWS, []
            rest = part(ready, slice(start, None))
        if len(rejections) >= MANY_REJECTIONS or (rejections and not live):
            yield part(rest, slice(0, 0), rejections)
            rejections = []


def _steps(live: list[_Buffer]) -> list[int]:
    """Times up to which readings can go out in turn: the earliest frontier, before it some if much lies before it."""
    frontier = min((buffer.frontier for buffer in live if not buffer.ended), default=_ALWAYS)
    ready = [part for buffer in live if len(part := buffer.until(frontier))]
    count = sum(len(part) for part in ready) // ROUND_ROWS + 1
    first = min((int(part.source_time_ms[0]) for part in ready), default=0)
    last = max((int(part.source_time_ms[-1]) for part in ready), default=0)
    return [*(first + (last - first) * step // count for step in range(1, count)), frontier]


class _Buffer:
    """What one feed has handed over and is not out yet."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._block = EMPTY
        self._enough = 1
        self.frontier = -_ALWAYS
        self.ended = False

    @property
    def empty(self) -> bool:
        """Whether nothing is left, here or in the feed."""
        return self.ended and len(self._block) == 0

    def refill(self) -> list[Rejection]:
        """Pull until at least half of a pull's readings are here; return the rejections met."""
        rejections: list[Rejection] = []
        while not self.ended and len(self._block) < self._enough and len(rejections) < MANY_REJECTIONS:
            pulled = next(self._feed, None)
            if pulled is None:
                self.ended = True
                break
            rejections += pulled.rejections
            if len(pulled):
                self._enough = max(1, len(pulled) // 2)
                self.frontier = int(pulled.source_time_ms[-1])
                self._block = _concatenated([self._block, pulled])
        return rejections

    def until(self, time_ms: int) -> ReadingBlock:
        """The readings up to and at ``time_ms``."""
        return part(self._block, slice(0, int(np.searchsorted(self._block.source_time_ms, time_ms, side="right"))))

    def take(self, time_ms: int) -> ReadingBlock:
        """Remove the readings up to and at ``time_ms``."""
        taken = self.until(time_ms)
        self._block = part(self._block, slice(len(taken), None))
        return taken


def joined(blocks: list[ReadingBlock]) -> ReadingBlock:
    """Blocks in one order of time, of equal times in the order given; their rejections are left out."""
    whole = _concatenated([block for block in blocks if len(block)] or [EMPTY])
    return part(whole, np.argsort(whole.source_time_ms, kind="stable"))


def part(block: ReadingBlock, which: slice | np.ndarray, rejections: list[Rejection] | tuple[()] = ()) -> ReadingBlock:
    """Some of a block's readings, with other rejections."""
    return ReadingBlock(
        series=block.series[which],
        source_time_ms=block.source_time_ms[which],
        power_w=block.power_w[which],
        observed_s=block.observed_s[which],
        rejections=rejections,
    )


def _concatenated(blocks: list[ReadingBlock]) -> ReadingBlock:
    if len(blocks) == 1:
        return blocks[0]
    return ReadingBlock(
        series=np.concatenate([block.series for block in blocks]),
        source_time_ms=np.concatenate([block.source_time_ms for block in blocks]),
        power_w=np.concatenate([block.power_w for block in blocks]),
        observed_s=np.concatenate([block.observed_s for block in blocks]),
    )
