from __future__ import annotations

from pathlib import Path

import pytest

from gridflex.config.enrolment_table import load_participation, read_enrolment_table
from gridflex.errors import ConfigError

HEADER = "house_id,appliance_id,reachable,opted_out\n"


def write(folder: Path, text: str) -> str:
    path = folder / "participation.csv"
    path.write_text(HEADER + text, encoding="utf-8")
    return str(path)


def test_load_participation__without_a_table_is_everyones() -> None:
    assert load_participation("").callable("redd-1-0", "redd-1-0-3", at_ms=0)


def test_load_participation__takes_the_closest_row(tmp_path: Path) -> None:
    found = load_participation(write(tmp_path, "redd-1,,,1\nredd-1-2,,1,0\nredd-1-2,redd-1-2-5,0,\n,redd-9-0-1,1,1\n"))
    cases = {
        ("redd-1-0", "redd-1-0-5"): False,
        ("redd-1-2", "redd-1-2-4"): True,
        ("redd-1-2", "redd-1-2-5"): False,
        ("redd-9-0", "redd-9-0-1"): False,
        ("redd-9-0", "redd-9-0-2"): True,
        ("redd-11-0", "redd-11-0-2"): True,
    }
    assert {names: found.callable(*names, at_ms=0) for names in cases} == cases


def test_table__may_say_who_is_enrolled_and_until_when_an_opt_out_counts(tmp_path: Path) -> None:
    path = tmp_path / "who.csv"
    path.write_text(
        "house_id,appliance_id,reachable,opted_out,until,enrolled\n"
        "redd-1,,,1,1970-01-01T01:00,\nredd-2,,,1,1970-01-01T01:00+01:00,\nredd-3,,,,,0\n"
    )
    with pytest.raises(
        ValueError, match=r"who.csv:3: until: found '1970-01-01T01:00\+01:00'; allowed: an instant after"
    ):
        read_enrolment_table(path, 5)
    path.write_text(path.read_text().replace("01:00+01:00", "02:00+01:00"))

    first, second, third = read_enrolment_table(path, 5)

    assert (first.until_ms, second.until_ms, third.until_ms) == (3_600_000, 3_600_000, 0)
    assert (first.enrolled, third.enrolled) == (True, False)
    assert {one.event_time_ms for one in (first, second, third)} == {5}
    assert first.source == "file:who.csv"


def test_table__with_several_bad_rows_names_each(tmp_path: Path) -> None:
    path = Path(write(tmp_path, "lcl,,,1\nredd-1,,,1\nredd-2,redd-1-0-3,,\n" + "x,,,\n" * 30))
    with pytest.raises(ValueError, match="csv:2: found the house 'lcl'") as found:
        read_enrolment_table(path)
    lines = str(found.value).splitlines()
    assert lines[1].endswith("csv:4: found the appliance 'redd-1-0-3', which is not of house 'redd-2'")
    assert (len(lines), lines[-1]) == (21, "... and 12 more bad rows")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (",,1,0\n", "csv:2: found neither a house_id nor an appliance_id"),
        ("redd-1,,yes,\n", "csv:2: reachable: found 'yes'; allowed: 0, 1 or nothing"),
        ("lcl,,,1\n", "csv:2: found the house 'lcl'; allowed: DATASET-HOUSE or DATASET-HOUSE-SHIFT"),
        ("redd- 1,,,1\n", "csv:2: found the house 'redd- 1'"),
        ("redd-1,fridge,,1\n", "csv:2: found the appliance 'fridge'; allowed: DATASET-HOUSE-SHIFT-CHANNEL"),
        ("redd-1,,1\nredd-1,,1,1\n", "csv:2"),
        ("redd-1,,,\nredd-1,,1,1\n", "csv:3: redd-1 has two rows"),
    ],
)
def test_load_participation__names_the_line(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        load_participation(write(tmp_path, text))


def test_load_participation__refuses_a_file_that_is_not_there_or_has_other_columns(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"flexibility\.participation: file not found"):
        load_participation(str(tmp_path / "none.csv"))
    other = tmp_path / "other.csv"
    for header in ("house", HEADER.strip() + ",since", HEADER.strip() + ",until,until", "until," + HEADER.strip()):
        other.write_text(header + "\n")
        with pytest.raises(
            ConfigError, match=r"expected house_id,appliance_id,reachable,opted_out\[,enrolled\]\[,until\]"
        ):
            load_participation(str(other))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (HEADER.encode("utf-16"), "it is UTF-16; save it as UTF-8"),
        (HEADER.encode() + b"redd-\xe9,,1,0\n", r"csv:2: found b'redd-\\xe9,,1,0', which is not UTF-8"),
        (HEADER.encode() + b"redd-1\0,,1,0\n", "csv:2: a NUL byte"),
        (HEADER.encode() + b'redd-1,,1,0\n"redd-2,,1,0\n', "csv:3: unexpected end of data"),
        (HEADER.encode() + b"redd-1;;1;0\n", "csv:2: found 'redd-1;;1;0'; expected house_id,appliance_id"),
        (HEADER.encode() + b"redd-1,,1,0,\n", "csv:2: found 'redd-1,,1,0,'"),
        (b"", "csv:1: found columns ''"),
    ],
)
def test_load_participation__of_no_plain_text_is_one_line(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "participation.csv"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=problem) as found:
        load_participation(str(path))
    assert len(str(found.value).splitlines()) == 1


def test_load_participation__takes_what_a_spreadsheet_saves(tmp_path: Path) -> None:
    path = tmp_path / "participation.csv"
    path.write_bytes(b"\xef\xbb\xbfhouse_id, appliance_id,reachable,opted_out\r\nredd-1, ,1, 1\r\n\r\n")
    assert not load_participation(str(path)).callable("redd-1-0", "redd-1-0-5", at_ms=0)
