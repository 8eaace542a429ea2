"""GREEND's layout and every defect of it."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridflex.config import ROOT, Readings
from gridflex.domain.readings import Reason
from gridflex.errors import SourceError
from ingestion.feeds import Reader, houses, open_reader
from ingestion.feeds.greend_plugs import header_plugs, plug_order
from tests.support.examples import examples
from tests.support.reading_lines import golden_lines

GOLDEN = ROOT / "tests" / "golden"
A, B, C = "000D6F0000000001", "000D6F0000000002", "000D6F0000000003"
T = 1_386_374_400
"""2013-12-07 UTC."""


def data_set(root: Path, files: dict[str, str | bytes], labels: list[str]) -> Reader:
    (root / "building0").mkdir(exist_ok=True)
    (root / "labels.json").write_text(json.dumps({"building0": labels}))
    for name, text in files.items():
        (root / "building0" / f"dataset_{name}.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return open_reader("greend", root, houses=None, readings=Readings())


def readings(reader: Reader) -> list[tuple[str, int, float]]:
    """(channel, seconds since T, W)."""
    return [
        (reader.series[series].channel, time_ms // 1000 - T, power_w)
        for block in reader.blocks()
        for series, time_ms, power_w in zip(
            block.series.tolist(), block.source_time_ms.tolist(), block.power_w.tolist(), strict=True
        )
    ]


def test_greend__reads_the_golden_data_set_as_written_down() -> None:
    assert golden_lines("greend", GOLDEN) == (GOLDEN / "greend.jsonl").read_text()


def test_greend__span_is_that_of_the_good_readings() -> None:
    reader = open_reader("greend", GOLDEN / "greend", houses=None, readings=Readings())
    times = np.concatenate([block.source_time_ms for block in reader.blocks()])
    assert reader.span_ms() == (times.min(), times.max())


def test_greend__a_missing_plug_shifts_no_label_if_another_file_names_all(tmp_path: Path) -> None:
    reader = data_set(
        tmp_path,
        {
            "2013-12-07": f"timestamp,{A},{C}\n{T}.0,1,3\n",
            "2013-12-08": f"timestamp,{A},{B},{C}\n{T + 86_400}.0,1,2,3\n",
        },
        ["fridge", "TV", "water kettle"],
    )
    assert readings(reader)[:2] == [("1", 0, 1.0), ("3", 0, 3.0)]


def test_greend__a_header_amid_a_file_tells_the_order_too(tmp_path: Path) -> None:
    text = f"timestamp,{A},{C}\n" + f"{T}.0,1,3\n" * 500 + f"timestamp,{A},{B},{C}\n"
    reader = data_set(tmp_path, {"2013-12-07": text}, ["fridge", "TV", "water kettle"])
    assert {channel for channel, _, _ in readings(reader)} == {"1", "3"}


def test_greend__headers_that_complete_each_other_tell_the_order(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a", "b")]
    files[0].write_text(f"timestamp,{A},{C}\n")
    files[1].write_text(f"timestamp,{B},{C}\n")
    assert plug_order(files, 3) == (A, B, C)


def test_greend__too_few_plugs_go_by_position_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        reader = data_set(tmp_path, {"2013-12-07": f"timestamp,{A},{C}\n{T}.0,1,3\n"}, ["fridge", "TV", "water kettle"])
    assert readings(reader) == [("1", 0, 1.0), ("2", 0, 3.0)]
    assert "plugs=2 labels=3" in caplog.text
    assert [one.appliance for one in reader.series] == ["fridge", "tv", "kettle"]


@pytest.mark.parametrize(
    ("header", "plugs"),
    [
        (f"timestamp,{A},{B}", (A, B)),
        (f"\0\0timestamp,{A}\r\n", (A,)),
        (f"timestamp,{A[:9]}", None),
        (f"timestamp,{A},{A}", None),
        (f"timestam,{A}", None),
        ("timestamp", None),
    ],
)
def test_greend__only_whole_headers_count(header: str, plugs: tuple[str, ...] | None) -> None:
    assert header_plugs(header.encode()) == plugs


def test_greend__days_follow_each_other_without_a_gap_at_midnight(tmp_path: Path) -> None:
    reader = data_set(
        tmp_path,
        {"2013-12-08": f"timestamp,{A}\n{T + 86_400}.5,2\n", "2013-12-07": f"timestamp,{A}\n{T + 86_399}.0,1\n"},
        ["fridge"],
    )
    (block,) = reader.blocks()
    assert block.observed_s.tolist() == [0.0, 1.5]


def test_greend__one_run_of_missing_values_is_one_rejection(tmp_path: Path) -> None:
    rows = "".join(f"{T + second}.0,NULL,1\n" for second in range(100))
    reader = data_set(tmp_path, {"2013-12-07": f"timestamp,{A},{B}\n{rows}"}, ["fridge", "TV"])
    (block,) = reader.blocks()
    assert [(one.reason, one.count, one.position) for one in block.rejections] == [
        (Reason.MISSING, 100, "building0/dataset_2013-12-07.csv:2")
    ]
    assert len(block) == 100


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda root: (root / "building0").mkdir(), r"no .*labels.json"),
        (lambda root: (root / "labels.json").write_text("{"), r"labels.json is not JSON"),
        (lambda root: (root / "labels.json").write_text('{"building0": "fridge"}'), r"labels.json: expected"),
        (lambda root: (root / "labels.json").write_text("{}"), r"found no house in"),
    ],
)
def test_greend__what_is_no_greend_data_set_is_refused_by_name(tmp_path: Path, make, expected: str) -> None:
    make(tmp_path)
    with pytest.raises(SourceError, match=expected):
        open_reader("greend", tmp_path, houses=None, readings=Readings())


def test_greend__a_building_without_labels_or_files_is_an_error_only_if_asked_for(tmp_path: Path) -> None:
    data_set(tmp_path, {"2013-12-07": f"timestamp,{A}\n{T}.0,1\n"}, ["fridge"])
    (tmp_path / "building1").mkdir()
    assert len(open_reader("greend", tmp_path, houses=None, readings=Readings()).series) == 1
    with pytest.raises(SourceError, match=r"building1 has no dataset_YYYY-MM-DD\.csv"):
        open_reader("greend", tmp_path, houses=["1"], readings=Readings())
    (tmp_path / "building1/dataset_2013-12-07.csv").write_text("")
    with pytest.raises(SourceError, match=r"building1 is not in labels.json, which has building0"):
        open_reader("greend", tmp_path, houses=["1"], readings=Readings())


CELL = st.sampled_from(["0.0", "12.885", "NULL", "-1", "60000", "1.2.3", "", "5"])
LINE = st.one_of(
    st.tuples(st.integers(0, 500), CELL, CELL).map(lambda row: f"{T + row[0]}.25,{row[1]},{row[2]}"),
    st.tuples(st.integers(0, 500), CELL, CELL).map(lambda row: f"{T + row[0]}.25,{row[1]},{row[2]},9"),
    st.sampled_from([f"timestamp,{A},{B}", f"timestamp,{B},{A}", f"{T}.0,NUtimestamp,{A},{B}", "junk", "1.0,2,3"]),
)


def test_greend__every_value_is_delivered_or_rejected_whatever_the_size_of_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @settings(max_examples=examples(60))
    @given(lines=st.lists(LINE, max_size=40), size=st.integers(8, 400))
    def check(lines: list[str], size: int) -> None:
        text = "\n".join([f"timestamp,{A},{B}", *lines]) + "\n"
        reader = data_set(tmp_path, {"2013-12-07": text}, ["fridge", "TV"])
        counts = []
        for block_bytes in (1 << 20, size):
            monkeypatch.setattr(houses, "BLOCK_BYTES", (block_bytes, block_bytes))
            blocks = list(reader.blocks())
            counts.append((readings(reader), sum(block.rejected for block in blocks)))
        assert counts[0] == counts[1]
        values = sum(_values(line) for line in lines)
        assert len(counts[0][0]) + counts[0][1] == values
        assert [(time, channel) for channel, time, _ in counts[0][0]] == sorted(
            (time, channel) for channel, time, _ in counts[0][0]
        )

    check()


def _values(line: str) -> int:
    """How many readings a line stands for under a header of two plugs."""
    if line.startswith("timestamp"):
        return 0
    return max(2, line.count(",")) if "timestamp" not in line else 2
