"""Reads data sets in their native layouts: one module each, and one order of time over all their series."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from gridflex.config import Readings
from gridflex.errors import SourceError
from ingestion.feeds.greend import GreendReader
from ingestion.feeds.reader import Reader, ReaderFactory
from ingestion.feeds.redd import ReddReader

__all__ = ["DATASETS", "Reader", "open_reader"]

DATASETS: Mapping[str, ReaderFactory] = {"redd": ReddReader, "greend": GreendReader}
"""The reader of each data set, by its name: another data set is another line."""


def open_reader(dataset: str, path: Path, *, houses: Collection[str] | None, readings: Readings) -> Reader:
    """Open the data set at ``path``; ``houses``: only these, by the data set's own numbers.

    Raises ``SourceError`` if it is not laid out as ``dataset`` demands, or holds no such house.
    """
    if dataset not in DATASETS:
        raise SourceError(f"unknown data set {dataset!r}; known: {', '.join(sorted(DATASETS))}")
    if not path.is_dir():
        raise SourceError(f"no folder {path}; expected the root of a {dataset.upper()} data set")
    return DATASETS[dataset](path, houses=houses, readings=readings)
