"""Reads a file as blocks of whole lines, and finds its way back to a line's number and bytes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gridflex.errors import SourceError

LONGEST_LINE = 4 << 20
"""A longer run of bytes without a newline is cut here, so that memory stays bounded."""
RAW_BYTES = 200
"""How much of a bad line a rejection keeps."""
_BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class LineBlock:
    """Whole lines of one file, with where they stand."""

    def __init__(self, data: bytes, *, name: str, first_line: int) -> None:
        self.data = data.replace(b"\r\n", b"\n") if b"\r" in data else data
        self.name = name
        """The file, relative to the data set's root."""
        self.first_line = first_line
        """Number of the first line, from 1."""

    def __len__(self) -> int:
        return len(self._starts) - 1

    @cached_property
    def _starts(self) -> npt.NDArray[np.int64]:
        """Offset of each line's first byte, and one past the last line's end."""
        ends = np.flatnonzero(np.frombuffer(self.data, dtype=np.uint8) == ord("\n")) + 1
        tail = [len(self.data)] if not self.data.endswith(b"\n") and self.data else []
        return np.concatenate(([0], ends, tail)).astype(np.int64)

    def line(self, number: int) -> bytes:
        """The bytes of line ``number`` of the file, without its newline."""
        index = number - self.first_line
        return self.data[self._starts[index] : self._starts[index + 1]].rstrip(b"\n")

    def raw(self, number: int) -> bytes:
        """What a rejection keeps of line ``number``."""
        return self.line(number)[:RAW_BYTES]

    def position(self, number: int) -> str:
        """``<file>:<line>``."""
        return f"{self.name}:{number}"


def line_blocks(path: Path, *, name: str, block_bytes: int) -> Iterator[LineBlock]:
    """The whole file, in blocks of about ``block_bytes``. The file is closed between blocks.

    Raises ``SourceError`` on a file that cannot be read, or that is UTF-16.
    """
    with _readable(path):
        offset, first_line, size = 0, 1, path.stat().st_size
    while offset < size:
        with _readable(path):
            data = _read_lines(path, offset, block_bytes)
        if not data:
            return
        length, lines = len(data), data.count(b"\n")
        if offset == 0:
            data = _plain(data, path)
        yield LineBlock(data, name=name, first_line=first_line)
        offset, first_line = offset + length, first_line + lines


def tail_block(path: Path, *, name: str, tail_bytes: int) -> LineBlock:
    """The last whole lines of a file, about ``tail_bytes``; its line numbers count from the first of them."""
    with _readable(path), path.open("rb") as file:
        size = path.stat().st_size
        file.seek(max(0, size - tail_bytes))
        data = file.read()
    data = data[data.find(b"\n") + 1 :] if size > tail_bytes else _plain(data, path)
    return LineBlock(data, name=name, first_line=1)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise SourceError(f"{path} cannot be read: {problem.strerror or problem}") from None


def _plain(data: bytes, path: Path) -> bytes:
    """The first bytes of a file without the mark of UTF-8."""
    if data.startswith(_UTF_16):
        raise SourceError(f"{path} is UTF-16; expected ASCII or UTF-8: iconv -f UTF-16 -t UTF-8 {path.name}")
    return data.removeprefix(_BOM)


def _read_lines(path: Path, offset: int, block_bytes: int) -> bytes:
    """Whole lines from ``offset`` on."""
    with path.open("rb", buffering=0) as file:
        file.seek(offset)
        data = file.read(block_bytes)
        if len(data) < block_bytes:
            return data
        end = data.rfind(b"\n") + 1
        while end == 0 and len(data) < LONGEST_LINE and (more := file.read(block_bytes)):
            start = len(data)
            data += more
            end = data.find(b"\n", start) + 1
    return data[: end or len(data)]
