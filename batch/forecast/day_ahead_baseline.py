"""Computes the baseline of the coming day from what is known at its midnight, for the live dashboards.

Rules that adjust themselves by hours of the day itself cannot do so yet: their chosen days' mean stands unadjusted.
Every slice gets the one rule that has erred least in this way on the earlier days of the same kind, with the 90 %
interval of those errors. When the day is over ``history`` says what each method in full made of it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from batch.baselines.fixed_fleet import Calendar, LevelLoads
from batch.baselines.fixed_fleet_reader import FixedFleetReader
from batch.baselines.history import day_bounds, day_slots, days_alike
from batch.baselines.jobs import Progress, calendar_of, event_window, write_daily
from batch.baselines.tables import coded, joined, numbers, slice_columns, table
from batch.forecast.jobs import next_kinds
from gridflex.config import Config
from gridflex.domain.baseline import (
    EVENTS_A_SEASON,
    METHODS,
    Adjustment,
    Choose,
    DayMatcher,
    DayRule,
    EventWindow,
    Loads,
    measure,
    profiles,
)
from gridflex.domain.readings import Floats, Ints
from gridflex.errors import DataQualityError

LEVELS = ("all", "region", "feeder")
_ONE_DAY = dt.timedelta(days=1)
RULES = tuple(
    replace(rule, adjustment=Adjustment())
    for rule in METHODS.values()
    if isinstance(rule, DayRule) and rule.choose not in {Choose.WEATHER, Choose.SIMILAR}
)
"""Day-matching rules that need nothing of the target day: neither its weather nor its hours around the event."""
LEARNED = ("regression_day_ahead",)
"""Methods that learn from all earlier days and need none of these hours either."""


def day_ahead(config: Config, days: Sequence[dt.date], progress: Progress) -> int:
    """Write ``outlook`` of the day after each of the local days. Returns the number of rows."""
    window, calendar = event_window(config), calendar_of(config, days)
    reader = FixedFleetReader(config, calendar, config.baselines.history_days)

    def compute(day: dt.date) -> pa.Table:
        levels = reader.read(day, LEVELS)
        found = joined([day_ahead_rows(level, window, calendar, config.baselines.score_days) for level in levels])
        if not len(found):
            raise DataQualityError(f"data quality: too few days before {day + _ONE_DAY} for any baseline of it")
        return found

    return write_daily(config, "outlook", days, compute, progress, ahead_days=1)


def day_ahead_rows(level: LevelLoads, window: EventWindow, calendar: Calendar, score_days: int) -> pa.Table:
    """The baseline of the day after the loads' last one, as rows of ``outlook``.

    Columns: ``time_ms``, the slice's, ``method`` (the rule that was chosen), ``baseline_kw`` (mean power over the
    interval), ``lower_kw`` and ``upper_kw`` (the 90 % interval; null with too few earlier days).
    """
    loads = _with_empty_day(level.loads, calendar)
    target = loads.days - 1
    alike = days_alike(loads, target, score_days)
    actual = loads.kwh[:, alike]
    days = np.append(alike, target)
    learned = profiles(loads, window, days, np.arange(loads.slots), methods=LEARNED)
    made = np.stack([*(_profiles(loads, window, rule, days) for rule in RULES), *learned.values()])
    best = _least_error(made[:, :, :-1], actual, loads.per_hour)
    chosen = made[best, np.arange(len(level.keys))]
    low, high = day_bounds(loads, window, alike, target, chosen)
    time_ms, slot = day_slots(loads, target, calendar)
    baseline = chosen[:, -1] * loads.per_hour
    index, at = np.nonzero(np.isfinite(baseline[:, slot]))
    shown = slot[at]
    return table(
        {
            "time_ms": time_ms[at],
            **slice_columns(level, index),
            "method": coded([*(rule.name for rule in RULES), *LEARNED], best[index]),
            "baseline_kw": numbers(baseline[index, shown]),
            "lower_kw": numbers((baseline * (1 + low))[index, shown]),
            "upper_kw": numbers((baseline * (1 + high))[index, shown]),
        }
    )


def _profiles(loads: Loads, window: EventWindow, rule: DayRule, targets: Ints) -> Floats:
    """A rule's days' mean at every slot of the targets, shape (S, T, P); NaN where it has no number."""
    matcher = DayMatcher(loads, window, rule)
    slots = np.arange(loads.slots)
    found = np.full((len(loads.names), len(targets), loads.slots), np.nan)
    for index, target in enumerate(targets):
        days = matcher.choose(int(target))
        if days.known.any():
            found[:, index] = matcher.profile(int(target), days, slots)
    return found


def _least_error(made: Floats, actual: Floats, per_hour: float) -> Ints:
    """Each slice's rule with the least season error over whole days, shape (S,); the first where none has a number."""
    errors = []
    for baseline in made:
        found = measure(baseline, actual, per_hour)
        errors.append(np.sqrt(found.nmbe**2 + found.rrmse**2 / EVENTS_A_SEASON))
    return np.asarray(np.argmin(np.nan_to_num(np.stack(errors), nan=np.inf), axis=0), dtype=np.int64)


def _with_empty_day(loads: Loads, calendar: Calendar) -> Loads:
    slices, _, slots = loads.kwh.shape
    return Loads(
        names=loads.names,
        first_day=loads.first_day,
        kwh=np.concatenate([loads.kwh, np.full((slices, 1, slots), np.nan)], axis=1),
        kinds=next_kinds(loads, calendar),
        excluded=np.concatenate([loads.excluded, np.zeros((slices, 1), dtype=np.bool_)], axis=1),
    )
