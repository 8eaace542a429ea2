"""Defines the protocol of a data set's reader: its series, and its readings in one order of time over all of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Protocol

from gridflex.config import Readings
from gridflex.domain.readings import ReadingBlock, SourceSeries


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


class ReaderFactory(Protocol):
    """Opens a data set: what each module of a data set's layout offers."""

    def __call__(self, root: Path, /, *, houses: Collection[str] | None, readings: Readings) -> Reader:
        """``houses``: only these, by the data set's own numbers; None: all. Raises ``SourceError``."""
        ...
