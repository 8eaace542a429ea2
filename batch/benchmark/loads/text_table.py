"""Parses comma-separated text into blocks of rows: one line is one row, whatever its quotes.

A file is read in blocks, so memory does not grow with it. What is no UTF-8 text is an error that names the file and
the line; a line that is no row (fields too many or too few, an open quote, a NUL byte) is a counted defect and costs no
other line. Cells are text; an empty cell is "", and no word stands for a missing value.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from batch.benchmark.loads.defects import Defects, shown
from batch.benchmark.loads.text_blocks import text_blocks
from gridflex.domain.readings import Ints
from gridflex.errors import SourceError

_TITLE_LINES = 50
_SAMPLE_BYTES = 5000
_AFTER_QUOTE = re.compile(r'" +,')


def tables(
    file: Path, needed: Sequence[str], defects: Defects, *, optional: Sequence[str] = (), encoding: str = "utf-8"
) -> Iterator[pd.DataFrame]:
    """Parse a file with a header, block by block, to the columns ``needed``, those of ``optional`` that it has, and
    ``line``.

    Names in the header are stripped of spaces; the columns' order is free. Raises ``SourceError`` for a file that
    cannot be read, is empty, or lacks a column or has it twice.
    """
    header: _Header | None = None
    for first, block in text_blocks(file, encoding):
        line, rows = first, block
        if header is None:
            header = _header(file, first, block, encoding, needed=needed, optional=optional)
            if header is None:
                continue
            line, rows = header.rows_line, block[header.rows_at :]
        layout = _Layout(file=file, width=len(header.names), defects=defects, encoding=encoding)
        chosen = [name for name in (*needed, *optional) if name in header.names]
        frame = layout.frame(line, rows)[[*(header.names.index(name) for name in chosen), "line"]]
        yield frame.set_axis([*chosen, "line"], axis=1)
    if header is None:
        raise SourceError(f"{file}: empty; expected a header line with {','.join(needed)}")


def plain_rows(file: Path, defects: Defects, *, fields: int, more: bool = False) -> Iterator[pd.DataFrame]:
    """Parse a file without a header, block by block, to columns 0..fields-1 and ``line``.

    ``more``: further fields are allowed and ignored. Raises ``SourceError`` when most of the first rows have others.
    """
    width = 0
    for line, block in text_blocks(file):
        if not width:
            width, row = _usual_width(block, fields)
            if row and (width < fields or (width > fields and not more)):
                raise SourceError(f"{file}:{line}: {width} field(s) in {shown(row)}; expected {fields}")
        if width:
            yield _Layout(file=file, width=width, defects=defects).frame(line, block)[[*range(fields), "line"]]


def _usual_width(block: bytes, fields: int) -> tuple[int, str]:
    """The number of fields that most of the first lines have, and the first such line; 0 when all are empty."""
    texts = [text for text in block[:_SAMPLE_BYTES].decode(errors="replace").split("\n") if text.strip()]
    widths = [len(_trimmed(_split(text) or [], fields)) for text in texts]
    if not widths:
        return 0, ""
    width = max(set(widths), key=widths.count)
    return width, texts[widths.index(width)]


def whole(blocks: Iterator[pd.DataFrame]) -> pd.DataFrame:
    """Concatenate all blocks of a small file."""
    return pd.concat(list(blocks), ignore_index=True)


def header_of(file: Path, encoding: str = "utf-8") -> list[str]:
    """The column names in a file's first line that is not empty. Raises ``SourceError``."""
    for _, block in text_blocks(file, encoding):
        for text in block.decode(encoding).split("\n"):
            if text.strip():
                return _names(text)
    return []


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    """The first line that is not empty."""

    names: list[str]
    rows_at: int
    """Where the rows start in the block, and the number of their first line."""
    rows_line: int


def _header(
    file: Path, first: int, block: bytes, encoding: str, *, needed: Sequence[str], optional: Sequence[str]
) -> _Header | None:
    """The header in a file's first block; None when all its lines are empty. Raises ``SourceError``."""
    lines = block.split(b"\n", _TITLE_LINES)
    texts = [text.decode(encoding) for text in lines[:_TITLE_LINES]]
    index = next((number for number, text in enumerate(texts) if text.strip()), None)
    if index is None:
        return None
    names = _names(texts[index])
    missing = [name for name in needed if name not in names]
    if missing:
        later = next((number for number, text in enumerate(texts) if set(needed) <= set(_names(text))), None)
        hint = f"; they stand in line {first + later}: remove the lines before it" if later is not None else ""
        raise SourceError(
            f"{file}:{first + index}: no column {', '.join(missing)} in {shown(texts[index])}; "
            f"expected {','.join(needed)}{''.join(f'[,{name}]' for name in optional)} separated by commas{hint}"
        )
    twice = [name for name in (*needed, *optional) if names.count(name) > 1]
    if twice:
        raise SourceError(f"{file}:{first + index}: column {', '.join(twice)} stands twice in {shown(texts[index])}")
    rows_at = sum(len(text) + 1 for text in lines[: index + 1])
    return _Header(names=names, rows_at=rows_at, rows_line=first + index + 1)


def _names(text: str) -> list[str]:
    names = [name.strip() for name in _split(text) or [text]]
    while names and not names[-1]:
        names.pop()
    return names


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """The layout of a file's rows."""

    file: Path
    width: int
    defects: Defects
    encoding: str = "utf-8"

    def frame(self, line: int, block: bytes) -> pd.DataFrame:
        """A block's rows as text, columns 0..width-1 and ``line``; ``line``: the block's first."""
        found = np.frombuffer(block, dtype=np.uint8)
        ends = np.flatnonzero(found == ord("\n"))
        starts = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
        empty = ends == starts
        regular = ~empty & (_count(found, ",", ends) == self.width - 1)
        regular &= (_count(found, '"', ends) == 0) & (_count(found, "\0", ends) == 0)
        kept = block if regular.all() else found[np.repeat(regular, ends - starts + 1)].tobytes()
        frame = self._regular(kept).assign(line=line + np.flatnonzero(regular))
        odd = np.flatnonzero(~regular & ~empty)
        if not len(odd):
            return frame
        texts = ((line + int(index), block[starts[index] : ends[index]].decode(self.encoding)) for index in odd)
        rows = self._odd(texts)
        return pd.concat([frame, rows]).sort_values("line", ignore_index=True) if len(rows) else frame

    def _regular(self, block: bytes) -> pd.DataFrame:
        if not block:
            return pd.DataFrame({column: pd.Series(dtype=object) for column in range(self.width)})
        return pd.read_csv(
            io.BytesIO(block),
            header=None,
            names=range(self.width),
            index_col=False,
            dtype=str,
            na_filter=False,
            quoting=csv.QUOTE_NONE,
            skip_blank_lines=False,
            encoding=self.encoding,
        )

    def _odd(self, texts: Iterable[tuple[int, str]]) -> pd.DataFrame:
        """Lines with quotes, or with another number of fields: rows where they can be read, else counted."""
        rows, numbers = [], []
        for number, text in texts:
            place = f"{self.file.name}:{number}: {shown(text)}"
            fields = _split(text)
            if "\0" in text:
                self.defects.add("nul_byte", 1, place)
            elif fields is None:
                self.defects.add("open_quote", 1, place)
            elif len(_trimmed(fields, self.width)) == self.width:
                rows.append(fields)
                numbers.append(number)
            elif text.strip():
                example = f"{place} has {len(fields)} field(s), the first line {self.width}"
                self.defects.add("wrong_number_of_fields", 1, example)
        frame = pd.DataFrame(rows, columns=range(self.width), dtype=object)
        return frame.assign(line=np.array(numbers, dtype=np.int64))


def _count(found: np.ndarray[tuple[int], np.dtype[np.uint8]], character: str, ends: Ints) -> Ints:
    """How often a character occurs in each line."""
    places = np.flatnonzero(found == ord(character))
    return np.diff(np.searchsorted(places, ends), prepend=0)


def _split(text: str) -> list[str] | None:
    """The fields of a line; None if a quote is not closed."""
    if '"' not in text:
        return text.split(",")
    for line in (text, _AFTER_QUOTE.sub('",', text)):
        try:
            return next(csv.reader([line], strict=True, skipinitialspace=True))
        except (csv.Error, StopIteration):
            continue
    return None


def _trimmed(fields: list[str], width: int) -> list[str]:
    """Fields without empty ones after the last that is expected."""
    while len(fields) > width and not fields[-1].strip():
        fields.pop()
    return fields
