"""Finds the houses of a data set: numbered folders, in the order of their numbers."""

from __future__ import annotations

import logging
from collections.abc import Collection
from pathlib import Path

from gridflex.contracts.appliances import UNKNOWN, appliance_class
from gridflex.errors import SourceError

log = logging.getLogger(__name__)

BUFFER_BYTES = 64 << 20
"""Bytes of text read ahead over all files together."""
BLOCK_BYTES = (8 << 10, 256 << 10)
"""Least and most bytes read from a file at once."""


def block_bytes(files: int) -> int:
    """How much to read at once from each of so many files that are read side by side.

    >>> block_bytes(24), block_bytes(1000), block_bytes(100_000)
    (262144, 67108, 8192)
    """
    least, most = BLOCK_BYTES
    return min(most, max(least, BUFFER_BYTES // max(1, files)))


def numbered(folder: Path, prefix: str, suffix: str = "") -> dict[int, Path]:
    """The entries ``<prefix><number><suffix>`` of a folder, by number, ascending."""
    found = {}
    for entry in folder.iterdir():
        number = entry.name.removeprefix(prefix).removesuffix(suffix)
        if entry.name == f"{prefix}{number}{suffix}" and number.isascii() and number.isdecimal():
            found[int(number)] = entry
    return dict(sorted(found.items()))


def chosen(found: dict[int, Path], houses: Collection[str] | None, *, where: Path, layout: str) -> dict[int, Path]:
    """The houses asked for. Raises ``SourceError`` naming what there is, if one is missing or there is none."""
    there = ", ".join(str(number) for number in found) or "none"
    if houses is None:
        if not found:
            raise SourceError(f"found no house in {where}; expected {layout}")
        return found
    missing = sorted(house for house in houses if house not in {str(number) for number in found})
    if missing:
        raise SourceError(f"no house {', '.join(missing)} in {where}; houses there: {there}; expected {layout}")
    return {number: path for number, path in found.items() if str(number) in houses}


def class_of(dataset: str, label: str, where: Path) -> str:
    """The appliance class of a label; an unknown label is logged and read as class ``unknown``."""
    appliance = appliance_class(dataset, label)
    if appliance == UNKNOWN:
        log.warning("unknown label dataset=%s label=%r file=%s class=%s", dataset, label, where, UNKNOWN)
    return appliance
