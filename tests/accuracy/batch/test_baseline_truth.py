"""On generated demand of 400 homes whose truth is known: bias, precision, coverage, events, gaming.

400 homes in 20 feeders, two years of half-hours, event window 17-20 h. The method is recommended on the first year and
evaluated on the second.
"""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from gridflex.domain.baseline import (
    Control,
    EventWindow,
    Gate,
    Loads,
    Outcome,
    Score,
    SliceKey,
    as_total,
    baselines,
    bounds_at,
    gaming,
    placebo_days,
    recommend,
    roll_up,
    score,
    smallest_passing,
    verify,
)
from gridflex.domain.readings import Flags, Floats, Ints
from tests.support.simulated.demand import Town, simulate, with_inflated_hours, with_shed

WINDOW = EventWindow.parse("17:00-20:00", 48)
WARM_UP_DAYS = 60
FEEDERS = 20


@dataclass(frozen=True)
class Evaluated:
    feeders: Loads
    total: Loads
    days: Ints
    method: str
    first_year: dict[str, Score]
    second_year: Score
    residual: Floats
    """Relative residuals of the recommended method, feeders then total, shape (21, days)."""

    @property
    def both(self) -> Loads:
        return _rows(self.feeders, self.total)


def _rows(feeders: Loads, total: Loads) -> Loads:
    return Loads(
        names=feeders.names + total.names,
        first_day=total.first_day,
        kwh=np.concatenate([feeders.kwh, total.kwh]),
        kinds=total.kinds,
        excluded=np.concatenate([feeders.excluded, total.excluded]),
        peak_temperature_c=total.peak_temperature_c,
    )


@pytest.fixture(scope="module")
def evaluated() -> Evaluated:
    town = simulate(Town(homes=400, days=730, seed=1))
    keys = [SliceKey(region="r", feeder=f"f{home % FEEDERS:02d}", appliance=str(home)) for home in range(400)]
    rolled, found = roll_up(town, keys)
    feeders = _only(rolled, [index for index, key in enumerate(found) if key.feeder and not key.appliance])
    total = _only(rolled, [found.index(SliceKey())])
    days = placebo_days(total, WINDOW)
    days = days[days >= WARM_UP_DAYS]
    year = int(np.searchsorted(days, 365))
    actual = total.actual_kwh(WINDOW, days)
    every = baselines(total, WINDOW, days)
    first = {name: score(name, values[:, :year], actual[:, :year], 2.0) for name, values in every.items()}
    method = recommend(first)
    assert method is not None
    second = score(method, every[method][:, year:], actual[:, year:], 2.0)
    both = _rows(feeders, total)
    expected = baselines(both, WINDOW, days, methods=[method])[method].sum(axis=2)
    residual = both.actual_kwh(WINDOW, days).sum(axis=2) / expected - 1
    return Evaluated(
        feeders=feeders, total=total, days=days, method=method, first_year=first, second_year=second, residual=residual
    )


def _only(loads: Loads, rows: list[int]) -> Loads:
    return Loads(
        names=tuple(loads.names[row] for row in rows),
        first_day=loads.first_day,
        kwh=loads.kwh[rows],
        kinds=loads.kinds,
        excluded=loads.excluded[rows],
        peak_temperature_c=loads.peak_temperature_c,
    )


def test_recommended__is_nearly_unbiased_and_precise_on_a_year_it_was_not_chosen_on(evaluated: Evaluated) -> None:
    assert abs(evaluated.second_year.nmbe) <= 0.005
    assert evaluated.second_year.cvrmse <= 0.08
    assert evaluated.second_year.placebo_days > 230


def test_high_days_without_adjustment__invent_energy(evaluated: Evaluated) -> None:
    assert evaluated.first_year["high_5_of_10_raw"].nmbe > 0.02


def test_intervals__of_90_percent_cover_88_to_92(evaluated: Evaluated) -> None:
    low, high = bounds_at(evaluated.residual, evaluated.days, evaluated.days)
    tested = np.isfinite(low)
    inside = tested & (evaluated.residual >= low) & (evaluated.residual <= high)
    assert 0.88 <= inside[:FEEDERS].sum() / tested[:FEEDERS].sum() <= 0.92
    assert 0.88 <= inside[FEEDERS].sum() / tested[FEEDERS].sum() <= 0.92


def _events(evaluated: Evaluated, share: float) -> tuple[Flags, Flags]:
    """Events on two of every five weekdays of the second year, shape (21, events): called a shed, truth inside."""
    shed, inside = [], []
    for fold in (0, 2):
        events = evaluated.days[evaluated.days >= 365][fold::5]
        quiet = ~np.isin(evaluated.days, events)
        loads = with_shed(evaluated.both, WINDOW, events, share, rebound=0.3)
        truth = evaluated.both.actual_kwh(WINDOW, events).sum(axis=2) * share
        metered = loads.actual_kwh(WINDOW, events).sum(axis=2)
        expected = baselines(loads, WINDOW, events, methods=[evaluated.method])[evaluated.method].sum(axis=2)
        low, high = bounds_at(evaluated.residual[:, quiet], evaluated.days[quiet], events)
        found = verify(expected, metered, low, high)
        assert [word is Outcome.NOT_DISTINGUISHABLE for word in found.outcomes()] == (
            ~found.distinguishable
        ).ravel().tolist()
        shed.append(found.distinguishable)
        inside.append((found.lower_kwh <= truth) & (truth <= found.upper_kwh))
    return np.concatenate(shed, axis=1), np.concatenate(inside, axis=1)


def test_zero_effect_event__is_not_distinguishable_from_zero(evaluated: Evaluated) -> None:
    called, _ = _events(evaluated, 0.0)
    assert called.size > 2000
    assert called.mean() <= 0.12
    assert called[FEEDERS].mean() <= 0.12


def test_injected_shed_of_10_percent__is_recovered_within_its_interval(evaluated: Evaluated) -> None:
    called, inside = _events(evaluated, 0.10)
    assert inside.mean() >= 0.88
    assert inside[FEEDERS].mean() >= 0.88
    assert called[FEEDERS].mean() > 0.9, "the sum of 400 homes tells a shed of 10 % from zero"


def test_gaming__inflated_hours_are_flagged_and_honest_ones_are_not(evaluated: Evaluated) -> None:
    events = evaluated.days[evaluated.days >= 365][::5]
    quiet = np.setdiff1d(evaluated.days, events)
    honest = gaming(evaluated.both, WINDOW, events, quiet)
    assert honest.flagged.mean() <= 0.01
    of_feeders = gaming(with_inflated_hours(evaluated.feeders, WINDOW, events, 0.6), WINDOW, events, quiet)
    assert of_feeders.flagged.mean() >= 0.9
    of_all_homes = gaming(with_inflated_hours(evaluated.total, WINDOW, events, 0.4), WINDOW, events, quiet)
    assert of_all_homes.flagged.mean() >= 0.95


def test_gaming__a_control_group_shows_what_the_weather_hides(evaluated: Evaluated) -> None:
    events = evaluated.days[evaluated.days >= 365][::5]
    quiet = np.setdiff1d(evaluated.days, events)
    half = FEEDERS // 2
    rest = np.s_[half:]
    control = Control(
        total_kwh=evaluated.feeders.kwh[rest].sum(axis=0),
        homes=np.full(evaluated.feeders.kwh.shape[1:], float(half)),
        includes_slices=False,
    )
    gamed = with_inflated_hours(as_total(evaluated.feeders.part(0, half)), WINDOW, events, 0.2)
    alone = gaming(gamed, WINDOW, events, quiet).flagged.mean()
    beside = gaming(replace(gamed, control=control), WINDOW, events, quiet).flagged.mean()
    assert beside >= 0.9
    assert beside > alone


def test_gate__single_homes_fail_and_their_feeder_carries_the_number() -> None:
    town = simulate(Town(homes=20, days=120, seed=2))
    keys = [SliceKey(region="r", feeder="f", appliance=name) for name in town.names]
    rolled, found = roll_up(town, keys)
    days = placebo_days(rolled, WINDOW)
    values = baselines(rolled, WINDOW, days, methods=["caiso_10_of_10"])["caiso_10_of_10"]
    actual = rolled.actual_kwh(WINDOW, days)
    scores = {key: score("caiso_10_of_10", values[[row]], actual[[row]], 2.0) for row, key in enumerate(found)}
    assert {smallest_passing(key, scores, Gate()) for key in keys} == {SliceKey(region="r", feeder="f")}
