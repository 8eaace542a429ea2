"""Each day-matching method against an independent implementation of its rule text, and against sums made by hand."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridflex.domain.baseline import (
    CAISO,
    METHODS,
    NYISO,
    PJM,
    DayRule,
    EventWindow,
    Loads,
    baselines,
    candidate_days,
    day_flags,
    day_kinds,
    day_number,
    others_as_control,
)
from gridflex.errors import UsageError
from tests.support.baseline_reference import Home, day_matching, rules
from tests.support.examples import examples

FIRST = dt.date(2013, 1, 7)  # a Monday
DAYS, SLOTS = 120, 48
EVENT = (17, 20)
WINDOW = EventWindow.parse("17:00-20:00", SLOTS)
HOLIDAYS = [dt.date(2013, 3, 29), dt.date(2013, 4, 1)]
EVENTS = [dt.date(2013, 3, 5), dt.date(2013, 4, 10)]
DAY_RULES = [name for name, method in METHODS.items() if isinstance(method, DayRule)]


@pytest.fixture(scope="module")
def loads() -> Loads:
    """Three homes with missing half-hours, whole days without a value, near-empty days, holidays and events."""
    random = np.random.default_rng(5)
    kwh = random.gamma(2.0, 0.2, (3, DAYS, SLOTS)) * random.lognormal(0.0, 0.5, (3, DAYS, 1))
    kwh[random.random(kwh.shape) < 0.002] = np.nan
    kwh[1, 40:43] = np.nan
    kwh[:, [50, 78, 99]] *= 0.02
    first = day_number(FIRST)
    excluded = np.tile(day_flags(EVENTS, first, DAYS), (3, 1))
    return Loads(
        names=("a", "b", "c"),
        first_day=first,
        kwh=kwh,
        kinds=day_kinds(first, DAYS, HOLIDAYS),
        excluded=excluded,
        peak_temperature_c=random.normal(12.0, 5.0, DAYS),
    )


def _home(loads: Loads, index: int) -> Home:
    start = dt.datetime.combine(FIRST, dt.time())
    step = dt.timedelta(minutes=30)
    flat = loads.kwh[index].ravel()
    meter = {start + k * step: float(value) for k, value in enumerate(flat) if not np.isnan(value)}
    peaks = {loads.date(day): float(loads.peak_temperature_c[day]) for day in range(DAYS)}
    return Home(meter=meter, step=step, holidays=set(HOLIDAYS), events=set(EVENTS), peak_c=peaks)


@pytest.mark.parametrize("name", DAY_RULES)
def test_day_matching__agrees_with_the_independent_implementation(name: str, loads: Loads) -> None:
    targets = np.arange(3, DAYS, 2)
    found = baselines(loads, WINDOW, targets, methods=[name])[name]
    rule = rules(*EVENT)[name]
    numbers = 0
    for index in range(3):
        home = _home(loads, index)
        for position, target in enumerate(targets):
            expected = day_matching(home, loads.date(int(target)), EVENT, **rule)
            ours = found[index, position]
            if expected is None:
                assert np.isnan(ours).all(), (name, index, target)
                continue
            numbers += 1
            assert [f"{value:.9f}" for value in ours] == [f"{value:.9f}" for value in expected], (name, index, target)
    assert numbers > 80


def _plain(kwh: np.ndarray, first: dt.date = FIRST, **more: object) -> Loads:
    days = kwh.shape[1]
    start = day_number(first)
    fields = {
        "names": tuple(f"s{index}" for index in range(len(kwh))),
        "first_day": start,
        "kinds": day_kinds(start, days),
        "excluded": np.zeros(kwh.shape[:2], dtype=bool),
    }
    return Loads(kwh=kwh, **(fields | more))


def test_caiso__worked_by_hand() -> None:
    """Ten weekdays of 1..10 kW at 17-18 h; 2 kWh in the three morning hours then, 2.2 today: 5.5 x 1.1."""
    kwh = np.full((1, 15, 24), 2.0)
    weekdays = [0, 1, 2, 3, 4, 7, 8, 9, 10, 11]
    for load, day in enumerate(weekdays, start=1):
        kwh[0, day, 17] = load
    kwh[0, 14, 13:16] = 2.2
    window = EventWindow(first=17, stop=18)
    assert baselines(_plain(kwh), window, np.array([14]), methods=["caiso_10_of_10"])[
        "caiso_10_of_10"
    ] == pytest.approx(6.05)
    kwh[0, 14, 13:16] = 9.0
    capped = baselines(_plain(kwh), window, np.array([14]), methods=["caiso_10_of_10"])["caiso_10_of_10"]
    assert capped == pytest.approx(5.5 * 1.2)


def test_pjm__worked_by_hand() -> None:
    """Five weekdays of 1..5 kWh: the four highest are 3.5; 0.3 kWh more than usual in the morning is added."""
    kwh = np.full((1, 5, 24), 2.0)
    kwh[0, :, 17] = [5.0, 1.0, 4.0, 2.0, 3.0]
    kwh = np.concatenate([kwh, np.full((1, 2, 24), 9.0), np.full((1, 1, 24), 2.3)], axis=1)
    found = baselines(_plain(kwh), EventWindow(first=17, stop=18), np.array([7]), methods=["pjm_high_4_of_5"])
    assert found["pjm_high_4_of_5"] == pytest.approx(3.5 + 0.3)


def test_pjm__a_near_empty_day_is_replaced_by_the_day_before_it() -> None:
    kwh = np.full((1, 10, 24), 4.0)
    kwh[0, 8] = 0.1
    chosen = candidate_days(_plain(kwh), EventWindow(first=17, stop=20), PJM, 9)
    assert 8 not in chosen.day[0][chosen.known[0]].tolist()


def test_nyiso__leaves_the_day_before_the_event_out() -> None:
    kwh = np.full((1, 20, 24), 1.0)
    kwh[0, 17] = 50.0
    chosen = candidate_days(_plain(kwh), EventWindow(first=17, stop=20), NYISO, 18)
    assert 17 not in chosen.day[0][chosen.known[0]].tolist()


def test_control_group__is_the_difference_in_differences() -> None:
    """Own past 4, control's past 2 and today 3 a home: 4 + (4 / 2) x (3 - 2)."""
    kwh = np.full((3, 15, 24), 2.0)
    kwh[0] = 4.0
    kwh[1:, 14] = 3.0
    found = baselines(
        others_as_control(_plain(kwh)), EventWindow(first=17, stop=20), np.array([14]), methods=["control_group"]
    )
    assert found["control_group"][0, 0] == pytest.approx([6.0, 6.0, 6.0])


def test_mean_of_adjusted__is_the_mean_of_its_members(loads: Loads) -> None:
    targets = np.array([100])
    every = baselines(loads, WINDOW, targets)
    members = METHODS["mean_of_adjusted"].members
    assert "high_5_of_10_raw" not in members
    assert every["mean_of_adjusted"] == pytest.approx(
        np.nanmean([every[name] for name in members], axis=0), nan_ok=True
    )


def test_methods__one_slice_gives_what_many_give(loads: Loads) -> None:
    targets = np.arange(95, 110)
    together = baselines(loads, WINDOW, targets)
    for index in range(3):
        alone = baselines(loads.part(index, index + 1), WINDOW, targets)
        for name in DAY_RULES:
            np.testing.assert_array_equal(alone[name][0], together[name][index])


@settings(max_examples=examples(6))
@given(factor=st.floats(0.01, 1000.0))
def test_methods__scale_with_the_load(loads: Loads, factor: float) -> None:
    targets = np.array([100, 108])
    scaled = Loads(
        names=loads.names,
        first_day=loads.first_day,
        kwh=loads.kwh * factor,
        kinds=loads.kinds,
        excluded=loads.excluded,
        peak_temperature_c=loads.peak_temperature_c,
    )
    base, more = baselines(loads, WINDOW, targets), baselines(scaled, WINDOW, targets)
    for name, values in base.items():
        np.testing.assert_allclose(more[name], values * factor, rtol=1e-9, equal_nan=True, err_msg=name)


def test_methods__nothing_after_the_target_day_enters(loads: Loads) -> None:
    target = 90
    changed = loads.kwh.copy()
    changed[:, target + 1 :] = 1e6
    future = Loads(
        names=loads.names,
        first_day=loads.first_day,
        kwh=changed,
        kinds=loads.kinds,
        excluded=loads.excluded,
        peak_temperature_c=loads.peak_temperature_c,
    )
    for name, values in baselines(loads, WINDOW, np.array([target])).items():
        np.testing.assert_array_equal(baselines(future, WINDOW, np.array([target]))[name], values)


def test_methods__the_event_itself_never_enters(loads: Loads) -> None:
    target = 90
    changed = loads.kwh.copy()
    changed[:, target, WINDOW.first : WINDOW.stop] = 1e6
    shed = Loads(
        names=loads.names,
        first_day=loads.first_day,
        kwh=changed,
        kinds=loads.kinds,
        excluded=loads.excluded,
        peak_temperature_c=loads.peak_temperature_c,
    )
    for name, values in baselines(loads, WINDOW, np.array([target])).items():
        np.testing.assert_array_equal(baselines(shed, WINDOW, np.array([target]))[name], values)


def test_methods__an_unknown_name_is_told_with_those_allowed(loads: Loads) -> None:
    with pytest.raises(UsageError, match=r"caiso_11.*allowed: igrid_last_5"):
        baselines(loads, WINDOW, np.array([90]), methods=["caiso_11"])


def test_methods__each_names_its_source() -> None:
    assert all(len(method.source) > 60 for method in METHODS.values())
    assert CAISO.adjustment.low == pytest.approx(0.8)
