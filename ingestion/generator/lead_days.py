"""Computes half-hour means of generated houses for the days before their files begin, for a rollup that baselines are
made from.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from gridflex.contracts.appliances import appliance_class
from gridflex.domain.readings import MS_PER_S, Floats, HouseId
from ingestion.generator import greend_files, redd_files
from ingestion.generator.generate import GeneratorSpec, first_second, planned
from ingestion.generator.house import MeteredHouse
from ingestion.generator.occupancy import DAY_S
from ingestion.premises import Premises

SLOT_S = 1800
STEP_S = 120
"""Between two looks at a circuit; their mean stands for the half-hour."""
_S_PER_HOUR = 3600


def lead_day_rows(
    spec: GeneratorSpec, premises: Premises, on_progress: Callable[[], object] = lambda: None
) -> pa.Table:
    """The lead days of all houses, one row a half-hour and circuit, mains left out; ``on_progress``: after each house.

    Columns: ``time_ms`` (the half-hour's start, UTC epoch), the dimensions of ``powerraw``, ``power_w`` (mean),
    ``energy_wh``, ``observed_s``, ``count`` (0: no message stands behind them, and reconciliation counts messages).
    """
    tables = []
    for number in range(spec.houses):
        tables.append(_house_rows(planned(spec, number), spec, premises))
        on_progress()
    return pa.concat_tables(tables)


def half_hour_means(house: MeteredHouse, start_s: int, days: int) -> Floats:
    """Mean power in each half-hour of the days, shape (days x 48, circuits), W."""
    steps = SLOT_S // STEP_S
    found = []
    for day in range(days):
        instants = start_s + day * DAY_S + np.arange(0, DAY_S, STEP_S, dtype=np.float64)
        power = house.measure(instants)
        found.append(power.reshape(-1, steps, power.shape[1]).mean(axis=1))
    return np.concatenate(found)


def _house_rows(house: MeteredHouse, spec: GeneratorSpec, premises: Premises) -> pa.Table:
    redd = spec.dataset == "redd"
    name = str(house.number + 1) if redd else str(house.number)
    first = redd_files.FIRST_CHANNEL if redd else greend_files.FIRST_CHANNEL
    start_s = first_second(spec) - spec.lead_days * DAY_S
    power = half_hour_means(house, start_s, spec.lead_days)
    slots, circuits = power.shape
    place, house_id = premises.place(spec.dataset, name, 0), HouseId(dataset=spec.dataset, house=name)
    times = (start_s + SLOT_S * np.arange(slots, dtype=np.int64)) * MS_PER_S
    appliance = [appliance_class(spec.dataset, circuit.label) for circuit in house.circuits]
    ids = [str(house_id.series(str(first + index))) for index in range(circuits)]

    def each(values: list[str]) -> pa.Array:
        return pa.array(values, pa.string()).take(pa.array(np.repeat(np.arange(circuits), slots)))

    def same(value: str) -> pa.Array:
        return pa.array([value], pa.string()).take(pa.array(np.zeros(slots * circuits, dtype=np.int64)))

    flat = power.T.ravel()
    return pa.table(
        {
            "time_ms": np.tile(times, circuits),
            "dataset": same(spec.dataset),
            "region": same(place.region),
            "feeder": same(place.feeder),
            "house_id": same(str(house_id)),
            "appliance_id": each(ids),
            "appliance": each(appliance),
            "power_w": flat,
            "energy_wh": flat * SLOT_S / _S_PER_HOUR,
            "observed_s": np.full(len(flat), float(SLOT_S)),
            "count": np.zeros(len(flat), dtype=np.int64),
        }
    )
