"""Order of time within a file: put right within bounds, late beyond, and the same however the file is cut."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gridflex.domain.readings import ReadingBlock, Reason, Rejection
from ingestion.parsing.line_blocks import LineBlock
from ingestion.parsing.row_validation import ABSENT, Rows
from ingestion.parsing.sequence import Sequence
from tests.support.examples import examples

REORDER_S = 10.0
GAP_S = 6.0


def fold(rows: list[tuple[int, tuple[float, ...]]], cuts: list[int]) -> tuple[list[ReadingBlock], list[Rejection]]:
    """Push rows of (second, values) in chunks; each row is a line of its own."""
    width = len(rows[0][1]) if rows else 1
    sequence = Sequence(first_series=4, series=width, reorder_s=REORDER_S, max_gap_s=GAP_S)
    blocks, rejections = [], []
    borders = [0, *sorted({cut % (len(rows) + 1) for cut in cuts}), len(rows)]
    for start, end in pairwise(borders):
        part = rows[start:end]
        block = LineBlock(b"".join(b"%d\n" % time for time, _ in part), name="f", first_line=start + 1)
        chunk = Rows(
            time_ms=np.array([time * 1000 for time, _ in part], dtype=np.int64),
            values=np.array([values for _, values in part], dtype=np.float64).reshape(len(part), width),
            line=np.arange(start + 1, end + 1, dtype=np.int64),
        )
        ready, rejected = sequence.push(chunk, block)
        blocks.append(ready)
        rejections += rejected
    return [*blocks, sequence.finish()], rejections


def reference(rows: list[tuple[int, tuple[float, ...]]]) -> tuple[list[tuple[int, int, float, float]], Counter[str]]:
    """The same, one row at a time: (second, series, W, observed s), and the counts of rejected readings."""
    rejected: Counter[str] = Counter()
    kept: dict[int, tuple[float, ...]] = {}
    latest = None
    for time, values in rows:
        latest = time if latest is None else max(latest, time)
        readings = sum(np.isfinite(values))
        if time < latest - REORDER_S:
            rejected[Reason.LATE] += readings
        elif time in kept:
            rejected[Reason.DUPLICATE_TIME] += readings
        else:
            kept[time] = values
    readings_out = []
    previous: dict[int, int | None] = {}
    for time in sorted(kept):
        for series, value in enumerate(kept[time], start=4):
            if np.isnan(value):
                previous[series] = None
            elif value != ABSENT:
                last = previous.get(series)
                elapsed = time - last if last is not None else 0
                readings_out.append((time, series, value, float(elapsed if elapsed <= GAP_S else 0)))
                previous[series] = time
    return readings_out, +rejected


VALUE = st.sampled_from([1.0, 2.0, 3.0, float("nan"), ABSENT])
ROWS = st.integers(1, 3).flatmap(
    lambda width: st.lists(st.tuples(st.integers(-8, 12), st.tuples(*[VALUE] * width)), max_size=40)
)


@settings(max_examples=examples(200))
@given(steps=ROWS, cuts=st.lists(st.integers(0, 100), max_size=6))
def test_sequence__equals_one_row_at_a_time_however_it_is_cut(
    steps: list[tuple[int, tuple[float, ...]]], cuts: list[int]
) -> None:
    time, rows = 1000, []
    for step, values in steps:
        time += step
        rows.append((time, values))
    blocks, rejections = fold(rows, cuts)
    found = [
        (time_ms // 1000, series, power_w, observed)
        for block in blocks
        for time_ms, series, power_w, observed in zip(
            block.source_time_ms.tolist(),
            block.series.tolist(),
            block.power_w.tolist(),
            block.observed_s.tolist(),
            strict=True,
        )
    ]
    expected, rejected = reference(rows)
    assert found == expected
    counts: Counter[str] = Counter()
    for rejection in rejections:
        counts[rejection.reason] += rejection.count
        assert rejection.raw == b"%d" % rows[int(rejection.position.partition(":")[2]) - 1][0]
    assert counts == rejected
    assert len(found) + counts.total() == sum(int(np.isfinite(values).sum()) for _, values in rows)


def test_sequence__holds_back_no_more_than_may_still_be_preceded() -> None:
    blocks, _ = fold([(second, (1.0,)) for second in range(100)], cuts=[50])
    assert [len(block) for block in blocks] == [39, 50, 11]


def test_sequence__a_gap_of_a_month_delays_nothing() -> None:
    blocks, rejections = fold([(1, (1.0,)), (2, (1.0,)), (31 * 86_400, (1.0,)), (31 * 86_400 + 1, (1.0,))], cuts=[3])
    assert [len(block) for block in blocks] == [2, 0, 2]
    assert blocks[2].observed_s.tolist() == [0.0, 1.0]
    assert rejections == []


def test_sequence__exactly_as_late_as_allowed_is_in_time() -> None:
    rows = [
        (100, (1.0,)),
        (110, (2.0,)),
        (100 - 1, (3.0,)),
        (100 + 0, (4.0,)),
        (120, (5.0,)),
        (110 + 0, (6.0,)),
        (111, (7.0,)),
    ]
    blocks, rejections = fold(rows, cuts=list(range(8)))
    assert sorted(time for block in blocks for time in block.source_time_ms.tolist()) == [
        100_000,
        110_000,
        111_000,
        120_000,
    ]
    assert [one.reason for one in rejections] == [Reason.LATE, Reason.DUPLICATE_TIME, Reason.DUPLICATE_TIME]
