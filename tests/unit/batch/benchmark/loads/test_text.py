"""Text of interval loads: what is no text, no table or no row is told with its place, and costs no other row."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from batch.benchmark.loads import text_blocks
from batch.benchmark.loads.load_csv import read_load_csv
from batch.benchmark.loads.rows import Found
from gridflex.errors import SourceError

HEAD = "slice,interval_start,energy_kwh"
GOOD = [f"f1,2024-02-01T{hour:02d}:00:00+00:00,{hour}.5" for hour in (3, 1, 2)]


def read(tmp_path: Path, content: str | bytes) -> Found:
    file = tmp_path / "x.csv"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_load_csv(file)


def lines(*rows: str) -> str:
    return "\n".join([HEAD, *rows]) + "\n"


@pytest.mark.parametrize(
    ("encoded", "message"),
    [
        (lambda text: text.encode("utf-16"), "UTF-16"),
        (lambda text: text.encode("utf-16-be"), "UTF-16"),
        (lambda text: text.encode("utf-32"), "UTF-32"),
        (lambda text: text.replace("f1", "Rmé").encode("latin-1"), r"x\.csv:2: byte 0xe9 after 'Rm' is not UTF-8"),
        (lambda text: b"PK\x03\x04" + text.encode(), "Excel workbook"),
        (lambda _: b"", "empty; expected a header line with slice,interval_start,energy_kwh"),
        (lambda _: b"\n\n", "empty; expected a header line"),
    ],
)
def test_csv__what_is_no_utf8_text_is_named(encoded: Callable[[str], bytes], message: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=message):
        read(tmp_path, encoded(lines(*GOOD)))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_csv__byte_order_mark_and_any_line_end_are_read(end: str, tmp_path: Path) -> None:
    loads = read(tmp_path, ("\ufeff" + lines(*GOOD)).replace("\n", end)).loads
    assert loads.kwh[0, 0, 1:4].tolist() == [1.5, 2.5, 3.5]


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ("f1,2024-02-01T04:00:00+00:00,9,extra", "wrong_number_of_fields"),
        ("2024-02-01T04:00:00+00:00,9", "wrong_number_of_fields"),
        ('f1,"2024-02-01T04:00:00+00:00,9', "open_quote"),
        ('f1,2024-02-01T04:00:00+00:00,"9"x', "open_quote"),
        ("f1,2024-02-01T04:00:00+00:00,\x009", "nul_byte"),
        (HEAD, "unreadable_time_or_no_offset"),
    ],
)
def test_csv__a_line_that_is_no_row_is_counted_and_costs_no_other(row: str, kind: str, tmp_path: Path) -> None:
    found = read(tmp_path, lines(GOOD[0], row, *GOOD[1:]))
    assert dict(found.defects.count) == {kind: 1}
    assert "x.csv:3: " in found.defects.example[kind]
    assert np.isfinite(found.loads.kwh).sum() == 3


def test_csv__empty_fields_after_the_last_column_are_ignored(tmp_path: Path) -> None:
    for text in (lines(*(f"{row},," for row in GOOD)), HEAD + ",\n" + "\n".join(f"{row}," for row in GOOD)):
        found = read(tmp_path, text)
        assert not found.defects.count
        assert found.loads.kwh[0, 0, 1:4].tolist() == [1.5, 2.5, 3.5]


def test_csv__a_row_without_a_field_is_never_another_columns_value(tmp_path: Path) -> None:
    rows = [*(f"{row},7" for row in GOOD), "f1,2024-02-01T04:00:00+00:00,7"]
    found = read(tmp_path, "\n".join([HEAD + ",temperature_c", *rows]))
    assert dict(found.defects.count) == {"wrong_number_of_fields": 1}
    assert np.isnan(found.loads.kwh[0, 0, 4])


def test_csv__quoted_fields_and_columns_in_any_order_are_read(tmp_path: Path) -> None:
    rows = ['1.5, "2024-02-01T01:00:00+00:00" ,"a ""b"", c"', '2.5,2024-02-01T02:00:00Z,"a ""b"", c"']
    loads = read(tmp_path, "\n".join([" energy_kwh , interval_start,slice ", *rows])).loads
    assert loads.names == ('a "b", c',)
    assert loads.kwh[0, 0, 1:3].tolist() == [1.5, 2.5]


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("Name,RESIDENT\n\n" + HEAD, "no column slice, interval_start, energy_kwh in 'Name,RESIDENT'.*stand in line 3"),
        (HEAD.replace(",", ";"), "no column .* in 'slice;interval_start;energy_kwh'; expected .* separated by commas"),
        (HEAD.replace(",", "\t"), "no column .*separated by commas"),
        (HEAD + ",slice", "column slice stands twice"),
    ],
)
def test_csv__a_header_that_is_none_is_told_with_its_line(head: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"x\.csv:1: " + message):
        read(tmp_path, head + "\n" + "\n".join(GOOD))


@pytest.mark.parametrize("word", ["NA", "None", "null", "nan", "N/A", "NULL", "#N/A", "-"])
def test_csv__a_word_for_missing_values_is_a_slice_like_any_other(word: str, tmp_path: Path) -> None:
    found = read(tmp_path, lines(*(row.replace("f1", word) for row in GOOD)))
    assert found.loads.names == (word,)
    assert not found.defects.count


def test_csv__blocks_of_a_file_give_what_the_whole_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [f"f{n % 3},2024-02-{1 + n // 72:02d}T{n // 3 % 24:02d}:00:00+00:00,{n % 7}" for n in range(600)]
    rows[100] = '"f1",x,1\r'
    whole = read(tmp_path, lines(*rows).replace("\n", "\r\n"))
    monkeypatch.setattr(text_blocks, "BLOCK_BYTES", 97)
    parts = read(tmp_path, lines(*rows).replace("\n", "\r\n"))
    assert np.array_equal(whole.loads.kwh, parts.loads.kwh, equal_nan=True)
    assert parts.defects.example == whole.defects.example == {"unreadable_time_or_no_offset": "x.csv:102: 'x'"}


def test_csv__a_line_without_an_end_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_blocks, "BLOCK_BYTES", 97)
    with pytest.raises(SourceError, match=r"x\.csv:5: a line of more than 97 bytes"):
        read(tmp_path, lines(*GOOD) + "x" * 400)


def test_csv__a_folder_named_like_a_file_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(SourceError, match="no file matches"):
        read_load_csv(tmp_path)
    (tmp_path / "b.csv").write_text(lines(*GOOD))
    assert read_load_csv(tmp_path).loads.names == ("f1",)


@pytest.mark.parametrize(
    "time",
    [
        "2024-02-01T01:00:00+00:00", "2024-02-01 01:00:00+00", "2024-02-01t01:00:00z", "2024-02-01T01:00Z",
        "2024-02-01T01:00:00.000+0000", "20240201T010000Z", "2024-01-31T20:00:00-05:00",
    ],
)  # fmt: skip
def test_csv__every_form_of_iso_8601_with_an_offset_is_read(time: str, tmp_path: Path) -> None:
    found = read(tmp_path, lines(GOOD[0], f"f1,{time},1.5", GOOD[2]))
    assert not found.defects.count
    assert 1.5 in found.loads.kwh


@pytest.mark.parametrize(
    "time",
    [
        "2024-02-01 01:00:00", "2024-02-01 01:00:00 UTC", "1706745600", "1706745600000", "2024-02-01",
        "01/02/2024 01:00+00:00", "2024-02-01T01:00:00−05:00", "2024-02-30T01:00:00Z", "2024-02-01T25:00:00Z",
        "2024-02-01T01:00:00+99:00", "2024-02-01T24:00:00+00:00", "1.2.2024 1:00", "2024-02-01T01:00:00 CET",
    ],
)  # fmt: skip
def test_csv__a_time_without_an_offset_or_none_is_told_with_its_text(time: str, tmp_path: Path) -> None:
    with pytest.raises(
        SourceError, match=r"no usable row of 2: unreadable_time_or_no_offset 2 \(first x.csv:2: .*ISO"
    ) as e:
        read(tmp_path, lines(f"f1,{time},1.5", f"f1,{time},1.5"))
    assert time in str(e.value)


@pytest.mark.parametrize("energy", ['"1,05"', "1.05 kWh", "inf", "1e999", "１x"])
def test_csv__energy_that_is_no_number_is_told_with_its_text(energy: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no usable row of 1: unreadable_energy 1") as e:
        read(tmp_path, lines(f"f1,2024-02-01T01:00:00Z,{energy}"))
    assert energy.strip('"') in str(e.value)
