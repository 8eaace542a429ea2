from __future__ import annotations

import copy
from pathlib import Path
from types import MappingProxyType

import pytest

from gridflex.domain.enrolment import Consent, Participation
from gridflex.errors import ConfigError
from stream_processing.enrolment import load_participation

HEADER = "house_id,appliance_id,reachable,opted_out\n"


def write(folder: Path, text: str) -> str:
    path = folder / "participation.csv"
    path.write_text(HEADER + text, encoding="utf-8")
    return str(path)


def test_participation__without_a_table_is_everyones() -> None:
    assert load_participation("").callable("redd-1-0", "redd-1-0-3")


def test_participation__takes_the_closest_row(tmp_path: Path) -> None:
    found = load_participation(write(tmp_path, "redd-1,,,1\nredd-1-2,,1,0\nredd-1-2,redd-1-2-5,0,\n,redd-9-0-1,1,1\n"))
    assert not found.callable("redd-1-0", "redd-1-0-5")
    assert found.callable("redd-1-2", "redd-1-2-4")
    assert not found.callable("redd-1-2", "redd-1-2-5")
    assert not found.callable("redd-9-0", "redd-9-0-1")
    assert found.callable("redd-9-0", "redd-9-0-2")
    assert found.callable("redd-11-0", "redd-11-0-2")


@pytest.mark.parametrize(
    ("row", "house", "dataset", "callable_"),
    [
        ("lcl", "lcl-MAC000002", "lcl", True),  # a data set is no house
        ("lcl", "lcl-2", "lcl", True),
        ("lcl", "lcl-2-0", "lcl", True),
        ("lcl-MAC000002", "lcl-MAC000002", "lcl", False),
        ("lcl-MAC000002", "lcl-MAC000002-3", "lcl", False),
        ("lcl-MAC000002", "lcl-MAC0000021-3", "lcl", True),
        ("uk-dale", "uk-dale-2", "uk-dale", True),
        ("uk-dale-2", "uk-dale-2-0", "uk-dale", False),
        ("redd-1", "redd-1-north", "redd", True),
        ("redd-1-north", "redd-1-north-2", "redd", False),
    ],
)
def test_participation__matches_a_house_by_its_parts(
    tmp_path: Path, row: str, house: str, dataset: str, callable_: bool
) -> None:
    found = load_participation(write(tmp_path, f"{row},,,1\n"))
    assert found.callable(house, f"{house}-1", dataset) is callable_


def test_participation__takes_no_data_set_for_a_house_where_it_is_not_told_which() -> None:
    found = Participation(MappingProxyType({"lcl": Consent(opted_out=True)}))
    assert found.callable("lcl-MAC000002", "lcl-MAC000002-1")
    assert found.callable("lcl-2", "lcl-2-1")


def test_participation__travels_to_executors(tmp_path: Path) -> None:
    found = copy.deepcopy(load_participation(write(tmp_path, "redd-1,,,1\n")))
    assert not found.callable("redd-1-0", "redd-1-0-5")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (",,1,0\n", "csv:2: found ,,1,0; each row needs a house_id or an appliance_id"),
        ("redd-1,,yes,\n", "0, 1 or nothing"),
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
    other.write_text("house\n")
    with pytest.raises(ConfigError, match="expected house_id,appliance_id,reachable,opted_out"):
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
    assert not load_participation(str(path)).callable("redd-1-0", "redd-1-0-5")
