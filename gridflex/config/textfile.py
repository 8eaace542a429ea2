"""Reads small text files that people write by hand; errors name the line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BOM = "\ufeff"
LARGEST_TABLE_BYTES = 200_000_000
Row = tuple[int, dict[str, str]]
"""Line number, and fields by column."""


def plain_text(path: Path, largest_bytes: int) -> str:
    """The text of a UTF-8 file, without the mark that some editors put first.

    Raises ``ValueError`` in one line: ``FILE:LINE: what was found; what is allowed``.
    """
    try:
        with path.open("rb") as file:
            data = file.read(largest_bytes + 1)
    except OSError as problem:
        raise ValueError(f"{path}: {problem.strerror}; expected a text file") from None
    if len(data) > largest_bytes:
        raise ValueError(f"{path}: larger than {largest_bytes:,} bytes; expected a smaller file")
    if data.startswith(_UTF16):
        raise ValueError(f"{path}: it is UTF-16; save it as UTF-8")
    if b"\0" in data:
        line = data[: data.index(b"\0")].count(b"\n") + 1
        raise ValueError(f"{path}:{line}: a NUL byte; expected plain text in UTF-8")
    try:
        return data.decode("utf-8").removeprefix(_BOM)
    except UnicodeDecodeError as problem:
        line = data[: problem.start].count(b"\n") + 1
        found = data.splitlines()[line - 1][:60]
        raise ValueError(f"{path}:{line}: found {found!r}, which is not UTF-8; save it as UTF-8") from None


def csv_rows(path: Path, columns: tuple[str, ...], optional: tuple[str, ...] = ()) -> Iterator[Row]:
    """Line number and fields of each row of a table with these very columns; after them may stand some ``optional``.

    Raises ``ValueError`` in one line for another header, a row with more or fewer fields, or a file that is no text.
    """
    lines = csv.reader(io.StringIO(plain_text(path, LARGEST_TABLE_BYTES), newline=""), strict=True)
    expected = ",".join(columns) + "".join(f"[,{name}]" for name in optional)
    try:
        header = next(lines, [])
        names = tuple(name.strip() for name in header)
        more = names[len(columns) :]
        if names[: len(columns)] != columns or not set(more) <= set(optional) or len(set(more)) < len(more):
            raise ValueError(f"{path}:1: found columns {','.join(header)[:80]!r}; expected {expected}")
        for fields in lines:
            if not fields:
                continue
            if len(fields) != len(names):
                found = ",".join(fields)[:80]
                raise ValueError(f"{path}:{lines.line_num}: found {found!r}; expected {','.join(names)}")
            yield lines.line_num, {name: field.strip() for name, field in zip(names, fields, strict=True)}
    except csv.Error as problem:
        raise ValueError(f"{path}:{lines.line_num}: {problem}; expected {expected}") from None
