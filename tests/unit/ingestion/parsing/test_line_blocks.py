"""Blocks of lines: nothing lost, nothing twice, whatever their size."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.parsing import line_blocks as module
from ingestion.parsing.line_blocks import LineBlock, line_blocks, tail_block
from tests.support.examples import examples


@settings(max_examples=examples(60))
@given(text=st.lists(st.sampled_from([b"a", b"bc", b"\n", b"\0"]), max_size=40).map(b"".join), size=st.integers(1, 12))
def test_blocks__are_the_file_cut_at_line_ends(text: bytes, size: int) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(text)
        blocks = list(line_blocks(path, name="file", block_bytes=size))
    assert b"".join(block.data for block in blocks) == text
    assert all(block.data.endswith(b"\n") for block in blocks[:-1])
    lines = text.split(b"\n")
    for block in blocks:
        assert [block.line(block.first_line + index) for index in range(len(block))] == lines[
            block.first_line - 1 : block.first_line - 1 + len(block)
        ]


def test_blocks__a_line_without_end_does_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_LINE", 1000)
    path = tmp_path / "file"
    path.write_bytes(b"\0" * 10_000 + b"\n1 2\n")
    blocks = list(line_blocks(path, name="file", block_bytes=100))
    assert max(len(block.data) for block in blocks) <= 1100
    assert sum(len(block.data) for block in blocks) == 10_005


def test_block__windows_line_ends_are_line_ends() -> None:
    block = LineBlock(b"1 2\r\n3 4\r\n", name="f", first_line=7)
    assert (block.line(8), block.position(8)) == (b"3 4", "f:8")


def test_tail__starts_with_a_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"1 one\n2 two\n3 three\n")
    assert tail_block(path, name="file", tail_bytes=12).data == b"3 three\n"
    assert tail_block(path, name="file", tail_bytes=1000).data == path.read_bytes()
