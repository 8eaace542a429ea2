"""REDD, low frequency: ``low_freq/house_N/labels.dat`` and ``channel_N.dat`` with ``<epoch seconds> <watts>`` a line.

::

    labels.dat       channel_3.dat
    1 mains          1303100647 4.00
    3 microwave      1303100651 4.00
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from gridflex.config import Readings
from gridflex.domain.readings import Flags, ReadingBlock, Rejection, SourceSeries
from gridflex.errors import SourceError
from ingestion.readers.houses import block_bytes, chosen, class_of, numbered
from ingestion.readers.line_blocks import LineBlock, line_blocks, tail_block
from ingestion.readers.merge import merge
from ingestion.readers.parse import Form, Parsed, parse, parse_by_line
from ingestion.readers.sequence import Sequence
from ingestion.readers.sift import Demand, Rows, sift

log = logging.getLogger(__name__)

LAYOUT = "low_freq/house_N/labels.dat and low_freq/house_N/channel_N.dat"
FORM = Form(delimiter=b" ", columns=1, extra_fields=False, what="<epoch seconds> <watts>")
NEVER_BEFORE_S = 0.0
NEVER_AFTER_S = 4_102_444_800.0
"""2100-01-01: a later time is damage."""
LEAP_S = 86_400.0
"""A leap ahead of more than a day that the next row takes back is damage; one that lasts is a gap."""
END_BYTES = 4 << 10
"""How much of a file's ends is read at first to find the span; more if that is not enough."""


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
            files = numbered(folder, "channel_", ".dat")
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
        firsts = [time for file in self._files if (time := self._end(file, head=True)) is not None]
        lasts = [time for file in self._files if (time := self._end(file, head=False)) is not None]
        if not firsts or not lasts:
            raise SourceError(f"found no good reading in {self._root}; expected lines of {FORM.what}")
        return min(firsts), max(lasts)

    def _feed(self, series: int, file: Path, size: int) -> Iterator[ReadingBlock]:
        name = str(file.relative_to(self._root))
        return self._readings_of(series, line_blocks(file, name=name, block_bytes=size))

    def _readings_of(self, series: int, blocks: Iterable[LineBlock]) -> Iterator[ReadingBlock]:
        limits = self._readings
        sequence = Sequence(first_series=series, series=1, reorder_s=limits.reorder_s, max_gap_s=limits.max_gap_s)
        channel = _Channel(max_power_w=limits.max_power_w)

        def push(block: LineBlock) -> ReadingBlock:
            rows, rejections = channel.rows(block)
            ready, late = sequence.push(rows, block)
            return replace(ready, rejections=[*rejections, *late])

        yield from map(push, blocks)
        yield sequence.finish()

    def _end(self, file: Path, *, head: bool) -> int | None:
        """The first or last good time of a file, from as few of its bytes as will do."""
        size, total = END_BYTES, file.stat().st_size
        while True:
            block = (
                next(line_blocks(file, name=file.name, block_bytes=size), None)
                if head
                else tail_block(file, name=file.name, tail_bytes=size)
            )
            if block is None:
                return None
            times = np.concatenate([part.source_time_ms for part in self._readings_of(0, [block])])
            if len(times):
                return int(times[0] if head else times[-1])
            if size >= total:
                return None
            size *= 16


class _Channel:
    """Parses the blocks of one channel's file in turn."""

    def __init__(self, *, max_power_w: float) -> None:
        self._demand = Demand(
            columns=[0], series=1, after_s=NEVER_BEFORE_S, before_s=NEVER_AFTER_S, max_power_w=max_power_w
        )
        self._previous_s = -np.inf

    def rows(self, block: LineBlock) -> tuple[Rows, list[Rejection]]:
        """The block's rows and rejections."""
        parsed = parse(block.data, name=block.name, first_line=block.first_line, form=FORM)
        rows, rejections = sift(block, parsed, self._demand, unbelievable=self._leaps(parsed, block))
        if len(parsed.time_s):
            self._previous_s = float(parsed.time_s[-1])
        return rows, rejections

    def _leaps(self, parsed: Parsed, block: LineBlock) -> Flags | None:
        """Rows that leap ahead alone: far after both of their neighbours."""
        following = parse_by_line(block.lookahead.partition(b"\n")[0], name="", first_line=0, form=FORM).time_s
        times = np.concatenate(([self._previous_s], parsed.time_s, following[:1] if len(following) else [np.inf]))
        if not (np.diff(times[1:]) < -LEAP_S).any():
            return None
        return (times[1:-1] - times[2:] > LEAP_S) & (times[1:-1] - times[:-2] > LEAP_S)


def _houses(root: Path, asked: Collection[str] | None) -> dict[int, Path]:
    """The houses that have channels; one without is an error only if it is asked for."""
    found = {}
    for house, folder in numbered(root, "house_").items():
        if numbered(folder, "channel_", ".dat"):
            found[house] = folder
        elif asked is not None and str(house) in asked:
            raise SourceError(f"{folder} has no channel_N.dat; expected {LAYOUT}")
        else:
            log.info("skipped house without channels folder=%s", folder)
    return found


def _labels(path: Path) -> dict[int, str]:
    """Channel number -> label. Raises ``SourceError`` if the file is missing or a line is not ``<channel> <label>``."""
    if not path.is_file():
        raise SourceError(f"no {path}; expected {LAYOUT}")
    labels = {}
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        channel, _, label = line.strip().partition(" ")
        if not line.strip():
            continue
        if not channel.isdecimal() or not label:
            raise SourceError(f"{path}:{number}: found {line!r}, expected <channel number> <label>")
        labels[int(channel)] = label
    return labels
