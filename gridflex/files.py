"""Writes files whole or not at all: no reader finds half a file, whenever the writer is killed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PRIVATE, _USUAL = 0o600, 0o666


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Gives a path beside ``path`` to write to; at the end of the block it replaces ``path``.

    Where the block fails, ``path`` stays as it was.
    """
    fresh = path.with_name(f"{path.name}.new")
    yield fresh
    fresh.replace(path)


def write_atomically(path: Path, text: str, *, private: bool = False) -> None:
    """Replace the file's text, in UTF-8. ``private``: nobody but its owner may read it, at no moment."""
    with replaced(path) as fresh:
        if private:
            fresh.unlink(missing_ok=True)  # one that is there keeps its mode
        flags = os.O_WRONLY | os.O_CREAT | (os.O_EXCL if private else os.O_TRUNC)
        with os.fdopen(os.open(fresh, flags, _PRIVATE if private else _USUAL), "w", encoding="utf-8") as output:
            output.write(text)
