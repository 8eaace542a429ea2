"""Generated regions as one level of a fixed fleet, without a Druid."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np

from batch.baselines.fixed_fleet import Calendar, LevelLoads
from gridflex.domain.baseline import SliceKey
from tests.support.simulated.demand import Town, simulate

UTC = Calendar(zone=ZoneInfo("UTC"), interval_minutes=30)


def regions(count: int = 3, homes: int = 90, days: int = 120, seed: int = 1) -> LevelLoads:
    """Regions of as many homes each; the last day is the target day, a working day."""
    loads = simulate(Town(homes=homes, days=days, seed=seed, first_date=dt.date(2024, 1, 1)))
    kwh = np.stack([loads.kwh[index::count].sum(axis=0) for index in range(count)])
    keys = tuple(SliceKey(region=f"r{index}") for index in range(count))
    summed = replace(loads, names=tuple(map(str, keys)), kwh=kwh, excluded=loads.excluded[:count])
    return LevelLoads(level="region", keys=keys, loads=replace(summed, peak_temperature_c=None))
