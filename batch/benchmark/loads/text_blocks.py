"""Reads a text file in blocks of whole lines, in bounded memory; errors name the place of what is no text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from batch.benchmark.loads.defects import shown
from gridflex.errors import SourceError

BLOCK_BYTES = 8 * 1024 * 1024
_SAMPLE_BYTES = 1000
_MARKS = {
    b"\xff\xfe\x00\x00": "UTF-32 text",
    b"\x00\x00\xfe\xff": "UTF-32 text",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
    b"\x1f\x8b": "a gzip archive",
    b"PK\x03\x04": "a zip archive or an Excel workbook",
}


def text_lines(file: Path) -> list[str]:
    """The lines of a small file. Raises ``SourceError`` when it is not text."""
    return [line for _, block in text_blocks(file) for line in block.decode().split("\n")]


def text_blocks(file: Path, encoding: str = "utf-8") -> Iterator[tuple[int, bytes]]:
    """Blocks of whole lines of some megabytes, each with the number of its first line; all line ends become newlines.

    Raises ``SourceError`` for what cannot be opened and for what is not text of the encoding.
    """
    try:
        with file.open("rb") as stream:
            yield from _blocks(stream, encoding, file)
    except OSError as error:
        raise SourceError(f"{file}: cannot be read: {error.strerror or error}") from None


def _blocks(stream: BinaryIO, encoding: str, file: Path) -> Iterator[tuple[int, bytes]]:
    line, rest = 1, b""
    data = _after_mark(stream.read(BLOCK_BYTES), file)
    newlines = b"\n" in data
    while data:
        while data.endswith(b"\r") and (more := stream.read(1)):
            data += more
        data = rest + _with_newlines(data, newlines=newlines)
        cut = data.rfind(b"\n") + 1
        block, rest = data[:cut], data[cut:]
        if len(rest) > BLOCK_BYTES:
            raise SourceError(f"{file}:{line}: a line of more than {BLOCK_BYTES:,} bytes: no table of text")
        if block:
            _must_be_text(block, encoding, file, line)
            yield line, block
            line += block.count(b"\n")
        data = stream.read(BLOCK_BYTES)
    if rest:
        _must_be_text(rest, encoding, file, line)
        yield line, rest + b"\n"


def _with_newlines(data: bytes, *, newlines: bool) -> bytes:
    """Line ends of any kind as newlines; a carriage return within a line of a file that has newlines is a space."""
    if not newlines:
        return data.replace(b"\r", b"\n")
    for found, plain in ((b"\r\r\n", b"\n"), (b"\r\n", b"\n"), (b'\r"', b'"'), (b"\r", b" ")):
        data = data.replace(found, plain)
    return data


def _after_mark(data: bytes, file: Path) -> bytes:
    for mark, kind in _MARKS.items():
        if data.startswith(mark):
            raise SourceError(f"{file}: {kind}; expected comma-separated UTF-8 text")
    sample = data[:_SAMPLE_BYTES]
    if sample.count(0) > len(sample) // 5:
        raise SourceError(
            f"{file}: {sample.count(0)} of its first {len(sample)} bytes are NUL: UTF-16, or no text; expected UTF-8"
        )
    return data.removeprefix(b"\xef\xbb\xbf")


def _must_be_text(block: bytes, encoding: str, file: Path, line: int) -> None:
    try:
        block.decode(encoding)
    except UnicodeDecodeError as error:
        before = block[: error.start]
        text = before.rpartition(b"\n")[2].decode(encoding, "replace")
        number = line + before.count(b"\n")
        raise SourceError(
            f"{file}:{number}: byte 0x{block[error.start]:02x} after {shown(text)} is not {encoding.upper()} text; "
            f"save the file as UTF-8"
        ) from None
