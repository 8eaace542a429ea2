"""Wrong clock values: the few lose against the many, wherever they stand and however the file is cut."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridflex.config import Readings
from gridflex.domain.readings import Reason
from gridflex.errors import SourceError
from ingestion.feeds import Reader, houses, open_reader
from ingestion.parsing.line_blocks import LineBlock
from ingestion.parsing.row_validation import Rows
from ingestion.parsing.sequence import TimeOrder
from tests.support.examples import examples

BEGIN = 1_303_084_800
STEP = 4
DAY = 86_400
OFFSETS = [300, 3600, 12 * 3600, 31 * DAY, 3650 * DAY]
RUNS = [1, 2, 10, 100, 1000]
Found = tuple[list[int], Counter[Reason]]


def fold(seconds: list[int], cut: int = 1 << 20, *, edges: bool = True) -> Found:
    """What is left of rows at these seconds, pushed ``cut`` at a time, and what was rejected."""
    order = TimeOrder(first_series=0, series=1, limits=Readings(), edges=edges)
    blocks = []
    for at in range(0, len(seconds), cut):
        part = seconds[at : at + cut]
        block = LineBlock(b"".join(b"%d\n" % second for second in part), name="f", first_line=at + 1)
        rows = Rows(
            time_ms=np.array(part, dtype=np.int64) * 1000,
            values=np.zeros((len(part), 1)),
            line=np.arange(at + 1, at + 1 + len(part)),
        )
        blocks += order.push(rows, block, [])
    blocks += order.finish()
    rejected: Counter[Reason] = Counter()
    for ready in blocks:
        for one in ready.rejections:
            rejected[one.reason] += one.count
            assert one.raw == b"%d" % seconds[int(one.position.partition(":")[2]) - 1]
    return [time // 1000 for ready in blocks for time in ready.source_time_ms.tolist()], rejected


def regular(rows: int, begin: int = BEGIN) -> list[int]:
    return [begin + STEP * row for row in range(rows)]


@pytest.mark.parametrize("offset", OFFSETS)
@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("at", [700, 2500])
def test_rows_ahead__are_rejected_and_nothing_else(run: int, at: int, offset: int) -> None:
    good = regular(5400)
    seconds = good[:at] + [second + offset for second in good[at : at + run]] + good[at + run :]
    if offset <= STEP * run:
        return  # they overtake each other: no two orders to choose from
    found, rejected = fold(seconds)
    assert found == good[:at] + good[at + run :]
    assert rejected == {Reason.BAD_TIME: run}


@pytest.mark.parametrize("offset", OFFSETS)
@pytest.mark.parametrize("run", RUNS)
def test_rows_behind__are_late_and_nothing_else(run: int, offset: int) -> None:
    good = regular(5400)
    seconds = good[:2500] + [second - offset for second in good[2500 : 2500 + run]] + good[2500 + run :]
    if offset <= STEP * run:
        return
    found, rejected = fold(seconds)
    assert found == good[:2500] + good[2500 + run :]
    assert rejected == {Reason.LATE: run}


@pytest.mark.parametrize("offset", [second for second in OFFSETS if second > 900])
@pytest.mark.parametrize("run", [1, 100])
@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("end", ["begin", "end"])
def test_rows_at_the_ends__are_rejected_if_far_from_all_others(run: int, offset: int, sign: int, end: str) -> None:
    good = regular(5400)
    if end == "begin":
        seconds, kept = [second + sign * offset for second in good[:run]] + good[run:], good[run:]
    else:
        seconds, kept = good[:-run] + [second + sign * offset for second in good[-run:]], good[:-run]
    found, rejected = fold(seconds)
    assert found == kept
    assert rejected.total() == run


@pytest.mark.parametrize("gap", [150, 3600, 18 * 3600, 6 * DAY, 31 * DAY, 3650 * DAY])
@pytest.mark.parametrize("after", [150, 1500, 5000])
def test_gap__that_lasts_is_a_gap(gap: int, after: int) -> None:
    seconds = regular(1000) + regular(after, BEGIN + 4000 + gap)
    assert fold(seconds) == (seconds, Counter())


def test_gaps__between_few_rows_each_are_gaps() -> None:
    seconds = [BEGIN + 7200 * block + STEP * row for block in range(400) for row in range(7)]
    assert fold(seconds) == (seconds, Counter())


def test_readings_an_hour_apart__lose_the_wrong_one_alone() -> None:
    good = [BEGIN + 3600 * hour for hour in range(3000)]
    seconds = [*good[:1700], good[1700] + 12 * 3600 + 60, *good[1701:]]
    assert fold(seconds) == (good[:1700] + good[1701:], {Reason.BAD_TIME: 1})


def test_every_seventh_row__may_be_wrong() -> None:
    good = regular(4000)
    seconds = [second + 5 * DAY if row % 7 == 3 else second for row, second in enumerate(good)]
    found, rejected = fold(seconds)
    assert found == [second for row, second in enumerate(good) if row % 7 != 3]
    assert rejected == {Reason.BAD_TIME: len(good) - len(found)}


def test_rows_ahead_at_different_times__do_not_support_each_other() -> None:
    good = regular(4000)
    far = [DAY, 3 * DAY, 2 * DAY, 40 * DAY, 39 * DAY]
    seconds = good[:2000] + [second + offset for second, offset in zip(good[2000:2005], far, strict=True)] + good[2005:]
    assert fold(seconds) == (good[:2000] + good[2005:], {Reason.BAD_TIME: 5})


def test_a_straggler_after_a_gap__is_the_one_that_loses() -> None:
    first, second = regular(2000), regular(2000, BEGIN + 10 * DAY)
    seconds = first + second[:600] + [first[-1] + STEP] + second[600:]
    assert fold(seconds) == (first + second, {Reason.LATE: 1})


def test_rows_out_of_order_by_less_than_is_allowed__are_put_right() -> None:
    good = regular(4000)
    seconds = good.copy()
    for row in range(100, 3900, 50):
        seconds[row], seconds[row + 23] = seconds[row + 23], seconds[row]
    assert fold(seconds) == (good, Counter())


PARTS = st.lists(
    st.tuples(
        st.sampled_from([1, 2, 10, 90, 300, 1100, 2600]),
        st.sampled_from([0, 0, 0, 130, 3600, -200, -3600, 12 * 3600, -12 * 3600, 31 * DAY, -31 * DAY]),
    ),
    min_size=1,
    max_size=9,
)


@settings(max_examples=examples(30))
@given(parts=PARTS, cut=st.sampled_from([7, 100, 1024, 1025, 2048, 5000]), edges=st.booleans())
def test_cuts__change_nothing(parts: list[tuple[int, int]], cut: int, edges: bool) -> None:
    seconds, clock = [], BEGIN
    for rows, offset in parts:
        seconds += regular(rows, clock + offset)
        clock += STEP * rows
    whole = fold(seconds, edges=edges)
    assert fold(seconds, cut, edges=edges) == whole
    found, rejected = whole
    assert len(found) + rejected.total() == len(seconds)
    assert found == sorted(set(found))


def test_descending_file__is_refused_with_its_place(tmp_path: Path) -> None:
    lines = [b"%d 5.00\n" % second for second in reversed(regular(5400))]
    reader = redd(tmp_path, b"".join(lines))
    with pytest.raises(SourceError, match=r"house_1/channel_3\.dat:1: the rows run back in time .* sort -n"):
        list(reader.blocks())
    with pytest.raises(SourceError, match="run back in time"):
        reader.span_ms()


@pytest.mark.parametrize("at", [0, 60, 5390, 5399])
@pytest.mark.parametrize(("run", "offset"), [(1, 4000 * DAY), (10, 12 * 3600), (40, -9 * 3600)])
@pytest.mark.parametrize("size", [4096, 1 << 20])
def test_span__is_that_of_the_good_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int, run: int, offset: int, size: int
) -> None:
    seconds = regular(5400)
    seconds[at : at + run] = [second + offset for second in seconds[at : at + run]]
    reader = redd(tmp_path, b"".join(b"%d 5.00\n" % second for second in seconds))
    monkeypatch.setattr(houses, "BLOCK_BYTES", (size, size))
    times = np.concatenate([block.source_time_ms for block in reader.blocks()])
    assert reader.span_ms() == (times[0], times[-1])
    assert BEGIN <= times[0] / 1000 <= times[-1] / 1000 <= BEGIN + STEP * 5400
    assert len(times) == 5400 - len(seconds[at : at + run])


@pytest.mark.parametrize(
    ("time", "hint"),
    [
        ("1303084800000", "milliseconds"), ("1303084800000000", "microseconds"), ("86400", ""), ("4070908800", ""),
        ("0", ""), ("-1303084800", ""), ("946684840", ""), ("1e300", ""),
    ],
)  # fmt: skip
def test_impossible_years__are_bad_times_with_a_hint(tmp_path: Path, time: str, hint: str) -> None:
    good = [f"{second} 5.00\n" for second in regular(200)]
    reader = redd(tmp_path, "".join([*good[:100], f"{time} 5.00\n", *good[100:]]).encode())
    (block,) = reader.blocks()
    ((reason, position, detail),) = [(one.reason, one.position, one.detail) for one in block.rejections]
    assert (len(block), reason, position) == (200, Reason.BAD_TIME, "house_1/channel_3.dat:101")
    assert hint in detail


def redd(root: Path, data: bytes) -> Reader:
    folder = root / "house_1"
    folder.mkdir()
    (folder / "labels.dat").write_text("3 refrigerator\n")
    (folder / "channel_3.dat").write_bytes(data)
    return open_reader("redd", root, houses=None, readings=Readings())
