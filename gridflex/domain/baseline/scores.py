"""Scores baselines on days without an event, and chooses between methods.

On a placebo day nothing was shed, so the baseline should equal the meter. Errors are baseline minus actual:
**positive means the baseline lies above the meter and would invent megawatts**.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from gridflex.domain.baseline.intervals import LEVEL, bounds_near, rolling_bounds
from gridflex.domain.baseline.likeness import DayTraits
from gridflex.domain.readings import Flags, Floats

EVENTS_A_SEASON = 20
"""Over so many events the choice between methods weighs bias against noise."""
FEWEST_EVENT_LIKE = 10
"""Fewer slice-days that are like events do not count in the recommendation."""
COMPARABLE = 0.95
"""Methods with at least this share of the most slice-days stand for the same days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The measures of one method over placebo days; all but the counts are shares of the mean actual energy, NaN
    without numbers.
    """

    method: str
    cvrmse: float
    """Root mean square error of the data's intervals / their mean energy (ASHRAE Guideline 14, without its n - p)."""
    nmbe: float
    """Sum of errors / sum of actual energy: the bias. Above 0 the method invents megawatts, below 0 it hides them."""
    rrmse: float
    """As ``cvrmse`` over hours, which markets score (PJM, AEMO); equal to it on hourly data."""
    median_abs_error: float
    """Median of |error of the whole window| / mean energy of a window."""
    coverage_90: float
    """Share of windows inside the 90 % interval made from the windows before them (``rolling_bounds``)."""
    placebo_days: int
    """Days on which at least one slice has a number."""
    windows: int
    """Slice-days with a number."""
    tested: int = 0
    """Slice-days held against an interval: ``coverage_90`` rests on these."""
    width_90: float = float("nan")
    """Mean width of these intervals / mean energy of a window."""
    coverage_90_event_like: float = float("nan")
    nmbe_event_like: float = float("nan")
    rrmse_event_like: float = float("nan")
    """The same on days such as events are called on (``likeness``)."""
    event_like: int = 0
    """Slice-days with a number that are like events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """The measures of ``Score``, one value a slice, shape (S,)."""

    cvrmse: Floats
    nmbe: Floats
    rrmse: Floats
    median_abs_error: Floats
    coverage_90: Floats


def measure(
    baseline: Floats, actual: Floats, per_hour: float, *, level: float = LEVEL, traits: DayTraits | None = None
) -> Measures:
    """Score each slice by itself. ``baseline``, ``actual``: shape (S, T, W); a slice-day with a NaN in either is left
    out. ``traits``: of the T days; with them intervals come from days alike, without from all days before.

    >>> found = measure(np.array([[[2.0, 2.0], [4.0, 4.0]]]), np.array([[[1.0, 3.0], [4.0, 4.0]]]), 2.0)
    >>> found.nmbe.tolist(), found.rrmse.tolist(), found.cvrmse.round(3).tolist()
    ([0.0], [0.0], [0.236])
    """
    tested, inside, _ = _covered(baseline, actual, level, traits)
    with np.errstate(invalid="ignore", divide="ignore"):
        coverage = inside.sum(axis=1) / np.where(tested.any(axis=1), tested.sum(axis=1), np.nan)
    return replace(score_measures(baseline, actual, per_hour), coverage_90=coverage)


def score_measures(baseline: Floats, actual: Floats, per_hour: float) -> Measures:
    """All of ``measure`` but the coverage, which is NaN: it takes most of the time."""
    known = scored(baseline, actual)
    use = known[:, :, None]
    error = np.where(use, baseline - actual, 0.0)
    energy = np.where(use, actual, 0.0)
    total = energy.sum(axis=(1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        windows = known.sum(axis=1)
        intervals = windows * actual.shape[2]
        off = np.where(known, np.abs(error.sum(axis=2)), np.nan)
        return Measures(
            cvrmse=np.sqrt((error**2).sum(axis=(1, 2)) / intervals) / (total / intervals),
            nmbe=error.sum(axis=(1, 2)) / total,
            rrmse=_hourly(error, energy, known, per_hour),
            median_abs_error=_median(off) / (total / windows),
            coverage_90=np.full(len(total), np.nan),
        )


def score(method: str, baseline: Floats, actual: Floats, per_hour: float, *, traits: DayTraits | None = None) -> Score:
    """Score all slices together: errors pooled over slices, days and intervals; intervals made slice by slice.

    ``traits``: of the T days, for intervals of days alike and for the measures of event-like days.
    """
    tested, inside, width = _covered(baseline, actual, LEVEL, traits)
    alike = _event_like(traits, tested.shape)
    energy = np.where(tested, actual.sum(axis=2), 0.0).sum()
    return replace(
        score_errors(method, baseline, actual, per_hour, traits=traits),
        coverage_90=_share(inside, tested),
        tested=int(tested.sum()),
        width_90=float(np.where(tested, width, 0.0).sum() / energy) if energy > 0 else float("nan"),
        coverage_90_event_like=_share(inside & alike, tested & alike),
    )


def score_errors(
    method: str, baseline: Floats, actual: Floats, per_hour: float, *, traits: DayTraits | None = None
) -> Score:
    """As ``score``, without the measures of intervals, which take most of the time."""
    known = scored(baseline, actual)
    alike = _event_like(traits, known.shape)
    pooled = score_measures(_pool(baseline), _pool(actual), per_hour)
    of_events = score_measures(_pool(_only(baseline, alike)), _pool(actual), per_hour)
    return Score(
        method=method,
        cvrmse=float(pooled.cvrmse[0]),
        nmbe=float(pooled.nmbe[0]),
        rrmse=float(pooled.rrmse[0]),
        median_abs_error=float(pooled.median_abs_error[0]),
        coverage_90=float("nan"),
        placebo_days=int(known.any(axis=0).sum()),
        windows=int(known.sum()),
        nmbe_event_like=float(of_events.nmbe[0]),
        rrmse_event_like=float(of_events.rrmse[0]),
        event_like=int((known & alike).sum()),
    )


def _event_like(traits: DayTraits | None, shape: tuple[int, ...]) -> Flags:
    flags: Flags = np.zeros(shape, dtype=np.bool_)
    return flags if traits is None else flags | traits.event_like


def _only(baseline: Floats, days: Flags) -> Floats:
    return np.where(days[:, :, None], baseline, np.nan)


def _share(inside: Flags, tested: Flags) -> float:
    return float(inside.sum() / tested.sum()) if tested.any() else float("nan")


def scored(baseline: Floats, actual: Floats) -> Flags:
    """Slice-days with a number in every slot of both, shape (S, T)."""
    return np.asarray(np.isfinite(baseline + actual).all(axis=2), dtype=np.bool_)


def on_common_days(found: Mapping[str, Floats], actual: Floats, *, share: float = 0.8) -> dict[str, Floats]:
    """The same baselines, blanked on slice-days that not every method has, so that all are scored on the same days.

    A method that has fewer than ``share`` of the slice-days of the fullest one is not waited for.
    """
    known = {name: scored(values, actual) for name, values in found.items()}
    most = max((int(days.sum()) for days in known.values()), default=0)
    waited = [days for days in known.values() if most and days.sum() >= share * most]
    if not waited:
        return dict(found)
    common = np.logical_and.reduce(waited)[:, :, None]
    return {name: np.where(common, values, np.nan) for name, values in found.items()}


def season_error(found: Score, *, events: int = EVENTS_A_SEASON) -> float:
    """Expected error of the sum of a season's events: sqrt(bias^2 + rrmse^2 / events).

    Noise averages out over events, bias does not: it is paid for at every one. Event-like days, where there are enough,
    weigh as much as all days.
    """
    square = found.nmbe**2 + found.rrmse**2 / events
    if found.event_like >= FEWEST_EVENT_LIKE:
        square = (square + found.nmbe_event_like**2 + found.rrmse_event_like**2 / events) / 2
    return float(np.sqrt(square))


def recommend(scores: Mapping[str, Score]) -> str | None:
    """The method with the smallest season error; None: no method has a number.

    A method scored on clearly fewer days than the others (``COMPARABLE``) is not compared: its days may be easier ones.

    >>> def made(name, rrmse, nmbe):
    ...     return Score(method=name, cvrmse=rrmse, nmbe=nmbe, rrmse=rrmse, median_abs_error=0.0, coverage_90=0.9,
    ...                  placebo_days=100, windows=100)
    >>> recommend({"raw": made("raw", 0.07, 0.068), "ten": made("ten", 0.09, 0.004), "mean": made("mean", 0.08, 0.003)})
    'mean'
    """
    numbers = [found for found in scores.values() if found.windows and np.isfinite(found.rrmse)]
    most = max((found.windows for found in numbers), default=0)
    full = [found for found in numbers if found.windows >= COMPARABLE * most]
    return min(full, key=season_error).method if full else None


def _covered(baseline: Floats, actual: Floats, level: float, traits: DayTraits | None) -> tuple[Flags, Flags, Floats]:
    """Slice-days whose window energy was held against an interval, those inside it, and the interval's width, kWh; all
    of shape (S, T).
    """
    expected = baseline.sum(axis=2)
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = (actual.sum(axis=2) - expected) / expected
        if traits is None:
            low, high = rolling_bounds(relative, level=level)
        else:
            low, high = bounds_near(relative, expected, traits, traits, expected, level=level)
    tested: Flags = np.isfinite(low) & np.isfinite(relative)
    inside: Flags = tested & (relative >= low) & (relative <= high)
    return tested, inside, (high - low) * expected


def _pool(values: Floats) -> Floats:
    return values.reshape(1, -1, values.shape[2])


def _hourly(error: Floats, energy: Floats, known: Flags, per_hour: float) -> Floats:
    starts = np.arange(0, error.shape[2], max(round(per_hour), 1))
    square = (np.add.reduceat(error, starts, axis=2) ** 2).sum(axis=(1, 2))
    hours = known.sum(axis=1) * len(starts)
    return np.asarray(np.sqrt(square / hours) / (energy.sum(axis=(1, 2)) / hours), dtype=np.float64)


def _median(values: Floats) -> Floats:
    """Median over the last axis without NaN; NaN where there is none."""
    ordered = np.sort(values, axis=1)
    count = np.isfinite(values).sum(axis=1)
    rows = np.arange(len(values))
    upper = ordered[rows, np.maximum(count // 2, 0).clip(max=values.shape[1] - 1)]
    lower = ordered[rows, np.maximum((count - 1) // 2, 0)]
    return np.where(count > 0, (lower + upper) / 2, np.nan)
