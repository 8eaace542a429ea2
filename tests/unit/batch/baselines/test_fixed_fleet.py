import datetime as dt
from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from batch.baselines.fixed_fleet import Calendar, LevelLoads, fixed_fleet, summed
from batch.baselines.history import day_slots
from batch.rollup import DayRollup
from gridflex.domain.baseline import SliceKey
from gridflex.domain.interval import day_interval
from gridflex.domain.readings import Floats

UTC = Calendar(zone=ZoneInfo("UTC"), interval_minutes=30)
FIRST = dt.date(2024, 5, 6)
PARTS = [
    SliceKey(region="South", feeder="s1", appliance="fridge"),
    SliceKey(region="North", feeder="n1", appliance="fridge"),
    SliceKey(region="North", feeder="n1", appliance="kettle"),
    SliceKey(region="North", feeder="n2", appliance="fridge"),
]
SLOT_S = 1800.0


def rollups(power_w: Floats, appliances: Floats) -> dict[dt.date, DayRollup]:
    """``power_w``: one appliance's, ``appliances``: how many are observed; both of shape (parts, days, 48)."""
    days = {}
    for number in range(power_w.shape[1]):
        day = FIRST + dt.timedelta(days=number)
        part, slot = np.nonzero(appliances[:, number] > 0)
        observed = appliances[part, number, slot] * SLOT_S
        days[day] = DayRollup(
            part=part.astype(np.int32),
            time_ms=day_interval(day, UTC.zone).start_ms + slot * 1_800_000,
            energy_wh=power_w[part, number, slot] * observed / 3600,
            observed_s=observed,
        )
    return days


def made(power_w: Floats, appliances: Floats, share: float = 0.5) -> dict[str, LevelLoads]:
    counts = appliances[:, -1].max(axis=1).astype(np.int64)
    levels = fixed_fleet(rollups(power_w, appliances), PARTS, counts, UTC, min_slot_share=share)
    return {level.level: level for level in levels}


@pytest.fixture
def power_w() -> Floats:
    return np.random.default_rng(5).uniform(50, 500, (len(PARTS), 4, 48))


def test_panel__takes_the_target_days_fleet_into_the_past(power_w: Floats) -> None:
    fleet = np.full((4, 4, 48), 10.0)
    grown = fleet.copy()
    grown[:, :2] = 3.0
    steady, growing = made(power_w, fleet), made(power_w, grown)
    for level in ("all", "region", "feeder", "appliance"):
        np.testing.assert_allclose(growing[level].loads.kwh, steady[level].loads.kwh, rtol=1e-12)
    total_kwh = (power_w * 10 * 0.5 / 1000).sum(axis=0)
    np.testing.assert_allclose(steady["all"].loads.kwh[0], total_kwh, rtol=1e-12)


def test_panel__sums_parts_into_every_level(power_w: Floats) -> None:
    found = made(power_w, np.full((4, 4, 48), 2.0))
    assert [str(key) for key in found["region"].keys] == ["North", "South"]
    assert [str(key) for key in found["feeder"].keys] == ["North/n1", "North/n2", "South/s1"]
    assert [str(key) for key in found["appliance"].keys][:2] == ["North/n1/fridge", "North/n1/kettle"]
    for level in ("region", "feeder", "appliance"):
        np.testing.assert_allclose(found[level].loads.kwh.sum(axis=0), found["all"].loads.kwh[0], rtol=1e-12)


def test_panel__silent_appliances_are_taken_to_be_like_the_others(power_w: Floats) -> None:
    fleet = np.full((4, 4, 48), 10.0)
    gaps = fleet.copy()
    gaps[1, 2, 30:40] = 6.0
    found = made(power_w, gaps)["appliance"].loads.kwh
    np.testing.assert_allclose(found, made(power_w, fleet)["appliance"].loads.kwh, rtol=1e-12)


def test_panel__an_interval_of_which_too_little_was_observed_is_missing(power_w: Floats) -> None:
    fleet = np.full((4, 4, 48), 10.0)
    fleet[1, 2, 30] = 4.0
    fleet[1, 2, 31] = 0.0
    found = made(power_w, fleet)["appliance"]
    row = found.keys.index(PARTS[1])
    assert np.argwhere(np.isnan(found.loads.kwh)).tolist() == [[row, 2, 30], [row, 2, 31]]


def test_panel__a_sum_without_a_large_part_is_missing(power_w: Floats) -> None:
    fleet = np.full((4, 4, 48), 10.0)
    fleet[1, 2, 30] = 0.0
    found = made(power_w, fleet)
    assert np.isnan(found["all"].loads.kwh[0, 2, 30])
    assert np.isfinite(found["region"].loads.kwh[1, 2, 30]), "the other region knows nothing of it"


def test_summed__fills_in_a_small_part_in_proportion() -> None:
    kwh = np.full((30, 2, 2), 1.0)
    kwh[0, 0, 0] = np.nan
    assert summed(kwh, np.zeros(30, dtype=np.int32), 1)[0, 0, 0] == pytest.approx(30.0)


def test_panel__parts_without_an_appliance_on_the_target_day_are_left_out(power_w: Floats) -> None:
    fleet = np.full((4, 4, 48), 1.0)
    fleet[0, -1] = 0.0
    found = made(power_w, fleet)
    assert [str(key) for key in found["region"].keys] == ["North"]
    assert made(power_w, np.where(np.arange(4)[None, :, None] == 3, 0.0, fleet)) == {}


def test_panel__excluded_days_and_holidays_are_marked(power_w: Floats) -> None:
    calendar = replace(UTC, excluded=[FIRST + dt.timedelta(days=1)], holidays=[FIRST])
    days = rollups(power_w, np.ones((4, 4, 48)))
    for level in fixed_fleet(days, PARTS, np.ones(4, dtype=np.int64), calendar, min_slot_share=0.5):
        assert level.loads.excluded.tolist() == [[False, True, False, False]] * len(level.keys)
        assert level.loads.kinds.tolist() == [2, 0, 0, 0]


@pytest.mark.parametrize(
    ("day", "intervals", "twice", "never"), [("2024-03-31", 46, [], [2, 3]), ("2024-10-27", 50, [2, 3], [])]
)
def test_day_slots__follow_the_clock_on_the_days_when_it_is_changed(
    day: str, intervals: int, twice: list[int], never: list[int]
) -> None:
    calendar = Calendar(zone=ZoneInfo("Europe/London"), interval_minutes=30)
    date = dt.date.fromisoformat(day)
    level = fixed_fleet(
        {date: DayRollup(part=np.zeros(1, np.int32), time_ms=np.array([day_interval(date, calendar.zone).start_ms]),
                         energy_wh=np.ones(1), observed_s=np.ones(1))},
        PARTS[:1], np.ones(1, dtype=np.int64), calendar, min_slot_share=0.5,
    )[0]  # fmt: skip
    time_ms, slot = day_slots(level.loads, 0, calendar)
    counts = np.bincount(slot, minlength=48)
    assert len(time_ms) == intervals
    assert np.flatnonzero(counts == 2).tolist() == twice
    assert np.flatnonzero(counts == 0).tolist() == never
    assert (np.diff(time_ms) == 1_800_000).all()
