"""A generated town: what the forecaster says could be shed of it, and what really would have been."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, time

import numpy as np

from gridflex.contracts.appliances import appliance_class
from gridflex.contracts.flexibility import load_rules
from gridflex.contracts.profiles import load_profiles
from gridflex.domain.duty_cycle import Batch, Detector, Rows, empty_state
from gridflex.domain.flexibility import (
    HORIZONS_MIN,
    NOT_ELIGIBLE,
    Flexibility,
    Forecaster,
    Minutes,
    minutes_of,
    no_records,
    quantiles,
)
from ingestion.generator.generate import FIRST_DAY
from ingestion.generator.house import MeteredHouse, plan_house
from ingestion.generator.occupancy import DAY_S
from ingestion.generator.shed import shed_w

STEP_S = 4
POWER_STEP_S = 20
DAY_MIN = DAY_S // 60
_MOMENTS = ("flex_w", "variance_w2", "shared_w")


@dataclass(frozen=True)
class Town:
    """Eligible appliances by minute: shape (horizons, appliances, minutes) each."""

    house: np.ndarray
    """Shape (appliances,)."""
    appliance: np.ndarray
    flex_w: np.ndarray
    variance_w2: np.ndarray
    shared_w: np.ndarray
    shed_w: np.ndarray
    start_s: int
    """Begin of the first day, UTC epoch."""
    power_w: np.ndarray
    """Without any event, means of ``POWER_STEP_S``: shape (appliances, steps)."""

    def draws(self, count: int, seed: int, houses: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """P10, P50, P90 and the truth of sums over appliances at minutes drawn from all days but the first, in W.

        ``houses``: of so many neighbouring houses, drawn too; else of all. Shapes (3, horizons, count) and (horizons,
        count).
        """
        random = np.random.default_rng(seed)
        last = self.flex_w.shape[2] - max(HORIZONS_MIN) - 1
        minutes = np.floor(DAY_MIN + (np.arange(count) + random.random(count)) * (last - DAY_MIN) / count).astype(int)
        first = random.integers(0, self.house.max() + 2 - (houses or self.house.max() + 1), count)
        near = (self.house >= first[:, None]) & (self.house < first[:, None] + (houses or len(self.house)))
        moments = (self.flex_w, self.variance_w2, self.shared_w, self.shed_w)
        flex_w, variance_w2, shared_w, truth = (
            np.einsum("ham,ma->hm", moment[:, :, minutes].astype(np.float64), near) for moment in moments
        )
        return np.stack(quantiles(flex_w, variance_w2, shared_w)), truth


def make_town(dataset: str, houses: int, days: int, seed: int, first_day: date | None = None) -> Town:
    """Houses measured every 4 s without a defect."""
    start_s = int(datetime.combine(first_day or FIRST_DAY[dataset], time(), tzinfo=UTC).timestamp())
    plans = [plan_house(dataset, number, seed=seed, start_s=start_s, days=days) for number in range(houses)]
    found = [(plan.number, *one) for plan in plans for one in _appliances(plan, start_s, days)]
    owners, codes, rows, truths, powers_w = zip(*found, strict=True)
    told = _forecast(rows, codes)
    return Town(
        house=np.array(owners),
        appliance=np.array([load_rules().rows[code].appliance for code in codes]),
        **{name: getattr(told, name).reshape(len(HORIZONS_MIN), len(rows), -1) for name in _MOMENTS},
        shed_w=np.stack(truths, axis=1),
        start_s=start_s,
        power_w=np.stack(powers_w),
    )


def _appliances(house: MeteredHouse, start_s: int, days: int) -> list[tuple[int, Rows, np.ndarray, np.ndarray]]:
    """Rule, the detector's rows, the truth at each minute's end, and the power, of each eligible circuit."""
    rules, profiles, found = load_rules(), load_profiles(), []
    instants = np.arange(start_s, start_s + days * DAY_S + 1, STEP_S, dtype=np.float64)
    minutes = start_s + 60.0 * np.arange(1, days * DAY_MIN + 1)
    for circuit, trace in zip(house.circuits, house.traces, strict=True):
        appliance = appliance_class(house.dataset, circuit.label)
        code = rules.code(appliance, house.dataset)
        if code == NOT_ELIGIBLE:
            continue
        power_w = np.abs(trace.power(instants, house.rng, circuit.share))
        profile = profiles.code(appliance, house.dataset)
        on_w = profiles.rows[profile].on_w
        truth = [
            shed_w(trace, circuit, rules.rows[code], on_w=on_w, start_s=minutes, horizon_min=horizon)
            for horizon in HORIZONS_MIN
        ]
        mean_w = power_w[:-1].reshape(-1, POWER_STEP_S // STEP_S).mean(axis=1)
        found.append((code, _detect(profile, instants, power_w), np.stack(truth), mean_w))
    return found


def _detect(profile: int, instants: np.ndarray, power_w: np.ndarray) -> Rows:
    observed_s = np.full(len(instants), float(STEP_S))
    observed_s[0] = 0.0
    batch = Batch(
        key=np.array([1]),
        profile=np.array([profile]),
        appliance=np.zeros(len(instants), dtype=np.int64),
        time_ms=np.rint(instants * 1000).astype(np.int64),
        power_w=power_w,
        observed_s=observed_s,
    )
    rows, _, _ = Detector(load_profiles(), max_gap_s=60, window_s=600, slide_s=60).fold(empty_state(), batch)
    return rows


def _forecast(rows: Sequence[Rows], codes: Sequence[int]) -> Flexibility:
    """Of all appliances together, one after the other."""
    parts = [minutes_of(one, np.full(len(one), code))[1] for one, code in zip(rows, codes, strict=True)]
    keyed = [replace(part, key=np.full(len(part), key)) for key, part in enumerate(parts)]
    joined = {column.name: np.concatenate([getattr(part, column.name) for part in keyed]) for column in fields(Minutes)}
    told, _ = Forecaster(load_rules()).fold(no_records(), Minutes(**joined))
    return told
