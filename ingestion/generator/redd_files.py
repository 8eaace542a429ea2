"""Writes houses in REDD's layout, with REDD's defects: typos in labels, gaps, long steps, rows out of order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from gridflex.domain.readings import Floats, Indexes, Ints
from ingestion.generator.house import MeteredHouse
from ingestion.generator.occupancy import DAY_S
from ingestion.generator.sampling import REDD_LOGGER, Span, Watch, gaps, outside, redd_instants

MAINS = 2
FIRST_CHANNEL = MAINS + 1
HOLE_S = 6.0
"""Longer than any regular step."""
_DISORDER_RATE = 1e-3
_DISORDERED_CHANNELS = 0.75
_MOST_BACK_S = 94.0
_MOST_BACK_ROWS = 26
_REST_W = 60.0
"""What hangs on each leg unmeasured."""

_WRITE = pa_csv.WriteOptions(include_header=False, delimiter=" ", quoting_style="none")
_CENTS = pa.array([f"{cent:02d}" for cent in range(100)])


def write_redd(
    house: MeteredHouse, out: Path, *, start_s: int, days: int, defects: float, on_progress: Callable[[], object]
) -> tuple[int, list[list[Span]]]:
    """Write one house; return how many readings it has, and the gaps of each circuit.

    ``on_progress`` is called after each day.
    """
    logger = replace(REDD_LOGGER, defects=defects)
    folder = out / "low_freq" / f"house_{house.number + 1}"
    folder.mkdir(parents=True)
    labels = ["mains"] * MAINS + house.labels(typos=defects > 0)
    text = "".join(f"{channel} {label}\n" for channel, label in enumerate(labels, start=1))
    (folder / "labels.dat").write_text(text, encoding="utf-8")
    missing = gaps(house.rng, start_s, days, logger)
    disordered = house.rng.random(len(labels)) < _DISORDERED_CHANNELS
    watch, readings = Watch(longest_s=HOLE_S, last_s=start_s), 0
    for day_s in range(start_s, start_s + days * DAY_S, DAY_S):
        instants = redd_instants(house.rng, day_s, logger)
        instants = instants[outside(instants, missing)]
        circuits = house.measure(instants)
        columns = np.column_stack((mains(circuits, house.rng), np.rint(circuits)))
        for index in range(len(labels)):
            rate = _DISORDER_RATE * defects * disordered[index]
            order = disorder(house.rng, instants, rate)
            with (folder / f"channel_{index + 1}.dat").open("ab") as file:
                file.write(_lines(instants[order].astype(np.int64), columns[order, index]))
        watch.see(instants)
        readings += columns.size
        on_progress()
    return readings, [watch.close(start_s + days * DAY_S)] * len(house.circuits)


def mains(circuits: Floats, rng: np.random.Generator) -> Floats:
    """The two legs: each the sum of every second circuit and a rest, with 1 % noise. Shape (n, 2)."""
    legs = np.column_stack([circuits[:, leg::MAINS].sum(axis=1) + _REST_W for leg in range(MAINS)])
    legs *= 1 + 0.01 * np.clip(rng.standard_normal(legs.shape), -3, 3)
    return legs


def disorder(rng: np.random.Generator, instants: Floats, rate: float) -> Indexes | Ints:
    """An order of rows in which some come later than they should: mostly 7 s, at most 94 s."""
    key = np.arange(len(instants), dtype=np.float64)
    moved = np.flatnonzero(rng.random(len(instants)) < rate)
    back = np.where(rng.random(len(moved)) < 0.75, 2, rng.integers(1, _MOST_BACK_ROWS, len(moved)))
    target = np.minimum(moved + back, len(instants) - 1)
    close = instants[target] - instants[moved] <= _MOST_BACK_S
    key[moved[close]] = target[close] + 0.5
    return np.argsort(key, kind="stable")


def _lines(time_s: Ints, power_w: Floats) -> memoryview:
    """``<seconds> <watts with two decimals>`` a line."""
    cents = np.rint(power_w * 100).astype(np.int64)
    whole = pa.array(cents // 100).cast(pa.string())
    power = pc.binary_join_element_wise(whole, _CENTS.take(pa.array(cents % 100)), ".")
    sink = pa.BufferOutputStream()
    pa_csv.write_csv(pa.table({"time": time_s, "power": power}), sink, _WRITE)
    return memoryview(sink.getvalue())
