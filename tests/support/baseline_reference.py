"""The day-matching rules once more, written from the rule texts in plain Python: dates, dictionaries and sums.

It shares nothing with ``gridflex.domain`` but the metered values: no numpy, no index arithmetic, no rule table. Each
method is one call of ``day_matching``, spelled out in ``rules``.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import fmean

Meter = dict[dt.datetime, float]
"""Energy by wall-clock start of the interval; a missing interval is absent."""


@dataclass
class Home:
    meter: Meter
    step: dt.timedelta
    holidays: set[dt.date] = field(default_factory=set)
    events: set[dt.date] = field(default_factory=set)
    peak_c: dict[dt.date, float] = field(default_factory=dict)

    def between(self, day: dt.date, start_h: float, end_h: float) -> list[float] | None:
        """Energy of the intervals from ``start_h`` until ``end_h`` of the day; None when one is missing."""
        now = dt.datetime.combine(day, dt.time()) + dt.timedelta(hours=start_h)
        end = dt.datetime.combine(day, dt.time()) + dt.timedelta(hours=end_h)
        found = []
        while now < end:
            if now not in self.meter:
                return None
            found.append(self.meter[now])
            now += self.step
        return found

    def kind(self, day: dt.date) -> str:
        if day in self.holidays or day.weekday() == 6:
            return "sunday"
        return "saturday" if day.weekday() == 5 else "weekday"


def day_matching(
    home: Home,
    day: dt.date,
    event: tuple[int, int],
    *,
    pick: Callable[[Home, dt.date, tuple[int, int], list[dt.date]], list[dt.date]],
    pools: dict[str, tuple[int, int]],
    lookback: int,
    windows: list[tuple[float, float]],
    adjust: Callable[[float, float, list[float]], list[float]] | None,
    same: Callable[[str], str],
    low_use: Callable[[Home, tuple[int, int], list[dt.date]], float] | None = None,
    skip: int = 0,
) -> list[float] | None:
    pool_size, least = pools[same(home.kind(day))]
    candidates = []
    for back in range(1 + skip, lookback + 1):
        past = day - dt.timedelta(days=back)
        if same(home.kind(past)) != same(home.kind(day)) or past in home.events:
            continue
        if any(home.between(past, start, end) is None for start, end in [event, *windows]):
            continue
        candidates.append(past)
    if low_use is not None:
        floor = low_use(home, event, candidates)
        candidates = [past for past in candidates if not fmean(home.between(past, *event)) < floor]
    pool = candidates[:pool_size]
    if len(pool) < least:
        return None
    chosen = pick(home, day, event, pool)
    if not chosen:
        return None
    base = [fmean(values) for values in zip(*(home.between(past, *event) for past in chosen), strict=True)]
    if adjust is None:
        return base
    today = [home.between(day, start, end) for start, end in windows]
    if any(part is None for part in today):
        return None
    then = [value for past in chosen for start, end in windows for value in home.between(past, start, end)]
    return adjust(fmean([value for part in today for value in part]), fmean(then), base)


def last(home, day, event, pool):
    return pool


def high(number):
    def pick(home, day, event, pool):
        return sorted(pool, key=lambda past: -fmean(home.between(past, *event)))[:number]

    return pick


def middle(home, day, event, pool):
    def load(past):
        start = dt.datetime.combine(past, dt.time())
        known = [
            home.meter[start + k * home.step]
            for k in range(round(dt.timedelta(days=1) / home.step))
            if start + k * home.step in home.meter
        ]
        return fmean(known)

    return sorted(pool, key=lambda past: -load(past))[1:-1]


def closest_peak(home, day, event, pool):
    return sorted(pool, key=lambda past: abs(home.peak_c[past] - home.peak_c[day]))[:4]


def most_similar(home, day, event, pool):
    def distance(past):
        gaps = []
        for k in range(round(dt.timedelta(days=1) / home.step)):
            hour = k * home.step / dt.timedelta(hours=1)
            if event[0] - 1 <= hour < event[1] + 1:
                continue
            offset = k * home.step
            here = home.meter.get(dt.datetime.combine(day, dt.time()) + offset)
            there = home.meter.get(dt.datetime.combine(past, dt.time()) + offset)
            if here is not None and there is not None:
                gaps.append((here - there) ** 2)
        return fmean(gaps) if 2 * len(gaps) >= slots else math.inf

    hours = 24 - (event[1] - event[0]) - 2
    slots = round(dt.timedelta(hours=hours) / home.step)
    near = sorted((past for past in pool if distance(past) < math.inf), key=distance)
    return near[:3] if len(near) >= 3 else []


def ratio(low=0.0, high=math.inf):
    def adjust(metered, expected, base):
        factor = metered / expected if expected > 0 else 1.0
        return [value * min(max(factor, low), high) for value in base]

    return adjust


def add(metered, expected, base):
    return [value + (metered - expected) for value in base]


def any_day(kind):
    return "any"


def weekend(kind):
    return kind if kind == "weekday" else "weekend"


def three_types(kind):
    return kind


def quarter_of_mean(home, event, candidates):
    return 0.25 * fmean(fmean(home.between(past, *event)) for past in candidates) if candidates else 0.0


def quarter_of_peak_hour(home, event, candidates):
    hours = [fmean(home.between(past, hour, hour + 1)) for past in candidates for hour in range(*event)]
    return 0.25 * max(hours) if hours else 0.0


def rules(start: int, end: int) -> dict[str, dict]:
    """Every day-matching method for an event from ``start`` until ``end`` o'clock."""
    residential = [(start - 4, start - 2), (end + 2, end + 4)]
    ten_four = {"weekday": (10, 5), "weekend": (4, 4)}
    high_ten = {"weekday": (10, 5), "weekend": (3, 2), "saturday": (3, 2), "sunday": (3, 2)}

    def by_kind(weekday, other):
        return lambda home, day, event, pool: high(weekday if home.kind(day) == "weekday" else other)(
            home, day, event, pool
        )

    return {
        "igrid_last_5": {
            "pick": last,
            "pools": {"any": (5, 5)},
            "lookback": 10,
            "windows": [],
            "adjust": None,
            "same": any_day,
        },
        "caiso_10_of_10": {
            "pick": last,
            "pools": ten_four,
            "lookback": 45,
            "windows": [(start - 4, start - 1)],
            "adjust": ratio(0.8, 1.2),
            "same": weekend,
        },
        "caiso_10_of_10_pre_post": {
            "pick": last,
            "pools": ten_four,
            "lookback": 45,
            "windows": residential,
            "adjust": ratio(0.71, 1.40),
            "same": weekend,
        },
        "caiso_5_of_10_residential": {
            "pick": by_kind(5, 3),
            "pools": {"weekday": (10, 5), "weekend": (5, 3)},
            "lookback": 45,
            "windows": residential,
            "adjust": ratio(0.71, 1.40),
            "same": weekend,
        },
        "high_5_of_10_raw": {
            "pick": by_kind(5, 2),
            "pools": high_ten,
            "lookback": 45,
            "windows": [],
            "adjust": None,
            "same": weekend,
        },
        "high_5_of_10_additive": {
            "pick": by_kind(5, 2),
            "pools": high_ten,
            "lookback": 45,
            "windows": [(start - 4, start - 1)],
            "adjust": add,
            "same": weekend,
        },
        "pjm_high_4_of_5": {
            "pick": by_kind(4, 2),
            "pools": {"weekday": (5, 4), "saturday": (3, 2), "sunday": (3, 2)},
            "lookback": 45,
            "windows": [(start - 4, start - 1)],
            "adjust": add,
            "same": three_types,
            "low_use": quarter_of_mean,
        },
        "nyiso_high_5_of_10": {
            "pick": by_kind(5, 2),
            "pools": high_ten,
            "lookback": 30,
            "windows": [(start - 4, start - 2)],
            "adjust": ratio(0.8, 1.2),
            "same": three_types,
            "low_use": quarter_of_peak_hour,
            "skip": 1,
        },
        "ercot_mid_8_of_10": {
            "pick": middle,
            "pools": {"weekday": (10, 10), "weekend": (10, 10)},
            "lookback": 90,
            "windows": [(start - 3, start - 1)],
            "adjust": ratio(),
            "same": weekend,
        },
        "weather_match_4": {
            "pick": closest_peak,
            "pools": {"weekday": (90, 4), "weekend": (90, 4)},
            "lookback": 90,
            "windows": residential,
            "adjust": ratio(0.71, 1.40),
            "same": weekend,
        },
        "matching_days_3": {
            "pick": most_similar,
            "pools": {"weekday": (45, 3), "weekend": (45, 3)},
            "lookback": 45,
            "windows": [],
            "adjust": None,
            "same": weekend,
        },
    }
