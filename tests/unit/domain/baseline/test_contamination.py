"""Hours that something touched are no history and no adjustment; days may start at any hour."""

import dataclasses
import datetime as dt

import numpy as np
import pytest

from gridflex.domain.baseline import (
    CAISO,
    EventWindow,
    Loads,
    baselines,
    candidate_days,
    day_kinds,
    day_number,
    starting_at,
    touched,
    without_hours,
)

DAYS, SLOTS = 90, 24
WINDOW = EventWindow(first=17, stop=20)
FIRST = day_number(dt.date(2024, 1, 1))


def _loads() -> Loads:
    kwh = np.random.default_rng(3).uniform(1, 2, (1, DAYS, SLOTS))
    return Loads(
        names=("s",), first_day=FIRST, kwh=kwh, kinds=day_kinds(FIRST, DAYS),
        excluded=np.zeros((1, DAYS), dtype=bool), peak_temperature_c=np.linspace(0, 30, DAYS),
        temperature_c=np.linspace(0, 30, DAYS * SLOTS).reshape(DAYS, SLOTS),
    )  # fmt: skip


def _marked(*hours: tuple[int, int]) -> np.ndarray:
    flags = np.zeros((1, DAYS, SLOTS), dtype=bool)
    for day, slot in hours:
        flags[0, day, slot] = True
    return flags


def _caiso(loads: Loads, day: int = 78) -> np.ndarray:
    return baselines(loads, WINDOW, np.array([day]), methods=["caiso_10_of_10"])["caiso_10_of_10"]


def test_contaminated_adjustment_hour__is_left_out_and_the_others_adjust() -> None:
    loads = _loads()
    lured = dataclasses.replace(loads, kwh=loads.kwh.copy())
    lured.kwh[0, 78, 14] *= 5
    clean = _caiso(without_hours(lured, _marked((78, 14))))
    assert np.isfinite(clean).all()
    assert _caiso(lured).sum() > clean.sum()
    np.testing.assert_array_equal(clean, _caiso(without_hours(loads, _marked((78, 14)))))


@pytest.mark.parametrize(
    ("method", "numbers"),
    [("caiso_10_of_10", False), ("regression_same_day", False), ("caiso_10_of_10_pre_post", True),
     ("regression_day_ahead", True)],
)  # fmt: skip
def test_no_clean_adjustment_hour_left__gives_no_number(method: str, numbers: bool) -> None:
    loads = without_hours(_loads(), _marked((78, 13), (78, 14), (78, 15)))
    found = baselines(loads, WINDOW, np.array([78]), methods=[method])[method]
    assert np.isfinite(found).all() == numbers


def test_missing_hour_that_nothing_touched__is_still_no_number() -> None:
    loads = _loads()
    loads.kwh[0, 78, 14] = np.nan
    assert np.isnan(_caiso(loads)).all()


def test_contaminated_day__is_a_candidate_only_where_its_own_hours_do_not_matter() -> None:
    loads = without_hours(_loads(), _marked((73, 18), (74, 3)))
    chosen = candidate_days(loads, WINDOW, CAISO, 78).day[0].tolist()
    assert 73 not in chosen
    assert 74 in chosen


def test_touched__covers_every_interval_that_is_touched_in_part() -> None:
    loads = _loads()
    hour, start = 3_600_000, FIRST * 86_400_000
    flags = touched(loads, start + 23 * hour + hour // 2, start + 25 * hour)
    assert np.argwhere(flags).tolist() == [[0, 23], [1, 0]]
    assert not touched(loads, start - 5 * hour, start - hour).any()


def test_starting_at__an_event_across_midnight_equals_the_same_event_of_shifted_loads() -> None:
    loads = _loads()
    moved = starting_at(loads, 12)
    late = EventWindow.parse("10:00-14:00", SLOTS)  # 22:00 to 02:00 of the clock
    assert moved.kwh[0, 3, late.first : late.stop].tolist() == [*loads.kwh[0, 3, 22:], *loads.kwh[0, 4, :2]]
    assert moved.temperature_c is not None
    assert moved.temperature_c[3, 0] == loads.temperature_c[3, 12]  # type: ignore[index]
    shifted = Loads(
        names=("s",), first_day=FIRST, kwh=loads.kwh.reshape(1, -1)[:, 12:-12].reshape(1, DAYS - 1, SLOTS),
        kinds=loads.kinds[:-1], excluded=loads.excluded[:, :-1],
    )  # fmt: skip
    day = np.array([78])
    np.testing.assert_array_equal(
        baselines(moved, late, day, methods=["pjm_high_4_of_5"])["pjm_high_4_of_5"],
        baselines(shifted, late, day, methods=["pjm_high_4_of_5"])["pjm_high_4_of_5"],
    )


def test_starting_at__a_date_without_candidates_takes_both_its_days() -> None:
    loads = _loads()
    loads.excluded[0, 10] = True
    assert np.flatnonzero(starting_at(loads, 12).excluded[0]).tolist() == [9, 10]
