"""Files are there whole, or as they were."""

from pathlib import Path

import pytest

from gridflex.files import replaced, write_atomically


def test_write__replaces_the_text_and_leaves_nothing_beside(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    (tmp_path / "state.json.new").write_text("half of an earlier writ")  # of a writer that was killed
    for text in ("longer text", "é"):
        write_atomically(file, text)
        assert file.read_bytes() == text.encode()
    assert list(tmp_path.iterdir()) == [file]


def test_private_file__is_its_owners_alone_whatever_was_there(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    (tmp_path / "secret.new").touch(mode=0o666)
    file.touch(mode=0o666)
    write_atomically(file, "x", private=True)
    assert (file.stat().st_mode & 0o777, file.read_text()) == (0o600, "x")


def test_replaced__leaves_the_file_as_it_was_when_its_writer_fails(tmp_path: Path) -> None:
    file = tmp_path / "out"
    file.write_text("old")

    def write() -> None:
        with replaced(file) as fresh:
            fresh.write_text("half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write()
    assert file.read_text() == "old"
