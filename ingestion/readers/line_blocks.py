"""Reads a file as blocks of whole lines, and finds its way back to a line's number and bytes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

LONGEST_LINE = 4 << 20
"""A longer run of bytes without a newline is cut here, so that memory stays bounded."""
RAW_BYTES = 200
"""How much of a bad line a rejection keeps."""
LOOKAHEAD_BYTES = 256


class LineBlock:
    """Whole lines of one file, with where they stand."""

    def __init__(self, data: bytes, *, name: str, first_line: int, lookahead: bytes = b"") -> None:
        self.data = data.replace(b"\r\n", b"\n") if b"\r" in data else data
        self.name = name
        """The file, relative to the data set's root."""
        self.first_line = first_line
        """Number of the first line, from 1."""
        self.lookahead = lookahead
        """The start of what follows in the file, without its end if it is long."""

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
    """The whole file, in blocks of about ``block_bytes``. The file is closed between blocks."""
    offset, first_line, size = 0, 1, path.stat().st_size
    while offset < size:
        data, lookahead = _read_lines(path, offset, block_bytes)
        if not data:
            return
        length, lines = len(data), data.count(b"\n")
        yield LineBlock(data, name=name, first_line=first_line, lookahead=lookahead)
        offset, first_line = offset + length, first_line + lines


def tail_block(path: Path, *, name: str, tail_bytes: int) -> LineBlock:
    """The last whole lines of a file, about ``tail_bytes``; its line numbers count from the first of them."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - tail_bytes))
        data = file.read()
    if size > tail_bytes:
        data = data[data.find(b"\n") + 1 :]
    return LineBlock(data, name=name, first_line=1)


def _read_lines(path: Path, offset: int, block_bytes: int) -> tuple[bytes, bytes]:
    """Lines from ``offset`` on, and a look at what follows them."""
    wanted = block_bytes + LOOKAHEAD_BYTES
    with path.open("rb", buffering=0) as file:
        file.seek(offset)
        data = file.read(wanted)
        if len(data) < wanted and len(data) <= block_bytes:
            return data, b""
        end = data.rfind(b"\n", 0, block_bytes) + 1 or data.find(b"\n") + 1
        while end == 0 and len(data) < LONGEST_LINE and (more := file.read(block_bytes)):
            start = len(data)
            data += more
            end = data.find(b"\n", start) + 1
    end = end or len(data)
    return data[:end], data[end : end + LOOKAHEAD_BYTES]
