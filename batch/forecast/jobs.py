"""Runs the forecast of the day after each given day, by region and in total, and its score."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from batch.baselines.fixed_fleet import Calendar, LevelLoads
from batch.baselines.fixed_fleet_reader import FixedFleetReader
from batch.baselines.history import day_slots
from batch.baselines.jobs import Progress, calendar_of, write_daily
from batch.baselines.tables import coded, joined, numbers, repeated, table
from batch.forecast.backtest import ForecastScore, backtest
from batch.forecast.models import MODELS, QUANTILES
from gridflex.config import Config
from gridflex.domain.baseline import Kinds, Loads, day_kinds
from gridflex.domain.forecast import as_of
from gridflex.domain.interval import day_interval
from gridflex.domain.readings import Floats, Ints
from gridflex.errors import DataQualityError

LEVELS = ("all", "region")
_ONE_DAY = dt.timedelta(days=1)
_MEASURES = ("pinball_kwh", "pinball_share", "coverage_50", "coverage_90", "nmbe")


def forecast(config: Config, days: Sequence[dt.date], progress: Progress) -> int:
    """Write ``forecast`` of the day after each of the local days, from what was known at its end. Returns the number of
    rows.
    """
    calendar = calendar_of(config, days)
    reader = FixedFleetReader(config, calendar, config.forecast.history_days)

    def compute(day: dt.date) -> pa.Table:
        found = day_forecast(stacked(reader.read(day, LEVELS)), calendar)
        if not len(found):
            raise DataQualityError(f"data quality: too few days before {day + _ONE_DAY} to forecast it; needed: 2")
        return found

    return write_daily(config, "forecast", days, compute, progress, ahead_days=1)


def forecast_score(config: Config, days: Sequence[dt.date], progress: Progress) -> int:
    """Write ``forecast_score`` as of the end of each of the local days. Returns the number of rows."""
    calendar = calendar_of(config, days)
    settings = config.forecast
    reader = FixedFleetReader(config, calendar, settings.history_days + settings.backtest_days)

    def compute(day: dt.date) -> pa.Table:
        start_ms = day_interval(day, calendar.zone).start_ms
        loads = stacked(reader.read(day, LEVELS))
        scores = backtest(loads, loads.kinds, history_days=settings.history_days, backtest_days=settings.backtest_days)
        return joined([_score_rows(loads.names, name, found, start_ms) for name, found in scores.items()])

    return write_daily(config, "forecast_score", days, compute, progress)


def stacked(levels: Sequence[LevelLoads]) -> Loads:
    """The slices of all levels as one set of loads, so that one model learns from all of them."""
    first = levels[0].loads
    return Loads(
        names=tuple(name for level in levels for name in level.loads.names),
        first_day=first.first_day,
        kwh=np.concatenate([level.loads.kwh for level in levels]),
        kinds=first.kinds,
        excluded=np.concatenate([level.loads.excluded for level in levels]),
    )


def day_forecast(loads: Loads, calendar: Calendar) -> pa.Table:
    """Every model's quantiles for the day after the loads' last one.

    Columns: ``time_ms``, ``region`` (``all`` for the sum), ``model``, ``issued_ms`` (the midnight at which it was
    known), ``p05_kwh`` .. ``p95_kwh``.
    """
    known = as_of(loads, loads.days, next_kinds(loads, calendar), loads.days)
    time_ms, slot = day_slots(known, known.days - 1, calendar)
    issued_ms = np.full(len(time_ms), time_ms[0])
    made = {name: model(known) for name, model in MODELS.items()}
    return joined(
        [
            forecast_rows(loads.names, name, found[:, slot], time_ms, issued_ms)
            for name, found in made.items()
            if found is not None
        ]
    )


def forecast_rows(names: Sequence[str], model: str, quantiles: Floats, time_ms: Ints, issued_ms: Ints) -> pa.Table:
    """Rows of ``forecast``. ``quantiles``: shape (S, n, quantiles); ``time_ms``, ``issued_ms``: shape (n,)."""
    index, at = np.nonzero(np.isfinite(quantiles).all(axis=2))
    found = quantiles[index, at]
    return table(
        {
            "time_ms": time_ms[at],
            "region": coded(names, index),
            "model": repeated(model, len(index)),
            "issued_ms": issued_ms[at],
            **{f"p{round(q * 100):02d}_kwh": numbers(found[:, i]) for i, q in enumerate(QUANTILES)},
        }
    )


def next_kinds(loads: Loads, calendar: Calendar) -> Kinds:
    """The kinds of the loads' days and of the day after."""
    return day_kinds(loads.first_day, loads.days + 1, calendar.holidays)


def _score_rows(regions: Sequence[str], model: str, scores: Sequence[ForecastScore], time_ms: int) -> pa.Table:
    length = len(scores)
    return table(
        {
            "time_ms": np.full(length, time_ms, dtype=np.int64),
            "region": coded(regions, np.arange(length)),
            "model": repeated(model, length),
            **{name: numbers([getattr(one, name) for one in scores]) for name in _MEASURES},
            "days": np.array([one.days for one in scores], dtype=np.int64),
        }
    )
