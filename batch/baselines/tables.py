"""Converts results to tables for Druid: one row a slice, with region, feeder and appliance class in columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from batch.baselines.fixed_fleet import LevelLoads
from gridflex.domain.readings import Ints

SLICE_COLUMNS = ("slice", "level", "region", "feeder", "appliance")


def coded(names: Sequence[str], codes: Ints) -> pa.Array:
    """A column of text given as codes into ``names``; an empty name is null."""
    return pa.array([name or None for name in names], pa.string()).take(pa.array(codes))


def repeated(text: str, length: int) -> pa.Array:
    """A column with the same text in every row."""
    return pa.array([text], pa.string()).take(pa.array(np.zeros(length, dtype=np.int64)))


def numbers(values: Any) -> pa.Array:
    """A column of floats; NaN and infinity are null."""
    array = np.asarray(values, dtype=np.float64)
    return pa.array(array, mask=~np.isfinite(array))


def slice_columns(level: LevelLoads, index: Ints) -> dict[str, pa.Array]:
    """The columns that name each row's slice; ``index`` of shape (rows,) into the level's slices."""
    return {
        "slice": coded([str(key) for key in level.keys], index),
        "level": repeated(level.level, len(index)),
        "region": coded([key.region for key in level.keys], index),
        "feeder": coded([key.feeder for key in level.keys], index),
        "appliance": coded([key.appliance for key in level.keys], index),
    }


def table(columns: Mapping[str, Any]) -> pa.Table:
    """A table of columns of one length."""
    return pa.table(dict(columns))


def joined(tables: Sequence[pa.Table]) -> pa.Table:
    """Concatenate tables; none gives a table without rows."""
    filled = [one for one in tables if len(one)]
    return pa.concat_tables(filled) if filled else pa.table({"time_ms": pa.array([], pa.int64())})
