"""Readings of appliances and meters: what one is, which can be, and columns of them."""

from __future__ import annotations

from gridflex.domain.readings.columns import MS_PER_DAY, MS_PER_S, Flags, Floats, Indexes, Ints
from gridflex.domain.readings.packed import PackedColumns, pack
from gridflex.domain.readings.record import ReadingBlock, Reason, Rejection, SourceSeries, observed_s
from gridflex.domain.readings.validity import (
    EARLIEST_EVENT_MS,
    EARLIEST_SOURCE_MS,
    LATEST_SOURCE_MS,
    plausible_event,
    plausible_source,
)

__all__ = [
    "EARLIEST_EVENT_MS",
    "EARLIEST_SOURCE_MS",
    "LATEST_SOURCE_MS",
    "MS_PER_DAY",
    "MS_PER_S",
    "Flags",
    "Floats",
    "Indexes",
    "Ints",
    "PackedColumns",
    "ReadingBlock",
    "Reason",
    "Rejection",
    "SourceSeries",
    "observed_s",
    "pack",
    "plausible_event",
    "plausible_source",
]
