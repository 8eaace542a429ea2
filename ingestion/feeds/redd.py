"""Reads REDD, low frequency: ``low_freq/house_N/labels.dat`` and ``channel_N.dat`` with ``<epoch seconds> <watts>`` a
line.

::

    labels.dat       channel_3.dat
    1 mains          1303100647 4.00
    3 microwave      1303100651 4.00
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np

from gridflex.config import Readings
from gridflex.domain.readings import (
    EARLIEST_SOURCE_MS,
    LATEST_SOURCE_MS,
    MS_PER_S,
    ReadingBlock,
    Rejection,
    SourceSeries,
)
from gridflex.errors import SourceError
from ingestion.feeds.houses import block_bytes, chosen, class_of, nothing_good, numbered, read_text
from ingestion.parsing.columns import LineFormat, parse
from ingestion.parsing.line_blocks import LineBlock, line_blocks, tail_block
from ingestion.parsing.merge import merge
from ingestion.parsing.row_validation import ColumnSpec, Rows, validate_rows
from ingestion.parsing.runs import EDGE_ROWS
from ingestion.parsing.sequence import TimeOrder

log = logging.getLogger(__name__)

LAYOUT = "low_freq/house_N/labels.dat and low_freq/house_N/channel_N.dat"
LINE_FORMAT = LineFormat(delimiter=b" ", columns=1, extra_fields=False, what="<epoch seconds> <watts>")
LONGEST_NUMBER = 10
"""Digits of a channel's number are fewer."""
HEAD_BYTES = 32 << 10
TAIL_BYTES = (4 << 10, 64 << 10)
"""How much of a file's end is read to find its last time: the more if anything is odd, and again more at need."""


class ReddReader:
    """The channels of all houses, as one sequence of readings."""

    dataset = "redd"

    def __init__(self, path: Path, *, houses: Collection[str] | None, readings: Readings) -> None:
        self._root = path / "low_freq" if (path / "low_freq").is_dir() else path
        self._readings = readings
        self._files: list[Path] = []
        series = []
        folders = chosen(_houses(self._root, houses), houses, where=path, layout=LAYOUT)
        for house, folder in folders.items():
            labels = _labels(folder / "labels.dat")
            files = _channels(folder)
            if unlabelled := [str(channel) for channel in files if channel not in labels]:
                log.warning("channels without a label folder=%s channels=%s", folder, ",".join(unlabelled))
            for channel, file in files.items():
                appliance = class_of(self.dataset, labels.get(channel, "no label"), folder / "labels.dat")
                series.append(SourceSeries(house=str(house), channel=str(channel), appliance=appliance))
                self._files.append(file)
        self.series = tuple(series)

    def blocks(self) -> Iterator[ReadingBlock]:
        """See ``Reader``."""
        size = block_bytes(len(self._files))
        return merge(self._feed(index, file, size) for index, file in enumerate(self._files))

    def span_ms(self) -> tuple[int, int]:
        """See ``Reader``."""
        firsts = [time for index, file in enumerate(self._files) if (time := self._first(index, file)) is not None]
        lasts = [time for file in self._files if (time := self._last(file)) is not None]
        if not firsts or not lasts:
            raise nothing_good(self._root, self.blocks(), LINE_FORMAT.what)
        return min(firsts), max(lasts)

    def _feed(self, series: int, file: Path, size: int) -> Iterator[ReadingBlock]:
        name = str(file.relative_to(self._root))
        order = TimeOrder(first_series=series, series=1, limits=self._readings, edges=True)
        for block in line_blocks(file, name=name, block_bytes=size):
            yield from order.push(*self._rows(block))
        yield from order.finish()

    def _rows(self, block: LineBlock) -> tuple[Rows, LineBlock, list[Rejection]]:
        """The block's rows and rejections."""
        parsed = parse(block.data, name=block.name, first_line=block.first_line, line_format=LINE_FORMAT)
        rows, rejections = validate_rows(
            block,
            parsed,
            ColumnSpec(
                columns=[0],
                series=1,
                from_s=EARLIEST_SOURCE_MS / MS_PER_S,
                before_s=LATEST_SOURCE_MS / MS_PER_S,
                max_power_w=self._readings.max_power_w,
            ),
        )
        return rows, block, rejections

    def _first(self, series: int, file: Path) -> int | None:
        """The first good time of a file."""
        ready = (block.source_time_ms for block in self._feed(series, file, HEAD_BYTES))
        return next((int(times[0]) for times in ready if len(times)), None)

    def _last(self, file: Path) -> int | None:
        """The last good time of a file, from as few of its last bytes as will do."""
        size, enough = TAIL_BYTES
        total = file.stat().st_size
        while True:
            order = TimeOrder(first_series=0, series=1, limits=self._readings, edges=True)
            ready = order.push(*self._rows(tail_block(file, name=file.name, tail_bytes=size)))
            times = np.concatenate([part.source_time_ms for part in [*ready, *order.finish()]])
            plain = order.clock.breaks == 0 and len(times) > EDGE_ROWS
            if len(times) and (plain or size >= enough):
                return int(times[-1])
            if size >= total:
                return int(times[-1]) if len(times) else None
            size *= 16


def _houses(root: Path, asked: Collection[str] | None) -> dict[int, Path]:
    """The houses that have channels; one without is an error only if it is asked for."""
    found = {}
    for house, folder in numbered(root, "house_").items():
        problem = "has no channel_N.dat" if folder.is_dir() else "is no folder"
        if folder.is_dir() and numbered(folder, "channel_", ".dat"):
            found[house] = folder
        elif asked is not None and str(house) in asked:
            raise SourceError(f"{folder} {problem}; expected {LAYOUT}")
        else:
            log.log(logging.INFO if folder.is_dir() else logging.WARNING, "skipped house %s: it %s", folder, problem)
    return found


def _channels(folder: Path) -> dict[int, Path]:
    """Channel number -> file. Raises ``SourceError`` naming an entry that is no file, such as a link to nowhere."""
    channels = numbered(folder, "channel_", ".dat")
    for file in channels.values():
        if not file.is_file():
            what = "a link to a file that is not there" if file.is_symlink() else "no file"
            raise SourceError(f"{file} is {what}; expected {LAYOUT}")
    return channels


def _labels(path: Path) -> dict[int, str]:
    """Channel number -> label. Raises ``SourceError`` naming a line that is not ``<channel> <label>``, or no file."""
    labels: dict[int, str] = {}
    for number, line in enumerate(read_text(path, LAYOUT).split("\n"), start=1):
        channel, *label = line.strip("\0").split(maxsplit=1)[:2] or [""]
        if not channel:
            continue
        if not (channel.isascii() and channel.isdecimal() and len(channel) < LONGEST_NUMBER) or not label:
            raise SourceError(
                f"{path}:{number}: found {line.strip()[:80]!r}, expected <channel number> <label>, such as 3 microwave"
            )
        text = label[0].strip()
        if labels.setdefault(int(channel), text) != text:
            raise SourceError(
                f"{path}:{number}: found {line.strip()[:80]!r}, but channel {int(channel)} is "
                f"{labels[int(channel)][:80]!r} already; expected each channel once"
            )
    return labels
