"""Forecasts the rest of the running day anew at every interval, from its hours so far."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa

from batch.baselines.fixed_fleet import Calendar
from batch.baselines.fixed_fleet_reader import FixedFleetReader
from batch.baselines.history import day_slots
from batch.baselines.jobs import calendar_of, zone_of
from batch.baselines.tables import joined
from batch.forecast.jobs import LEVELS, forecast_rows, stacked
from batch.forecast.models import MODELS, DayForecast
from gridflex.adapters.druid.batch import DruidBatch
from gridflex.config import Config
from gridflex.domain.baseline import MS_PER_MINUTE, Loads
from gridflex.domain.forecast import as_of
from gridflex.domain.interval import day_interval
from gridflex.domain.readings import MS_PER_S, Floats, Ints
from gridflex.errors import DataQualityError


def forecast_today(config: Config, at: dt.datetime) -> int:
    """Write ``forecast`` of the local day of ``at`` as it is known then. Returns the number of rows.

    Raises ``DataQualityError`` if no appliance was observed on that day until then, or too few days before it.
    """
    day = at.astimezone(zone_of(config)).date()
    calendar = calendar_of(config, [day])
    loads = stacked(FixedFleetReader(config, calendar, config.forecast.history_days).read(day, LEVELS))
    found = today_rows(loads, calendar, round(at.timestamp() * MS_PER_S))
    if not len(found):
        raise DataQualityError(f"data quality: too few days before {day} to forecast it; needed: 2")
    DruidBatch(config).overwrite("forecast", day_interval(day, calendar.zone), found)
    return len(found)


def today_rows(loads: Loads, calendar: Calendar, at_ms: int) -> pa.Table:
    """Every model's quantiles for the loads' last day, as rows of ``forecast``.

    ``boosted_trees`` is issued at the start of every interval that is over at ``at_ms`` (UTC epoch) and of the one that
    runs: an interval that is over keeps the issue at its own start, all others have the latest. The rules are issued
    at midnight. No row depends on loads of the time after its issue.
    """
    target = loads.days - 1
    time_ms, slot = day_slots(loads, target, calendar)
    over = int(np.searchsorted(time_ms + calendar.interval_minutes * MS_PER_MINUTE, at_ms, side="right"))
    latest = min(over, len(time_ms) - 1)
    midnight = as_of(loads, target, loads.kinds, target)
    tables = []
    for name, model in MODELS.items():
        if name != "boosted_trees" and (found := model(midnight)) is not None:
            tables.append(forecast_rows(loads.names, name, found[:, slot], time_ms, np.full(len(time_ms), time_ms[0])))
    made = DayForecast.of(midnight)
    if made is not None:
        issue = np.minimum(np.arange(len(time_ms)), latest)
        rest = _issued(made, loads.kwh[:, target], slot, issue)
        tables.append(forecast_rows(loads.names, "boosted_trees", rest, time_ms, time_ms[issue]))
    return joined(tables)


def _issued(made: DayForecast, today_kwh: Floats, slot: Ints, issue: Ints) -> Floats:
    """Each interval's quantiles from its issue, shape (S, n, quantiles); ``issue``: shape (n,), of each interval."""
    found = []
    for first in np.unique(issue):
        quantiles = made.issued(today_kwh[:, : slot[first]])
        found.append(quantiles[:, np.maximum(slot[issue == first], slot[first])])
    return np.concatenate(found, axis=1)
