"""Computes loads of a fixed fleet from the rollup: the appliances of one target day, at every level, over the days
before it.

Homes join, leave and fall silent, so a plain sum over past days would show the size of the fleet, not its demand. The
fleet is fixed to that of the target day: N appliances of a class in a feeder are taken to draw N times the mean power
of those observed,

    load = N x energy / observed time x interval

on every past day. Sums of such parts make feeders, regions and all; a sum in which more than 5 % of the usual
load is missing is itself missing; a smaller part is filled in proportion.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

import numpy as np

from batch.rollup import DayRollup
from gridflex.domain.baseline import (
    MINUTES_PER_DAY,
    Loads,
    SliceKey,
    day_flags,
    day_kinds,
    day_number,
    lay_out,
    local_ms,
)
from gridflex.domain.readings import Floats, Indexes, Ints

LEVELS = ("all", "region", "feeder", "appliance")
PRESENT_SHARE = 0.95
_WH_PER_KWH = 1000
_MINUTES_PER_HOUR = 60
_S_PER_HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """The calendar of days: time zone, holidays, and days to exclude."""

    zone: ZoneInfo
    interval_minutes: int
    holidays: Sequence[dt.date] = ()
    excluded: Sequence[dt.date] = ()
    """Days with events: neither candidates nor scored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelLoads:
    """The slices of one level."""

    level: str
    keys: tuple[SliceKey, ...]
    loads: Loads
    """The target day is the last one."""


def fixed_fleet(
    days: Mapping[dt.date, DayRollup],
    parts: Sequence[SliceKey],
    appliances: Ints,
    calendar: Calendar,
    *,
    min_slot_share: float,
    levels: Sequence[str] = LEVELS,
) -> list[LevelLoads]:
    """Loads of every level over consecutive local days, the last of which is the target day.

    ``days``: every day of the span. ``appliances``: shape (parts,), those observed on the target day; parts without
    any are left out. No parts, no levels.
    """
    present = np.flatnonzero(appliances[: len(parts)])
    if not len(present):
        return []
    keys = [parts[int(index)] for index in present]
    kwh = _leaf_kwh(days, present, calendar, min_slot_share) * appliances[present][:, None, None]
    order = sorted(range(len(keys)), key=lambda index: keys[index])
    bottom = _as_loads([keys[index] for index in order], kwh[order], min(days), calendar)
    return [_at_level(bottom, level) for level in levels]


def _leaf_kwh(days: Mapping[dt.date, DayRollup], present: Ints, calendar: Calendar, min_slot_share: float) -> Floats:
    """One appliance's mean energy in each interval, shape (present parts, days, slots), kWh."""
    every = [days[day] for day in sorted(days)]
    part = np.concatenate([day.part for day in every])
    row = np.full(max(int(part.max(initial=0)), int(present.max())) + 1, -1, dtype=np.int64)
    row[present] = np.arange(len(present))
    kept = row[part] >= 0
    wall = local_ms(np.concatenate([day.time_ms for day in every])[kept], calendar.zone)

    def grid(values: Floats) -> Floats:
        slots = MINUTES_PER_DAY // calendar.interval_minutes
        whole = np.full((len(present), len(days), slots), np.nan)
        if not kept.any():
            return whole
        first, known = lay_out(
            row[part[kept]], wall, values, slices=len(present), interval_minutes=calendar.interval_minutes
        )
        start = first - day_number(min(days))
        whole[:, start : start + known.shape[1]] = known
        return whole

    energy_wh = grid(np.concatenate([day.energy_wh for day in every])[kept])
    observed_s = grid(np.concatenate([day.observed_s for day in every])[kept])
    best = np.nanmax(np.nan_to_num(observed_s), axis=2, keepdims=True)
    seen = (observed_s > 0) & (observed_s >= min_slot_share * best)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_w = np.where(seen, energy_wh * _S_PER_HOUR / observed_s, np.nan)
    return mean_w * (calendar.interval_minutes / _MINUTES_PER_HOUR) / _WH_PER_KWH


def _as_loads(keys: Sequence[SliceKey], kwh: Floats, first: dt.date, calendar: Calendar) -> LevelLoads:
    number, length = day_number(first), kwh.shape[1]
    excluded = day_flags(calendar.excluded, number, length)
    loads = Loads(
        names=tuple(str(key) for key in keys),
        first_day=number,
        kwh=kwh,
        kinds=day_kinds(number, length, calendar.holidays),
        excluded=np.broadcast_to(excluded, kwh.shape[:2]).copy(),
    )
    return LevelLoads(level="appliance", keys=tuple(keys), loads=loads)


def _at_level(bottom: LevelLoads, level: str) -> LevelLoads:
    if level == bottom.level:
        return bottom
    wanted = [_rolled_up(key, level) for key in bottom.keys]
    keys = tuple(sorted(set(wanted)))
    place = {key: index for index, key in enumerate(keys)}
    group = np.array([place[key] for key in wanted], dtype=np.int32)
    loads = replace(
        bottom.loads,
        names=tuple(str(key) for key in keys),
        kwh=summed(bottom.loads.kwh, group, len(keys)),
        excluded=bottom.loads.excluded[: len(keys)],
    )
    return LevelLoads(level=level, keys=keys, loads=loads)


def _rolled_up(key: SliceKey, level: str) -> SliceKey:
    if level == "all":
        return SliceKey()
    return SliceKey(region=key.region, feeder=key.feeder if level == "feeder" else "")


def summed(kwh: Floats, group: Indexes, groups: int) -> Floats:
    """Sums of parts by group, (S, D, P) -> (groups, D, P); each part weighs as its usual load.

    >>> parts = np.array([[[96.0, 96.0]], [[4.0, np.nan]]])
    >>> summed(parts, np.array([0, 0], dtype=np.int32), 1).tolist()
    [[[100.0, 100.0]]]
    """
    known = ~np.isnan(kwh)
    count = known.sum(axis=(1, 2))
    usual = np.where(known, kwh, 0.0).sum(axis=(1, 2)) / np.maximum(count, 1)
    total = np.zeros((groups, *kwh.shape[1:]))
    weight = np.zeros_like(total)
    np.add.at(total, group, np.where(known, kwh, 0.0))
    np.add.at(weight, group, known * usual[:, None, None])
    whole = np.bincount(group, weights=usual, minlength=groups)[:, None, None]
    reporting = np.zeros_like(total)
    np.add.at(reporting, group, known)
    members = np.bincount(group, minlength=groups)[:, None, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(whole > 0, weight / whole, reporting / members)
        share = np.where(reporting == members, 1.0, share)
        return np.where(share >= PRESENT_SHARE, total / share, np.nan)
