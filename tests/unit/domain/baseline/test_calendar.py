"""Defined behaviour on daylight-saving days, holidays, missing half-hours, partial and excluded days."""

import datetime as dt
from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from gridflex.domain.baseline import (
    CAISO,
    DayKind,
    EventWindow,
    Loads,
    baselines,
    candidate_days,
    day_kinds,
    day_number,
    lay_out,
    local_ms,
    placebo_days,
)
from gridflex.errors import UsageError

LONDON = ZoneInfo("Europe/London")
HALF_HOUR_MS = 1_800_000
WINDOW = EventWindow.parse("17:00-20:00", 48)


def _instants(first: dt.datetime, last: dt.datetime) -> np.ndarray:
    start, stop = (round(when.timestamp() * 1000) for when in (first, last))
    return np.arange(start, stop, HALF_HOUR_MS)


def _london_day(date: dt.date) -> np.ndarray:
    """One London day of 1, 2, 3, ... kWh by the half-hour, laid out."""
    first = dt.datetime.combine(date, dt.time(), LONDON)
    starts = _instants(first, dt.datetime.combine(date + dt.timedelta(days=1), dt.time(), LONDON))
    kwh = np.arange(1.0, len(starts) + 1)
    day, cube = lay_out(np.zeros(len(starts), int), local_ms(starts, LONDON), kwh, slices=1, interval_minutes=30)
    assert (day, cube.shape) == (day_number(date), (1, 1, 48))
    return cube[0, 0]


def test_day_of_23_hours__the_skipped_hour_is_missing() -> None:
    day = _london_day(dt.date(2013, 3, 31))
    assert np.flatnonzero(np.isnan(day)).tolist() == [2, 3]
    assert (day[0], day[1], day[4], day[-1]) == (1.0, 2.0, 3.0, 46.0)


def test_day_of_25_hours__the_repeated_hour_is_the_mean_of_both() -> None:
    day = _london_day(dt.date(2013, 10, 27))
    assert day[2:4].tolist() == [(3 + 5) / 2, (4 + 6) / 2]
    assert (day[0], day[4], day[-1]) == (1.0, 7.0, 50.0)


def test_day_of_23_hours__counts_for_an_evening_event_and_not_for_one_at_night() -> None:
    loads = _loads(20)
    kwh = loads.kwh.copy()
    kwh[0, 10, 2:4] = np.nan  # the clock went forward on day 10
    loads = replace(loads, kwh=kwh)
    assert 10 in _chosen(loads, WINDOW, 11)
    assert 10 not in _chosen(loads, EventWindow.parse("01:00-02:00", 48), 11)


def _loads(days: int, slices: int = 1, holidays: tuple[dt.date, ...] = ()) -> Loads:
    first = day_number(dt.date(2013, 1, 7))
    return Loads(
        names=tuple(f"s{index}" for index in range(slices)),
        first_day=first,
        kwh=np.ones((slices, days, 48)),
        kinds=day_kinds(first, days, holidays),
        excluded=np.zeros((slices, days), dtype=bool),
    )


def _chosen(loads: Loads, window: EventWindow, target: int) -> list[int]:
    chosen = candidate_days(loads, window, CAISO, target)
    return chosen.day[0][chosen.known[0]].tolist()


def test_holiday__is_no_weekday_candidate_but_a_weekend_one() -> None:
    loads = _loads(30, holidays=(dt.date(2013, 1, 23),))
    assert loads.kinds[16] == DayKind.SUNDAY
    assert 16 not in _chosen(loads, WINDOW, 22)
    assert _chosen(loads, WINDOW, 27) == [26, 20, 19, 16]
    assert 16 not in placebo_days(loads, WINDOW)


def test_excluded_day__is_neither_candidate_nor_placebo_for_its_slice() -> None:
    loads = _loads(30, slices=2)
    loads.excluded[0, 21] = True
    assert 21 not in _chosen(loads, WINDOW, 22)
    other = candidate_days(loads, WINDOW, CAISO, 22)
    assert other.day[1, 0] == 21
    loads.excluded[1, 21] = True
    assert 21 not in placebo_days(loads, WINDOW)


def test_missing_half_hour__in_the_windows_takes_the_day_out_and_elsewhere_not() -> None:
    loads = _loads(30)
    loads.kwh[0, 21, 36] = np.nan  # in the event
    loads.kwh[0, 18, 27] = np.nan  # in the adjustment window
    loads.kwh[0, 17, 5] = np.nan  # at night
    chosen = _chosen(loads, WINDOW, 22)
    assert 21 not in chosen
    assert 18 not in chosen
    assert chosen[:3] == [17, 16, 15]


def test_missing_adjustment_hour_of_the_day_itself__gives_no_number() -> None:
    loads = _loads(30)
    loads.kwh[0, 22, 27] = np.nan
    found = baselines(loads, WINDOW, np.array([22]), methods=["caiso_10_of_10", "igrid_last_5"])
    assert np.isnan(found["caiso_10_of_10"]).all()
    assert np.isfinite(found["igrid_last_5"]).all()


def test_partial_day__serves_when_its_windows_are_whole() -> None:
    loads = _loads(30)
    loads.kwh[0, 21, :20] = np.nan
    assert _chosen(loads, WINDOW, 22)[0] == 21


def test_too_few_days__give_no_number() -> None:
    loads = _loads(30)
    loads.kwh[0, :17] = np.nan
    found = baselines(loads, WINDOW, np.array([21, 24]), methods=["caiso_10_of_10"])["caiso_10_of_10"]
    assert np.isnan(found[0, 0]).all()
    assert np.isfinite(found[0, 1]).all()


def test_event_after_midnight__reaches_into_the_day_before() -> None:
    loads = _loads(30)
    loads.kwh[0, 21, 42:] = 1.1  # 21:00 to midnight before the event of day 22
    found = baselines(loads, EventWindow.parse("01:00-02:00", 48), np.array([22]), methods=["caiso_10_of_10"])
    assert found["caiso_10_of_10"] == pytest.approx(1.1)


def test_placebo_days__a_share_keeps_the_days_with_event_weather() -> None:
    loads = _loads(80)
    peaks = np.full(80, 20.0)
    peaks[:42] = 2.0
    kept = placebo_days(replace(loads, peak_temperature_c=peaks), WINDOW, share=30 / 58, least=5)
    assert set(kept) == {day for day in range(42) if loads.kinds[day] == DayKind.WEEKDAY}


@pytest.mark.parametrize("text", ["17-20", "20:00-17:00", "17:10-20:00", "23:00-25:00", "17:00-17:00"])
def test_window__that_does_not_fit_is_told(text: str) -> None:
    with pytest.raises(UsageError, match="window"):
        EventWindow.parse(text, 48)


def test_loads__shapes_that_disagree_are_refused() -> None:
    loads = _loads(5)
    with pytest.raises(ValueError, match="shape"):
        replace(loads, kinds=loads.kinds[:3])
    with pytest.raises(ValueError, match="divides"):
        replace(loads, kwh=np.ones((1, 5, 7)))
