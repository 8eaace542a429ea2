"""Merging of feeds: one order, nothing lost, bounded memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridflex.domain.readings import ReadingBlock, Reason, Rejection
from ingestion.parsing import merge as module
from ingestion.parsing.merge import merge
from tests.support.examples import examples


def block(times: list[int], series: int, rejected: int = 0) -> ReadingBlock:
    count = len(times)
    rejection = Rejection(reason=Reason.MISSING, position="f:1", detail="", raw=b"")
    return ReadingBlock(
        series=np.full(count, series, dtype=np.int32),
        source_time_ms=np.array(times, dtype=np.int64),
        power_w=np.array(times, dtype=np.float64) + series / 100,
        observed_s=np.zeros(count),
        rejections=[rejection] * rejected,
    )


FEEDS = st.lists(
    st.lists(st.tuples(st.lists(st.integers(1, 9), max_size=6), st.integers(0, 2)), max_size=6), max_size=5
)


@pytest.mark.parametrize("sizes", [(7, 3), (65_536, 16_384)])
def test_merge__is_one_sort_of_all(sizes: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK_ROWS", sizes[0])
    monkeypatch.setattr(module, "SMALL_BLOCK_ROWS", sizes[1])
    monkeypatch.setattr(module, "ROUND_ROWS", sizes[1])

    @settings(max_examples=examples(100))
    @given(feeds=FEEDS)
    def check(feeds: list[list[tuple[list[int], int]]]) -> None:
        made = []
        for series, pieces in enumerate(feeds):
            time = 0
            made.append([])
            for steps, rejected in pieces:
                times = (time + np.cumsum([0, *steps]))[1:].tolist()
                time = times[-1] if times else time
                made[-1].append(block(times, series, rejected))
        merged = list(merge(iter(feed) for feed in made))
        rows = [
            row
            for one in merged
            for row in zip(one.source_time_ms.tolist(), one.series.tolist(), one.power_w.tolist(), strict=True)
        ]
        assert rows == sorted(
            row
            for feed in made
            for one in feed
            for row in zip(one.source_time_ms.tolist(), one.series.tolist(), one.power_w.tolist(), strict=True)
        )
        assert sum(one.rejected for one in merged) == sum(one.rejected for feed in made for one in feed)
        assert all(len(one) <= sizes[0] for one in merged)

    check()


def test_merge__buffers_little_when_one_feed_runs_far_ahead_and_another_starts_late() -> None:
    pulled = 0

    def feed(series: int, start: int, step: int, blocks: int) -> Iterator[ReadingBlock]:
        nonlocal pulled
        for number in range(blocks):
            pulled += 1000
            first = start + number * 1000 * step
            yield block(list(range(first, first + 1000 * step, step)), series)

    out, most = 0, 0
    for one in merge([feed(0, 0, 1, 200), feed(1, 0, 50, 200), feed(2, 5_000_000, 1, 200)]):
        out += len(one)
        most = max(most, pulled - out)
    assert out == 600_000
    assert most < 70_000


def test_merge__rejections_without_readings_still_come_out() -> None:
    merged = list(merge([iter([block([], 0, 3)]), iter([block([5], 1)])]))
    assert [(len(one), one.rejected) for one in merged] == [(1, 3)]
    assert [(len(one), one.rejected) for one in merge([iter([block([], 0, 3)])])] == [(0, 3)]
