"""Reads files of interval loads into ``gridflex.domain.baseline.Loads``, the input of every baseline method."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from batch.benchmark.loads.lcl import read_lcl
from batch.benchmark.loads.lcl_hourly import read_lcl_hourly
from batch.benchmark.loads.load_csv import read_load_csv
from batch.benchmark.loads.loadshape import read_loadshape
from batch.benchmark.loads.rows import Found

FORMATS: dict[str, Callable[[Path], Found]] = {
    "lcl": read_lcl,
    "lcl-hourly": read_lcl_hourly,
    "loadshape": read_loadshape,
    "csv": read_load_csv,
}

__all__ = ["FORMATS", "Found"]
