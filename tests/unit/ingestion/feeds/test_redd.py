"""REDD's layout: what is found, what is read, what is refused."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridflex.config import ROOT, Readings
from gridflex.domain.readings import ReadingBlock, Reason
from gridflex.errors import SourceError
from ingestion.feeds import houses, open_reader
from ingestion.parsing.merge import EMPTY
from tests.support.examples import examples
from tests.support.reading_lines import golden_lines

GOLDEN = ROOT / "tests" / "golden"
LIMITS = Readings()


def write(root: Path, channels: dict[str, bytes], labels: str = "3 refrigerator\n", house: str = "house_1") -> Path:
    folder = root / "low_freq" / house
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "labels.dat").write_text(labels)
    for name, data in channels.items():
        (folder / name).write_bytes(data)
    return root


def read(root: Path, **limits: float) -> ReadingBlock:
    """All of one channel as one block."""
    blocks = [EMPTY, *open_reader("redd", root, houses=None, readings=Readings(**limits)).blocks()]
    return ReadingBlock(
        series=np.concatenate([block.series for block in blocks]),
        source_time_ms=np.concatenate([block.source_time_ms for block in blocks]),
        power_w=np.concatenate([block.power_w for block in blocks]),
        observed_s=np.concatenate([block.observed_s for block in blocks]),
        rejections=[rejection for block in blocks for rejection in block.rejections],
    )


def test_redd__reads_the_golden_data_set_as_written_down() -> None:
    assert golden_lines("redd", GOLDEN) == (GOLDEN / "redd.jsonl").read_text()


def test_redd__the_root_and_its_low_freq_folder_are_the_same_data_set() -> None:
    root, inner = (
        open_reader("redd", path, houses=None, readings=LIMITS) for path in (GOLDEN / "redd", GOLDEN / "redd/low_freq")
    )
    assert root.series == inner.series
    assert root.span_ms() == inner.span_ms()


def test_redd__series_are_in_the_order_of_numbers_and_houses_can_be_chosen() -> None:
    reader = open_reader("redd", GOLDEN / "redd", houses=None, readings=LIMITS)
    assert [(one.house, one.channel) for one in reader.series] == [
        ("1", "1"), ("1", "3"), ("1", "5"), ("1", "7"), ("1", "12"), ("10", "3"),
    ]  # fmt: skip
    chosen = open_reader("redd", GOLDEN / "redd", houses={"10"}, readings=LIMITS)
    assert [(one.house, one.appliance) for one in chosen.series] == [("10", "furnace")]


def test_redd__span_is_that_of_the_good_readings() -> None:
    reader = open_reader("redd", GOLDEN / "redd", houses=None, readings=LIMITS)
    times = np.concatenate([block.source_time_ms for block in reader.blocks()])
    assert reader.span_ms() == (times.min(), times.max())


def test_redd__the_span_needs_no_more_than_the_ends_of_long_files(tmp_path: Path) -> None:
    lines = [b"%d 5.00\n" % (1_303_100_000 + 3 * row) for row in range(20_000)]
    lines[-20], lines[-3] = lines[-3], lines[-20]
    data = b"junk\n" * 3000 + b"".join(lines) + b"junk\n" * 3000
    reader = open_reader("redd", write(tmp_path, {"channel_3.dat": data}), houses=None, readings=LIMITS)
    assert reader.span_ms() == (1_303_100_000_000, 1_303_100_000_000 + 3000 * 19_999)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"2"}, "house_2 has no channel_N.dat"),
        ({"3", "1"}, "no house 3 in .*houses there: 1, 10; expected low_freq/house_N"),
    ],
)
def test_redd__a_house_without_data_is_an_error_if_asked_for(asked: set[str], expected: str) -> None:
    with pytest.raises(SourceError, match=expected):
        open_reader("redd", GOLDEN / "redd", houses=asked, readings=LIMITS)


def test_redd__what_is_no_redd_data_set_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"found no house in .*; expected low_freq/house_N/labels.dat"):
        open_reader("redd", tmp_path, houses=None, readings=LIMITS)
    with pytest.raises(SourceError, match=r"no folder .*nowhere"):
        open_reader("redd", tmp_path / "nowhere", houses=None, readings=LIMITS)
    with pytest.raises(SourceError, match="unknown data set 'lcl'; known: greend, redd"):
        open_reader("lcl", tmp_path, houses=None, readings=LIMITS)
    write(tmp_path, {"channel_3.dat": b""}, labels="three refrigerator\n")
    with pytest.raises(
        SourceError, match=r"labels.dat:1: found 'three refrigerator', expected <channel number> <label>"
    ):
        open_reader("redd", tmp_path, houses=None, readings=LIMITS)
    (tmp_path / "low_freq/house_1/labels.dat").unlink()
    with pytest.raises(SourceError, match=r"no .*labels.dat"):
        open_reader("redd", tmp_path, houses=None, readings=LIMITS)


def test_redd__files_without_any_good_line_have_no_span(tmp_path: Path) -> None:
    reader = open_reader("redd", write(tmp_path, {"channel_3.dat": b"junk\n"}), houses=None, readings=LIMITS)
    with pytest.raises(SourceError, match="found no good reading"):
        reader.span_ms()
    assert read(tmp_path).rejected == 1


def test_redd__an_unknown_label_is_logged_and_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    line = b"1303100000 5\n"
    write(tmp_path, {"channel_3.dat": line, "channel_4.dat": line}, labels="3 sauna\n9 lighting\n")
    with caplog.at_level(logging.WARNING):
        reader = open_reader("redd", tmp_path, houses=None, readings=LIMITS)
    assert [one.appliance for one in reader.series] == ["unknown", "unknown"]
    assert "label='sauna'" in caplog.text
    assert "channels=4" in caplog.text
    assert len(read(tmp_path)) == 2


def test_redd__a_leap_in_time_that_is_taken_back_does_not_make_the_rest_late(tmp_path: Path) -> None:
    lines = [b"%d 5.00\n" % (1_303_100_000 + 4 * row) for row in range(100)]
    lines[50] = b"1903100200 5.00\n"
    found = read(write(tmp_path, {"channel_3.dat": b"".join(lines)}))
    assert len(found) == 99
    assert [(one.reason, one.position) for one in found.rejections] == [(Reason.BAD_TIME, "house_1/channel_3.dat:51")]


def test_redd__a_leap_at_the_very_end_of_a_block_is_seen_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [b"%d 5.00\n" % (1_303_100_000 + 4 * row) for row in range(100)]
    for row in range(10, 90, 10):
        lines[row] = b"19%08d 5.00\n" % row
    write(tmp_path, {"channel_3.dat": b"".join(lines)})
    for size in (16, 40, 170):
        monkeypatch.setattr(houses, "BLOCK_BYTES", (size, size))
        found = read(tmp_path)
        assert (len(found), {one.reason for one in found.rejections}) == (92, {Reason.BAD_TIME})


def test_redd__a_lasting_leap_in_time_is_a_gap(tmp_path: Path) -> None:
    found = read(write(tmp_path, {"channel_3.dat": b"1303100000 5\n1305778400 6\n1305778403 7\n"}))
    assert found.observed_s.tolist() == [0.0, 0.0, 3.0]


def test_redd__limits_come_from_the_configuration(tmp_path: Path) -> None:
    rows = [(100, 5), (130, 6), (131, 6), (109, 7), (134, 11), (150, 8)]
    write(tmp_path, {"channel_3.dat": b"".join(b"%d %d\n" % (1_303_100_000 + second, watt) for second, watt in rows)})
    found = read(tmp_path, max_gap_s=10, reorder_s=20, max_power_w=10)
    assert (found.source_time_ms - 1_303_100_000_000).tolist() == [100_000, 130_000, 131_000, 150_000]
    assert found.observed_s.tolist() == [0.0, 0.0, 1.0, 0.0]
    assert [one.reason for one in found.rejections] == [Reason.ABSURD_POWER, Reason.LATE]


LINES = st.lists(
    st.one_of(
        st.tuples(st.integers(1, 400), st.integers(0, 99)).map(lambda pair: b"1303100%03d %d.00" % pair),
        st.sampled_from([b"", b"junk", b"5 5 5", b"1303100007 -1", b"1303100008 60000", b"1303100009 NULL", b"0 1"]),
        st.sampled_from([b"\0\0", b"1303100400 \xff", b"1303132929000 4.00", b"4070908800 4.00"]),
    ),
    max_size=60,
)


def test_redd__the_size_of_blocks_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @settings(max_examples=examples(40))
    @given(lines=LINES, size=st.integers(8, 300))
    def check(lines: list[bytes], size: int) -> None:
        write(tmp_path, {"channel_3.dat": b"\n".join(lines)})
        monkeypatch.setattr(houses, "BLOCK_BYTES", (1 << 20, 1 << 20))
        whole = read(tmp_path)
        monkeypatch.setattr(houses, "BLOCK_BYTES", (size, size))
        cut = read(tmp_path)
        for column in ("series", "source_time_ms", "power_w", "observed_s"):
            assert np.array_equal(getattr(whole, column), getattr(cut, column))
        assert cut.rejected == whole.rejected
        assert np.all(np.diff(cut.source_time_ms) > 0)
        assert len(cut) + cut.rejected == sum(1 for line in lines if line)

    check()


def test_redd__blocks_are_the_same_at_every_call() -> None:
    reader = open_reader("redd", GOLDEN / "redd", houses=None, readings=LIMITS)
    first, second = ([(len(one), list(one.rejections)) for one in reader.blocks()] for _ in range(2))
    assert first == second


def test_redd__a_row_far_too_early_is_late_and_not_its_neighbour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [b"%d 5.00\n" % (1_303_100_000 + 4 * row) for row in range(40)]
    lines[20] = b"1103100000 5.00\n"
    write(tmp_path, {"channel_3.dat": b"".join(lines)})
    for size in (16, 40, 1 << 20):
        monkeypatch.setattr(houses, "BLOCK_BYTES", (size, size))
        found = read(tmp_path)
        assert [(one.reason, one.position) for one in found.rejections] == [(Reason.LATE, "house_1/channel_3.dat:21")]
