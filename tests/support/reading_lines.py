"""What a reader yields, as JSON lines: the form of the golden files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from gridflex.config import Readings
from gridflex.domain.readings import Rejection
from ingestion.feeds import Reader, open_reader


def reader_lines(reader: Reader) -> Iterator[str]:
    """The readings in their order, then the rejections in theirs."""
    rejections: list[Rejection] = []
    for block in reader.blocks():
        rejections += block.rejections
        columns = (block.series, block.source_time_ms, block.power_w, block.observed_s)
        for series, time_ms, power_w, observed_s in zip(*(column.tolist() for column in columns), strict=True):
            one = reader.series[series]
            yield json.dumps([one.house, one.channel, one.appliance, time_ms, power_w, round(observed_s, 3)])
    for one in rejections:
        yield json.dumps([one.reason, one.position, one.count, one.raw.decode("latin-1"), one.detail])


def golden_lines(dataset: str, folder: Path) -> str:
    """What the golden file of a data set should hold."""
    reader = open_reader(dataset, folder / dataset, houses=None, readings=Readings())
    return "".join(line + "\n" for line in reader_lines(reader))
