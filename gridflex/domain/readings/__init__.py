"""Defines readings of appliances and meters, their validity, and columns of them."""

from __future__ import annotations

from gridflex.domain.readings.columns import MS_PER_DAY, MS_PER_S, Flags, Floats, Indexes, Ints
from gridflex.domain.readings.packed import PackedColumns, pack
from gridflex.domain.readings.record import IDENTITY_FIELDS, ReadingBlock, Reason, Rejection, SourceSeries, observed_s
from gridflex.domain.readings.series_id import HouseId, SeriesId
from gridflex.domain.readings.validity import (
    EARLIEST_EVENT_MS,
    EARLIEST_SOURCE_MS,
    GOOD,
    LATEST_SOURCE_MS,
    MAX_OBSERVED_S,
    REASONS,
    Limits,
    code_of,
    impossible_power,
    power_problem,
    validate,
)

__all__ = [
    "EARLIEST_EVENT_MS",
    "EARLIEST_SOURCE_MS",
    "GOOD",
    "IDENTITY_FIELDS",
    "LATEST_SOURCE_MS",
    "MAX_OBSERVED_S",
    "MS_PER_DAY",
    "MS_PER_S",
    "REASONS",
    "Flags",
    "Floats",
    "HouseId",
    "Indexes",
    "Ints",
    "Limits",
    "PackedColumns",
    "ReadingBlock",
    "Reason",
    "Rejection",
    "SeriesId",
    "SourceSeries",
    "code_of",
    "impossible_power",
    "observed_s",
    "pack",
    "power_problem",
    "validate",
]
