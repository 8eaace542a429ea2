"""Determines which stretches of a logger's rows agree on one order of time, and which are overruled. Pure.

::

    runs       A: 900 rows to 10:00    B: 10 rows at 22:00    C: 30 rows from 10:01
    in order   A, B or A, C; C goes on where A ended and has more rows: B is overruled
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from gridflex.domain.readings import MS_PER_S, Flags, Ints

EDGE_ROWS = 100
"""At a file's begin or end so many rows, far from all others, are taken for wrong."""
_EDGE_GAP_MS = 900 * MS_PER_S
_EDGE_OTHERS = 10
"""... if the run next to them has so many times as many."""
_ESTABLISHED_ROWS = 10
"""A run of fewer says nothing about what goes on."""
_NEVER = -(1 << 62)
_ALWAYS = 1 << 62


class Run(NamedTuple):
    """Consecutive rows, none far from the latest before it."""

    start_ms: int
    latest_ms: int
    rows: int


_NOTHING = Run(_NEVER, _NEVER, 0)


def overruled(runs: Sequence[Run], after: Run | None, *, reorder_ms: int, gap_ms: int) -> Flags:
    """Which runs stand ahead of others that have more rows, or that go on where an earlier one ended: shape (runs,).

    ``after``: the latest run that is decided already; ``reorder_ms``: what a row may lag; ``gap_ms``: the longest step
    between two rows. A run that is behind is not among them.

    >>> ahead = [Run(0, 100, 40), Run(9000, 9010, 3), Run(110, 120, 2)]
    >>> overruled(ahead, None, reorder_ms=20, gap_ms=10).tolist()
    [False, True, False]
    >>> overruled(ahead[:2], None, reorder_ms=20, gap_ms=10).tolist()
    [False, False]
    """
    if len(runs) == 1:
        return np.zeros(1, dtype=np.bool_)
    start, latest, rows = (np.array(column, dtype=np.int64) for column in zip(after or _NOTHING, *runs, strict=True))
    chosen = _chain(start, latest, rows, reorder_ms=reorder_ms, gap_ms=gap_ms)
    start, latest = start[1:], latest[1:]
    from_here = np.where(chosen, start, _ALWAYS)
    next_start = np.append(np.minimum.accumulate(from_here[::-1])[::-1][1:], _ALWAYS)
    ahead: Flags = ~chosen & (latest > next_start + reorder_ms)
    return ahead


def _chain(start: Ints, latest: Ints, rows: Ints, *, reorder_ms: int, gap_ms: int) -> Flags:
    """Those of the runs after the first, which is decided, that have the most rows and are in one order of time.

    A run that goes on where an earlier one ended, with others between them, counts for more: by the rows of the longer.
    """
    count = len(start)
    weight = np.where(rows < _ESTABLISHED_ROWS, 0, np.minimum(rows, EDGE_ROWS))
    before = np.cumsum(rows) - rows
    best = np.zeros(count, dtype=np.int64)
    previous = np.zeros(count, dtype=np.int64)
    for run in range(1, count):
        step = start[run] - latest[:run]
        between = before[run] - before[:run] - rows[:run]
        returned = (between > 0) & (np.abs(step) <= reorder_ms + gap_ms * between)
        score = np.where(
            (step >= -reorder_ms) & (best[:run] >= 0), best[:run] + np.maximum(weight[:run], weight[run]) * returned, -1
        )
        previous[run] = int(np.argmax(score))
        best[run] = score[previous[run]] + rows[run] if score[previous[run]] >= 0 else -1
    chosen = np.zeros(count, dtype=np.bool_)
    run = int(np.argmax(best))
    while run:
        chosen[run] = True
        run = int(previous[run])
    return chosen[1:]


def at_the_edge(
    runs: Sequence[Run],
    wrong: Flags,
    *,
    after: Run | None,
    at_begin: bool,
    at_end: bool,
) -> Flags:
    """Which runs are a few rows far from all others, at the begin or the end of the file: shape (runs,).

    ``after``: the latest run that is decided already; ``at_begin``: whether all that is next to the file's first rows
    is here; ``at_end``: whether the file ends here.
    """
    found = np.zeros(len(runs), dtype=np.bool_)
    latest_ms = (after or _NOTHING).latest_ms
    kept = []
    for index, run in enumerate(runs):
        if not wrong[index] and run.latest_ms > latest_ms:
            kept.append(index)
            latest_ms = run.latest_ms
    if at_begin and after is None:
        few = 0
        for place, (index, following) in enumerate(pairwise(kept)):
            few += runs[kept[place]].rows
            if _apart(few, runs[following].rows, runs[following].start_ms - runs[index].latest_ms):
                found[kept[: place + 1]] = True
    if at_end:
        few = 0
        for place in range(len(kept) - 1, -1, -1):
            few += runs[kept[place]].rows
            earlier = runs[kept[place - 1]] if place else after
            if earlier and _apart(few, earlier.rows, runs[kept[place]].start_ms - earlier.latest_ms):
                found[kept[place:]] = True
    return found


def _apart(few: int, others: int, gap_ms: int) -> bool:
    return few <= EDGE_ROWS and others >= _EDGE_OTHERS * few and gap_ms > _EDGE_GAP_MS
