"""The fast path and the line-by-line one are the same reader."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridflex.domain.readings import Reason
from ingestion.parsing import columns as module
from ingestion.parsing.columns import LineFormat, Parsed, parse, parse_by_line
from tests.support.examples import examples

REDD = LineFormat(delimiter=b" ", columns=1, extra_fields=False, what="<seconds> <watts>")
GREEND = LineFormat(delimiter=b",", columns=3, extra_fields=True, what="<seconds>,<watts>,...")

NUMBERS = [
    "0",
    "5.",
    ".5",
    "-3",
    "1e3",
    "2.5E-2",
    "-0",
    "0012",
    "+4",
    "+.5",
    "1e999",
    "123456789012345678901234567890",
    "7.000000000000001",
]
JUNK = [
    "",
    "NULL",
    "nan",
    "inf",
    "+-4",
    "-+4",
    "++4",
    "+",
    "1e+",
    "1e+2",
    "E1",
    "5e",
    "1_0",
    "0x1F",
    "1e",
    "-",
    ".",
    "--1",
    "N",
    "4 4",
    "\0",
    "5\0",
    '"6"',
    "²",
    "\t8",
    "NULLNULL",
]


def same(one: Parsed, other: Parsed) -> None:
    assert np.array_equal(one.line, other.line)
    assert np.array_equal(one.time_s, other.time_s)
    assert np.array_equal(one.cells, other.cells, equal_nan=True)
    assert (one.broken, one.extra, one.rejections) == (other.broken, other.extra, other.rejections)


def files(line_format: LineFormat) -> st.SearchStrategy[bytes]:
    """Mostly good lines, some with junk cells, some with junk anywhere."""
    delimiter = line_format.delimiter.decode()
    cell = st.one_of(st.sampled_from(NUMBERS), st.floats(0, 4000).map(repr), st.sampled_from(["NULL", *NUMBERS]))
    time = st.floats(1.3e9, 1.4e9).map(repr) | st.integers(1_300_000_000, 1_400_000_000).map(str)
    good = st.tuples(time, *[cell] * line_format.columns).map(delimiter.join)
    odd = st.lists(st.sampled_from(NUMBERS + JUNK), max_size=line_format.columns + 3).map(delimiter.join)
    line = st.one_of(good, good, good, odd, st.sampled_from(["", "\0\0", "timestamp,A,B"]))
    end = st.sampled_from(["\n", "\n", "", "\n\n"])
    return st.tuples(st.lists(line, max_size=30).map("\n".join), end).map(lambda parts: "".join(parts).encode())


@pytest.mark.parametrize("line_format", [REDD, GREEND], ids=["redd", "greend"])
def test_parse__fast_path_and_fallback_equal_line_by_line(
    line_format: LineFormat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FEW_LINES", 2)

    @settings(max_examples=examples(150))
    @given(data=files(line_format))
    def check(data: bytes) -> None:
        same(
            parse(data, name="f", first_line=5, line_format=line_format),
            parse_by_line(data, name="f", first_line=5, line_format=line_format),
        )

    check()


@pytest.mark.parametrize("text", [*NUMBERS, *JUNK])
def test_parse__one_odd_cell_is_read_alike_by_both_paths(text: str) -> None:
    data = f"1.0,{text},2,3\n2.0,4,{text},NULL\n{text},1,2,3\n".encode()
    same(
        parse(data, name="f", first_line=1, line_format=GREEND),
        parse_by_line(data, name="f", first_line=1, line_format=GREEND),
    )


def test_parse__good_blocks_never_take_the_slow_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "parse_by_line", None)
    parsed = parse(b"1303100647 4.00\n1303100651.5 5\n", name="f", first_line=1, line_format=REDD)
    assert parsed.time_s.tolist() == [1303100647.0, 1303100651.5]
    parsed = parse(b"1.5,NULL,2e-05,3\n", name="f", first_line=1, line_format=GREEND)
    assert np.isnan(parsed.cells).tolist() == [[True, False, False]]


def test_parse__one_bad_line_leaves_the_rest_to_the_fast_path(monkeypatch: pytest.MonkeyPatch) -> None:
    slow_lines = 0

    def counting(data: bytes, **where: object) -> Parsed:
        nonlocal slow_lines
        slow_lines += data.count(b"\n")
        return parse_by_line(data, **where)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "parse_by_line", counting)
    lines = [b"%d 4.00\n" % second for second in range(1, 20_001)]
    lines[10_000] = b"broken\n"
    parsed = parse(b"".join(lines), name="f", first_line=1, line_format=REDD)
    assert slow_lines <= 64
    assert (len(parsed.line), parsed.rejections[0].position) == (19_999, "f:10001")


def test_parse__a_broken_line_stands_for_one_reading_of_each_column() -> None:
    parsed = parse(b"1.0,2,3\n", name="f", first_line=1, line_format=GREEND)
    assert [(one.reason, one.count, one.raw) for one in parsed.rejections] == [(Reason.BROKEN_LINE, 3, b"1.0,2,3")]
