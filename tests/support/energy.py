"""Energies straight from a data set's files, by plain numpy: what Druid's sums are held against."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

MAX_GAP_S = 60
REORDER_S = 120


def redd_energy_wh(house: Path) -> dict[str, float]:
    """Energy by channel of one REDD house: late rows left out, sorted by time, gaps without energy."""
    energies = {}
    for file in sorted(house.glob("channel_*.dat")):
        rows = np.loadtxt(file, ndmin=2)
        times, power = rows[:, 0], rows[:, 1]
        kept = np.maximum.accumulate(times) - times <= REORDER_S
        energies[file.stem.removeprefix("channel_")] = integrate(times[kept], power[kept])
    return energies


def greend_energy_wh(building: Path) -> dict[str, float]:
    """Energy by column of one GREEND building without broken lines: missing values and gaps carry none."""
    columns: dict[int, list[tuple[float, float]]] = {}
    for file in sorted(building.glob("dataset_*.csv")):
        for row in csv.reader(file.read_text().splitlines()):
            if row and row[0] != "timestamp":
                for column, value in enumerate(row[1:], start=1):
                    power = np.nan if value == "NULL" else float(value)
                    columns.setdefault(column, []).append((float(row[0]), power))
    energies = {}
    for column, pairs in columns.items():
        times, power = np.array(pairs).T
        energies[str(column)] = integrate(times, power)
    return energies


def integrate(times_s: np.ndarray, power_w: np.ndarray) -> float:
    """Wh of one series: a reading's power holds since the one before, unless a gap or a missing value lies between."""
    order = np.argsort(times_s, kind="stable")
    times_ms, power = np.round(times_s[order] * 1000), power_w[order]
    steps = np.diff(times_ms, prepend=times_ms[:1]) / 1000
    after_missing = np.isnan(np.concatenate([[np.nan], power[:-1]]))
    steps[(steps > MAX_GAP_S) | after_missing] = 0
    good = ~np.isnan(power)
    return float(np.sum(power[good] * steps[good]) / 3600)
