"""Parses the lines of the CSV tables that ship with the package."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from typing import TypeVar

from gridflex.errors import SchemaError

T = TypeVar("T")


def parse_lines(table: str, columns: Sequence[str], text: str, make: Callable[[dict[str, str]], T]) -> list[T]:
    """Convert each line by ``make``. Raises ``SchemaError`` naming the line and what is wrong with it."""
    lines = csv.DictReader(text.splitlines())
    if tuple(lines.fieldnames or ()) != tuple(columns):
        raise SchemaError(f"{table}: found columns {lines.fieldnames}; needed: {', '.join(columns)}")
    made = []
    for line in lines:
        try:
            made.append(make(line))
        except (ValueError, KeyError, TypeError, AttributeError) as problem:
            raise SchemaError(f"{table}:{lines.line_num}: {problem}") from None
    return made
