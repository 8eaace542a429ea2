"""Turns lines of numbers into columns: a fast path over whole blocks, a line-by-line one where that finds anything off.

Both paths accept the same lines and give the same numbers; the second one says what is wrong with the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from gridflex.domain.readings import Floats, Ints, Reason, Rejection
from ingestion.parsing.line_blocks import RAW_BYTES

MISSING_TOKENS = frozenset({b"", b"NULL", b"null", b"NaN", b"nan", b"NAN"})
_NUMBER = re.compile(rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_FAST_BYTES = b"0123456789.\n-+eENUL"
"""The fast path takes only these bytes and the delimiter: of them it accepts what ``_NUMBER`` does, and NULL."""
_FEW_LINES = 64
_PARTS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFormat:
    """What a line looks like: a time in seconds, then ``columns`` values."""

    delimiter: bytes
    columns: int
    extra_fields: bool
    """Whether a line may have more fields; they are rejected alone, else the line is."""
    what: str
    """For people: what a line should be."""


@dataclass(slots=True, kw_only=True)
class Parsed:
    """The well-formed lines of a piece of a file, and the others as rejections."""

    line: Ints
    """Line numbers, shape (n,)."""
    time_s: Floats
    """Shape (n,), as written, never NaN."""
    cells: Floats
    """Shape (n, columns); NaN where there is no value."""
    broken: dict[tuple[int, int], bytes]
    """Cells that are no number, by (line number, column); they are NaN in ``cells``."""
    extra: dict[int, int]
    """Lines with more fields than columns: line number -> how many more."""
    rejections: list[Rejection]

    @property
    def last_line(self) -> int:
        """The number of the last well-formed line, 0 if there is none."""
        return int(self.line[-1]) if len(self.line) else 0


def parse(data: bytes, *, name: str, first_line: int, line_format: LineFormat) -> Parsed:
    """Parse whole lines. ``name`` and ``first_line`` say where they stand, for the rejections."""
    pieces = list(_parse_pieces(data, name, first_line, line_format))
    return pieces[0] if len(pieces) == 1 else _joined(pieces, line_format)


def parse_by_line(data: bytes, *, name: str, first_line: int, line_format: LineFormat) -> Parsed:
    """The same as ``parse``, line by line: slow, and the definition of what is accepted."""
    lines: list[int] = []
    times: list[float] = []
    rows: list[list[float]] = []
    result = _joined([], line_format)
    split = data.split(b"\n")
    for number, raw in enumerate(split[:-1] if data.endswith(b"\n") else split, start=first_line):
        text = raw.strip(b"\0 \t\r")
        if not text and b"\0" not in raw:
            continue
        fields = (
            text.split()
            if line_format.delimiter == b" "
            else [field.strip() for field in text.split(line_format.delimiter)]
        )
        problem = _problem(fields, line_format)
        if problem:
            detail = f"{problem}; expected {line_format.what}"
            result.rejections.append(
                Rejection(
                    reason=Reason.BROKEN_LINE,
                    position=f"{name}:{number}",
                    detail=detail,
                    raw=raw[:RAW_BYTES],
                    count=line_format.columns,
                )
            )
            continue
        if len(fields) > line_format.columns + 1:
            result.extra[number] = len(fields) - line_format.columns - 1
        lines.append(number)
        times.append(float(fields[0]))
        rows.append([_cell(fields[column + 1], number, column, result) for column in range(line_format.columns)])
    result.line, result.time_s = np.array(lines, dtype=np.int64), np.array(times, dtype=np.float64)
    result.cells = np.array(rows, dtype=np.float64).reshape(len(rows), line_format.columns)
    return result


def _problem(fields: list[bytes], line_format: LineFormat) -> str:
    if len(fields) < line_format.columns + 1 or (
        len(fields) > line_format.columns + 1 and not line_format.extra_fields
    ):
        return f"found {len(fields)} fields"
    if not _NUMBER.fullmatch(fields[0]):
        return f"found time {fields[0][:40]!r}"
    return ""


def _cell(text: bytes, number: int, column: int, result: Parsed) -> float:
    if _NUMBER.fullmatch(text):
        return float(text)
    if text not in MISSING_TOKENS:
        result.broken[number, column] = text[:RAW_BYTES]
    return float("nan")


def _parse_pieces(data: bytes, name: str, first_line: int, line_format: LineFormat) -> Iterator[Parsed]:
    """The fast path where it goes; where not, smaller pieces, and at last line by line."""
    fast = _parse_fast(data, first_line, line_format)
    if fast is not None:
        yield fast
        return
    if data.count(b"\n") <= _FEW_LINES:
        yield parse_by_line(data, name=name, first_line=first_line, line_format=line_format)
        return
    start = 0
    while start < len(data):
        end = data.find(b"\n", start + len(data) // _PARTS) + 1 or len(data)
        piece = data[start:end]
        if len(piece) == len(data):
            yield parse_by_line(data, name=name, first_line=first_line, line_format=line_format)
            return
        yield from _parse_pieces(piece, name, first_line, line_format)
        first_line += piece.count(b"\n")
        start = end


def _parse_fast(data: bytes, first_line: int, line_format: LineFormat) -> Parsed | None:
    """All lines at once, or None if anything is off."""
    if not data or data.translate(None, _FAST_BYTES + line_format.delimiter):
        return None
    names = [str(column) for column in range(line_format.columns + 1)]
    try:
        table = pa_csv.read_csv(
            pa.BufferReader(data),
            read_options=pa_csv.ReadOptions(column_names=names, use_threads=False, block_size=len(data) + 1),
            parse_options=pa_csv.ParseOptions(
                delimiter=line_format.delimiter.decode(), quote_char=False, ignore_empty_lines=False
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.float64()), null_values=["NULL"], check_utf8=False
            ),
        )
    except pa.ArrowInvalid:
        return None
    time_s = table.column(0).to_numpy()
    if np.isnan(time_s).any() or len(time_s) != data.count(b"\n") + (not data.endswith(b"\n")):
        return None
    columns = [table.column(column + 1).to_numpy() for column in range(line_format.columns)]
    return Parsed(
        line=np.arange(first_line, first_line + len(time_s), dtype=np.int64),
        time_s=time_s,
        cells=np.column_stack(columns) if line_format.columns > 1 else columns[0].reshape(-1, 1),
        broken={},
        extra={},
        rejections=[],
    )


def _joined(pieces: list[Parsed], line_format: LineFormat) -> Parsed:
    return Parsed(
        line=np.concatenate([np.zeros(0, dtype=np.int64), *(piece.line for piece in pieces)]),
        time_s=np.concatenate([np.zeros(0), *(piece.time_s for piece in pieces)]),
        cells=np.concatenate([np.zeros((0, line_format.columns)), *(piece.cells for piece in pieces)]),
        broken={key: text for piece in pieces for key, text in piece.broken.items()},
        extra={key: count for piece in pieces for key, count in piece.extra.items()},
        rejections=[rejection for piece in pieces for rejection in piece.rejections],
    )
