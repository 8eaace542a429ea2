"""Reads data sets in their native layouts: one module each, and one order of time over all their series."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Protocol

from gridflex.config import Readings
from gridflex.domain.readings import ReadingBlock, SourceSeries
from gridflex.errors import SourceError
from ingestion.feeds.greend import GreendReader
from ingestion.feeds.redd import ReddReader

__all__ = ["DATASETS", "Reader", "open_reader"]

DATASETS: dict[str, type[GreendReader] | type[ReddReader]] = {"redd": ReddReader, "greend": GreendReader}
"""The data sets that can be read, by name."""


class Reader(Protocol):
    """A data set: its series, and its readings in order of time over all of them."""

    dataset: str
    series: tuple[SourceSeries, ...]

    def blocks(self) -> Iterator[ReadingBlock]:
        """The readings in order of source time, then of series, in bounded memory.

        The sequence of blocks depends on the files and the arguments alone. Every value of the files is either in a
        block's arrays or stands in one of its rejections. The last block may hold rejections only.
        """
        ...

    def span_ms(self) -> tuple[int, int]:
        """First and last source time of a good reading, UTC epoch, from the ends of the files alone.

        Raises ``SourceError`` if there is no good reading; the message says why the first was rejected.
        """
        ...


def open_reader(dataset: str, path: Path, *, houses: Collection[str] | None, readings: Readings) -> Reader:
    """Open the data set at ``path``; ``houses``: only these, by the data set's own numbers.

    Raises ``SourceError`` if it is not laid out as ``dataset`` demands, or holds no such house.
    """
    if dataset not in DATASETS:
        raise SourceError(f"unknown data set {dataset!r}; known: {', '.join(sorted(DATASETS))}")
    if not path.is_dir():
        raise SourceError(f"no folder {path}; expected the root of a {dataset.upper()} data set")
    return DATASETS[dataset](path, houses=houses, readings=readings)
