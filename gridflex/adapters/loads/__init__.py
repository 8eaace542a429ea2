"""Interval-load files into the one shape that baselines read (``gridflex.domain.baseline.Loads``).

They stand here and not in a stage because the bake-off (batch) and later jobs read the same files.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gridflex.adapters.loads.lcl import read_lcl
from gridflex.adapters.loads.lcl_hourly import read_lcl_hourly
from gridflex.adapters.loads.load_csv import read_load_csv
from gridflex.adapters.loads.loadshape import read_loadshape
from gridflex.adapters.loads.rows import Found

FORMATS: dict[str, Callable[[Path], Found]] = {
    "lcl": read_lcl,
    "lcl-hourly": read_lcl_hourly,
    "loadshape": read_loadshape,
    "csv": read_load_csv,
}

__all__ = ["FORMATS", "Found"]
