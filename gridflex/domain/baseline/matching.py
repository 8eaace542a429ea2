"""Matches days for many slices at once: which past days a rule chooses, and the profile that they give.

lookback                                      target day
|----|----|----|----|----|----|----|----|     |---------------------|
  c    x    c    c    e    c    w    c          before  EVENT  after
candidates c: of the target's kind, not excluded, nothing missing in the event and adjustment windows
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridflex.domain.baseline.calendar import DayKind
from gridflex.domain.baseline.contamination import clean_mean, contaminated_at
from gridflex.domain.baseline.loads import EventWindow, Loads
from gridflex.domain.baseline.rules import Adjust, Alike, Choose, DayRule, RankBy, Take
from gridflex.domain.readings import Flags, Floats, Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenDays:
    """The days that a rule averages for one target day."""

    day: Ints
    """Shape (S, X): day indexes, best first; where ``known`` is False the index has no meaning."""
    known: Flags
    """Shape (S, X); a slice with too few candidates has none."""


def hours_around(window: EventWindow, rule: DayRule, per_hour: float) -> Ints:
    """Slots of the rule's adjustment windows, counted from the target day's midnight; may lie outside the day.

    >>> from gridflex.domain.baseline.rules import CAISO
    >>> hours_around(EventWindow(first=17, stop=20), CAISO, 1.0).tolist()
    [13, 14, 15]
    """
    before, after = rule.adjustment.before_h, rule.adjustment.after_h
    parts = []
    if before is not None:
        parts.append(np.arange(window.first - round(before[0] * per_hour), window.first - round(before[1] * per_hour)))
    if after is not None:
        parts.append(np.arange(window.stop + round(after[0] * per_hour), window.stop + round(after[1] * per_hour)))
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)


def hours_fit(rule: DayRule, slots: int) -> bool:
    """Whether the rule's hours fall on intervals of a day of ``slots``; another window would be another method.

    >>> from gridflex.domain.baseline.rules import CAISO, NYISO
    >>> hours_fit(CAISO, 24), hours_fit(CAISO, 12), hours_fit(NYISO, 12)
    (True, False, True)
    """
    hours = [*(rule.adjustment.before_h or ()), *(rule.adjustment.after_h or ())]
    if rule.choose == Choose.SIMILAR:
        hours.append(1.0)
    return all((hour * slots) % 24 == 0 for hour in hours)


def like_days(loads: Loads, target: int, alike: Alike, lookback_days: int, skip_days: int = 0) -> Ints:
    """Days of the target's kind in its lookback period, most recent first, shape (C,)."""
    days: Ints = np.arange(target - 1 - skip_days, max(target - lookback_days, 0) - 1, -1)
    kinds = loads.kinds
    if alike == Alike.ANY:
        kinds = np.zeros_like(kinds)
    elif alike == Alike.WEEKEND_TOGETHER:
        kinds = np.minimum(kinds, DayKind.SATURDAY)
    like: Ints = days[kinds[days] == kinds[target]]
    return like


def energy_at(loads: Loads, day: Ints, slots: Ints) -> Floats:
    """Energy of slots (counted from each day's midnight, running into other days) of each slice's own days.

    ``day``: shape (S, X) or (1, X). Returns shape (S, X, K); NaN outside the data.
    """
    total = loads.days * loads.slots
    index = day[:, :, None] * loads.slots + slots
    flat = loads.kwh.reshape(len(loads.names), total)
    rows = np.arange(len(loads.names))[:, None, None]
    found: Floats = flat[rows, np.clip(index, 0, total - 1)].astype(np.float64, copy=False)
    outside = (index < 0) | (index >= total)
    if outside.any():
        found = np.where(outside, np.nan, found)
    return found


def mean_of_days(values: Floats, known: Flags) -> Floats:
    """Mean over chosen days, shape (S, X, K) -> (S, K); a missing slot counts for the days that have it.

    >>> mean_of_days(np.array([[[1.0], [3.0], [9.0]]]), np.array([[True, True, False]])).tolist()
    [[2.0]]
    """
    use = known[:, :, None] & np.isfinite(values)
    days = use.sum(axis=1)
    with np.errstate(invalid="ignore"):
        mean: Floats = np.where(use, values, 0.0).sum(axis=1) / np.where(days == 0, np.nan, days)
    return mean


class DayMatcher:
    """Applies one rule to one set of loads and one event window; what all target days share is computed once."""

    def __init__(self, loads: Loads, window: EventWindow, rule: DayRule) -> None:
        """Nothing is copied but per-day figures of shape (S, D)."""
        self.loads, self.window, self.rule = loads, window, rule
        self._fits = hours_fit(rule, loads.slots)
        self.around = hours_around(window, rule, loads.per_hour)
        event = np.arange(window.first, window.stop)
        self._usable = ~loads.excluded & complete(loads, np.concatenate([event, self.around]))
        with np.errstate(invalid="ignore"):
            self._window_mean = loads.kwh[:, :, window.first : window.stop].mean(axis=2)
        self._peak_hour = self._window_hours() if rule.low_use_of_peak else None
        self._load = self._window_mean if rule.rank_by == RankBy.WINDOW else _day_mean(loads)

    def take(self, target: int) -> Take:
        """The rule's numbers for the target's kind of day."""
        weekday = self.rule.alike == Alike.ANY or self.loads.kinds[target] == DayKind.WEEKDAY
        return self.rule.weekday if weekday else self.rule.weekend

    def choose(self, target: int) -> ChosenDays:
        """The days for one target day, per slice; none when the rule's hours do not fall on the intervals."""
        take, rule = self.take(target), self.rule
        days = like_days(self.loads, target, rule.alike, rule.lookback_days, rule.skip_days)
        if len(days) == 0 or not self._fits:
            nothing = np.zeros((len(self.loads.names), 0), dtype=np.int64)
            return ChosenDays(day=nothing, known=nothing.astype(np.bool_))
        usable = self._usable[:, days]
        if rule.low_use_share:
            usable = usable & ~self._low_use(days, usable)
        if rule.choose in {Choose.WEATHER, Choose.SIMILAR}:
            pool, key = usable, self._distance(target, days)
            pool = pool & np.isfinite(key)
        else:
            pool = usable & (np.cumsum(usable, axis=1) <= take.pool)
            key = np.arange(len(days), dtype=np.float64) if rule.choose == Choose.LAST else -self._load[:, days]
        return self._pick(days, pool, np.broadcast_to(key, pool.shape), take)

    def _pick(self, days: Ints, pool: Flags, key: Floats, take: Take) -> ChosenDays:
        """The ``take.days`` days of the pool with the lowest key; ties go to the more recent day."""
        order = np.argsort(np.where(pool, key, np.inf), axis=1, kind="stable")
        dropped = 1 if self.rule.choose == Choose.MIDDLE else 0
        order = order[:, dropped : dropped + take.days]
        count = pool.sum(axis=1)
        wanted = np.where(count >= take.least, np.minimum(count - 2 * dropped, take.days), 0)
        known = np.arange(order.shape[1])[None, :] < wanted[:, None]
        return ChosenDays(day=days[order], known=known)

    def _low_use(self, days: Ints, usable: Flags) -> Flags:
        load = np.where(usable, self._window_mean[:, days], np.nan)
        if self._peak_hour is not None:
            reference = np.where(usable, self._peak_hour[:, days], -np.inf).max(axis=1)
        else:
            known = np.maximum(usable.sum(axis=1), 1)
            reference = np.where(usable, load, 0.0).sum(axis=1) / known
        low: Flags = load < self.rule.low_use_share * reference[:, None]
        return low

    def _window_hours(self) -> Floats:
        """The highest hourly mean within the event window of each day, as energy of one interval, shape (S, D)."""
        width = max(round(self.loads.per_hour), 1)
        starts = range(self.window.first, self.window.stop, width)
        stops = [min(start + width, self.window.stop) for start in starts]
        hours = [self.loads.kwh[:, :, a:b].mean(axis=2) for a, b in zip(starts, stops, strict=True)]
        return np.asarray(np.maximum.reduce(hours), dtype=np.float64)

    def _distance(self, target: int, days: Ints) -> Floats:
        """The distance of each candidate from the target, shape (S, C) or (1, C); inf or NaN where it is unknown."""
        if self.rule.choose == Choose.WEATHER:
            peak = self.loads.peak_temperature_c
            if peak is None:
                return np.full((1, len(days)), np.inf)
            return np.asarray(np.abs(peak[days] - peak[target]), dtype=np.float64)[None, :]
        hour = round(self.loads.per_hour)
        event = np.zeros(self.loads.slots, dtype=np.bool_)
        event[max(self.window.first - hour, 0) : self.window.stop + hour] = True
        other = np.flatnonzero(~event)
        gap = self.loads.kwh[:, days][:, :, other] - self.loads.kwh[:, target, other][:, None, :]
        known = np.isfinite(gap)
        count = known.sum(axis=2)
        square = np.where(known, gap, 0.0) ** 2
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = square.sum(axis=2) / count
        return np.where(count * 2 >= len(other), mean, np.inf)

    def profile(self, target: int, chosen: ChosenDays, slots: Ints) -> Floats:
        """The chosen days' mean at ``slots``, adjusted by the target day, shape (S, K); NaN where it has no number."""
        base = mean_of_days(energy_at(self.loads, chosen.day, slots), chosen.known)
        rule = self.rule.adjustment
        if rule.kind == Adjust.NONE:
            return base
        left_out = contaminated_at(self.loads, target, self.around)
        expected = clean_mean(mean_of_days(energy_at(self.loads, chosen.day, self.around), chosen.known), left_out)
        metered = clean_mean(energy_at(self.loads, np.array([[target]]), self.around)[:, 0], left_out)
        if rule.kind == Adjust.ADD:
            return np.asarray(base + (metered - expected)[:, None], dtype=np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.where(expected > 0, metered / expected, np.where(np.isnan(metered), np.nan, 1.0))
        return np.asarray(base * np.clip(ratio, rule.low, rule.high)[:, None], dtype=np.float64)


def complete(loads: Loads, slots: Ints) -> Flags:
    """Days of which every one of ``slots`` (counted from midnight) is known, shape (S, D)."""
    known = np.ones((len(loads.names), loads.days), dtype=np.bool_)
    missing = np.isnan(loads.kwh)
    day = np.arange(loads.days)
    for slot in slots:
        shift, within = divmod(int(slot), loads.slots)
        source = day + shift
        inside = (source >= 0) & (source < loads.days)
        known &= inside
        known[:, inside] &= ~missing[:, source[inside], within]
    return known


def _day_mean(loads: Loads) -> Floats:
    present = np.isfinite(loads.kwh)
    count = present.sum(axis=2)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(present, loads.kwh, 0.0).sum(axis=2) / np.where(count == 0, np.nan, count))
