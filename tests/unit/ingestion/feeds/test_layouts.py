"""What is not laid out as it should be: read where it is plain, else one error that says what, where and what else."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from gridflex.config import Readings
from gridflex.errors import SourceError
from ingestion.duty_cycles import duty_cycles
from ingestion.feeds import Reader, open_reader

BEGIN = 1_303_084_800
GREEND_BEGIN = 1_386_374_400
A, B = "000D6F0000000001", "000D6F0000000002"
ROWS = b"".join(b"%d 5.00\n" % (BEGIN + 4 * row) for row in range(50))


def redd(root: Path, labels: bytes = b"3 refrigerator\n", data: bytes = ROWS) -> Path:
    folder = root / "low_freq/house_1"
    folder.mkdir(parents=True)
    (folder / "labels.dat").write_bytes(labels)
    (folder / "channel_3.dat").write_bytes(data)
    return folder


def opened(root: Path, dataset: str = "redd") -> Reader:
    return open_reader(dataset, root, houses=None, readings=Readings())


@pytest.mark.parametrize(
    "labels",
    [
        b"3\trefrigerator\n", b"\xef\xbb\xbf3 refrigerator\r\n", b"03   refrigerator  ",
        b"3 refrigerator\n3 refrigerator\n",
        "3 refrigerator\n".encode("utf-16"), "3 refrigerator\n4 K\u00fchlschrank\n".encode("latin-1"),
        "3\u00a0refrigerator".encode(), b"\n\n3 Refrigerator_2\n", b"3 refrigerator\n9 lighting\n",
    ],
)  # fmt: skip
def test_redd_labels__are_read_in_any_plain_form(tmp_path: Path, labels: bytes) -> None:
    redd(tmp_path, labels)
    assert [(one.channel, one.appliance) for one in opened(tmp_path).series] == [("3", "fridge")]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (
            b"3 refrigerator\n3 lighting\n",
            r"labels\.dat:2: found '3 lighting', but channel 3 is 'refrigerator' already",
        ),
        (b"3\n", r"labels\.dat:1: found '3', expected <channel number> <label>, such as 3 microwave"),
        (b"3 fridge\n-4 oven\n", r"labels\.dat:2: found '-4 oven', expected"),
        (b"3,refrigerator\n", r"labels\.dat:1: found '3,refrigerator', expected"),
        (b"9" * 5000 + b" oven\n", r"labels\.dat:1: found '9+', expected"),
        ("٣ refrigerator\n".encode(), r"labels\.dat:1: found .*, expected"),
    ],
)
def test_redd_labels__that_say_nothing_plain_are_refused_with_their_line(
    tmp_path: Path, labels: bytes, expected: str
) -> None:
    redd(tmp_path, labels)
    with pytest.raises(SourceError, match=expected):
        opened(tmp_path)


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda house: (house / "channel_03.dat").write_bytes(ROWS), "channel_03.dat and channel_3.dat are both"),
        (lambda house: (house / "channel_4.dat").mkdir(), r"channel_4\.dat is no file"),
        (lambda house: (house / "channel_4.dat").symlink_to("nowhere"), r"channel_4\.dat is a link to a file that"),
        (lambda house: (house / "channel_4.dat").symlink_to("channel_4.dat"), r"channel_4\.dat is a link to a file"),
        (lambda house: (house.parent / "house_01").mkdir(), "house_01 and house_1 are both number 1"),
        (lambda house: (house / "labels.dat").unlink(), r"no .*labels\.dat; expected low_freq"),
        (lambda house: (house / "labels.dat").unlink() or (house / "labels.dat").mkdir(), r"no .*labels\.dat"),
    ],
)  # fmt: skip
def test_redd_entries__that_cannot_be_meant_are_refused_by_name(
    tmp_path: Path, spoil: Callable[[Path], object], expected: str
) -> None:
    spoil(redd(tmp_path))
    with pytest.raises(SourceError, match=expected):
        opened(tmp_path)


def test_redd__a_house_that_is_a_file_is_skipped_unless_asked_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (redd(tmp_path).parent / "house_2").write_text("")
    with caplog.at_level(logging.WARNING):
        assert len(opened(tmp_path).series) == 1
    assert "house_2: it is no folder" in caplog.text
    with pytest.raises(SourceError, match="house_2 is no folder"):
        open_reader("redd", tmp_path, houses=["2"], readings=Readings())


def test_redd__the_sets_that_come_in_its_layout_have_their_classes(tmp_path: Path) -> None:
    house = redd(
        tmp_path,
        b"1 aggregate\n2 fridge_freezer\n3 whole_house\n4 gigE_&_USBhub\n5 Washing Machine\n6 CDE\n7 mains_1\n",
    )
    for channel in (1, 2, 4, 5, 6, 7):
        (house / f"channel_{channel}.dat").write_bytes(ROWS)
    (house / "channel_1_button_press.dat").write_bytes(ROWS)
    (house / "mains.dat").write_bytes(ROWS)
    found = [one.appliance for one in opened(tmp_path).series]
    assert found == ["mains", "fridge", "mains", "router", "washing_machine", "dryer", "mains"]


def greend(root: Path, files: dict[str, str | bytes], labels: object = ("fridge", "tv")) -> Path:
    (root / "building0").mkdir()
    (root / "labels.json").write_text(json.dumps({"building0": labels}))
    for day, text in files.items():
        raw = text if isinstance(text, bytes) else text.encode()
        (root / "building0" / f"dataset_{day}.csv").write_bytes(raw)
    return root


def rows(first: str, second: str, count: int = 30, begin: int = GREEND_BEGIN, by: str = ",") -> str:
    return "".join(f"{begin + row}.12{by}{first}{by}{second}\n" for row in range(count))


def powers(root: Path) -> dict[str, set[float]]:
    reader = opened(root, "greend")
    found: dict[str, set[float]] = {}
    for block in reader.blocks():
        for series, power_w in zip(block.series.tolist(), block.power_w.tolist(), strict=True):
            found.setdefault(reader.series[series].appliance, set()).add(power_w)
    return found


@pytest.mark.parametrize("header", ["timestamp,fridge,tv", "timestamp,tv,fridge", "timestamp, TV ,Fridge\r"])
def test_greend_columns__may_be_named_by_their_labels(tmp_path: Path, header: str) -> None:
    values = ("1", "2") if header.lower().index("fridge") < header.lower().index("tv") else ("2", "1")
    greend(tmp_path, {"2013-12-07": f"{header}\n{rows(*values)}"})
    assert powers(tmp_path) == {"fridge": {1.0}, "tv": {2.0}}


@pytest.mark.parametrize(
    "text",
    [
        f"timestamp;{A};{B}\n{rows('1', '2', by=';')}",
        f"time,{A},{B}\n{rows('1', '2')}",
        f"Timestamp,{A},{B}\n{rows('1', '2')}",
        f"timestamp,{A},plug 2\n{rows('1', '2')}",
        f"timestamp\t{A}\t{B}\n{rows('1', '2', by=chr(9))}",
        rows("1", "2"),
        "no table at all",
    ],
)
def test_greend__without_a_header_that_names_plugs_is_refused_with_what_was_found(tmp_path: Path, text: str) -> None:
    greend(tmp_path, {"2013-12-06": "", "2013-12-07": text})
    with pytest.raises(SourceError, match=r"dataset_2013-12-07\.csv:1: found '.*expected timestamp,<plug>,") as caught:
        opened(tmp_path, "greend")
    assert repr(text.partition("\n")[0][:60])[:-1] in str(caught.value)


@pytest.mark.parametrize("stray_first", [True, False])
def test_greend__a_stray_header_swaps_no_appliances(
    tmp_path: Path, stray_first: bool, caplog: pytest.LogCaptureFixture
) -> None:
    many = f"timestamp,{B},{A}\n{rows('1', '2', 300)}"
    stray = f"timestamp,{A},{B}\n{rows('2', '1', 5, GREEND_BEGIN + (-100 if stray_first else 400))}"
    greend(tmp_path, {"2013-12-07": stray + many if stray_first else many + stray})
    with caplog.at_level(logging.WARNING):
        assert powers(tmp_path) == {"fridge": {1.0}, "tv": {2.0}}
    assert ("different orders" in caplog.text) == stray_first


def test_greend__a_day_with_a_stray_header_swaps_no_appliances(tmp_path: Path) -> None:
    greend(
        tmp_path,
        {
            "2013-12-07": f"timestamp,{A},{B}\n{rows('2', '1', 5)}",
            "2013-12-08": f"timestamp,{B},{A}\n{rows('1', '2', 300, GREEND_BEGIN + 86_400)}",
        },
    )
    assert powers(tmp_path) == {"fridge": {1.0}, "tv": {2.0}}


def test_greend__any_plausible_year_is_taken(tmp_path: Path) -> None:
    greend(tmp_path, {"2009-12-07": f"timestamp,{A},{B}\n{rows('1', '2', begin=1_260_144_000)}"})
    assert powers(tmp_path) == {"fridge": {1.0}, "tv": {2.0}}


@pytest.mark.parametrize("day", ["0001-01-01", "1970-01-01", "2000-01-01", "2099-12-31", "9999-12-31"])
def test_greend__a_file_of_an_impossible_day_is_rejected_whole(tmp_path: Path, day: str) -> None:
    greend(tmp_path, {day: f"timestamp,{A},{B}\n{rows('1', '2')}"})
    assert powers(tmp_path) == {}
    with pytest.raises(SourceError, match=r"rejected: bad_time 60; the first at .*\.csv:2: .* of this name"):
        opened(tmp_path, "greend").span_ms()


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (b'{"building0": ["a"], "building0": ["b"]}', "'building0' stands twice"),
        (b"[" * 100_000, "is not JSON"),
        (b'{"building0": [1]}', "expected {"),
        (b"\xff\xfe{", "is not JSON"),
    ],
)
def test_greend_labels__that_cannot_be_meant_are_refused(tmp_path: Path, labels: bytes, expected: str) -> None:
    greend(tmp_path, {"2013-12-07": f"timestamp,{A},{B}\n"})
    (tmp_path / "labels.json").write_bytes(labels)
    with pytest.raises(SourceError, match=expected):
        opened(tmp_path, "greend")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_greend_labels__may_have_a_mark(tmp_path: Path, encoding: str) -> None:
    greend(tmp_path, {"2013-12-07": f"timestamp,{A},{B}\n{rows('1', '2')}"})
    (tmp_path / "labels.json").write_text('{"building0": ["fridge", "tv"]}', encoding=encoding)
    assert powers(tmp_path) == {"fridge": {1.0}, "tv": {2.0}}


def test_files__with_a_mark_are_read_and_utf_16_is_named(tmp_path: Path) -> None:
    redd(tmp_path, data=b"\xef\xbb\xbf" + ROWS)
    (block,) = opened(tmp_path).blocks()
    assert (len(block), block.rejected) == (50, 0)
    (tmp_path / "low_freq/house_1/channel_3.dat").write_text(ROWS.decode(), encoding="utf-16")
    with pytest.raises(SourceError, match=r"channel_3\.dat is UTF-16; expected ASCII or UTF-8: iconv"):
        list(opened(tmp_path).blocks())


def test_greend__a_folder_for_a_file_is_refused_by_name(tmp_path: Path) -> None:
    greend(tmp_path, {"2013-12-07": f"timestamp,{A},{B}\n"})
    (tmp_path / "building0/dataset_2013-12-08.csv").mkdir()
    with pytest.raises(SourceError, match=r"dataset_2013-12-08\.csv cannot be read: Is a directory"):
        opened(tmp_path, "greend")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"".join(b"%d000 5.00\n" % (BEGIN + row) for row in range(40)), "bad_time 40; .* in milliseconds, expected"),
        (b"12 5.00\n16 5.00\n", r"bad_time 2; the first at house_1/channel_3\.dat:1: '12 5\.00'.*allowed 2001-01-01"),
        (b"1303084800 5,00\n" * 3, r"broken_line 3; the first at house_1/channel_3\.dat:1: '1303084800 5,00'"),
        (b"1303084800;5.00\n" * 3, r"broken_line 3; the first at .*: '1303084800;5\.00'"),
        (b"1303084800 -5\n", r"negative_power 1; .*found -5 W, allowed 0 to 50000 W"),
        (b"", "no lines at all"),
    ],
)  # fmt: skip
def test_duty_cycles__of_nothing_good_is_an_error_with_its_reason(tmp_path: Path, data: bytes, expected: str) -> None:
    redd(tmp_path, data=data)
    out = tmp_path / "out.jsonl"
    done = CliRunner().invoke(duty_cycles, ["redd", "--path", str(tmp_path), "--out", str(out)])
    assert isinstance(done.exception, SourceError)
    with pytest.raises(SourceError, match=expected):
        raise done.exception
    assert not out.exists()


def test_duty_cycles__says_where_it_cannot_write(tmp_path: Path) -> None:
    redd(tmp_path)
    (tmp_path / "file").write_text("")
    out = tmp_path / "file/out.jsonl"
    done = CliRunner().invoke(duty_cycles, ["redd", "--path", str(tmp_path), "--out", str(out)])
    assert isinstance(done.exception, SourceError)
    assert "cannot be written" in str(done.exception)
