"""Backtests forecasts by rolling origin: each past day is forecast from the days before it alone and compared with the
meter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from batch.forecast.models import MODELS, QUANTILES, Model
from gridflex.domain.baseline import Kinds, Loads
from gridflex.domain.forecast import as_of
from gridflex.domain.readings import Floats

_MIDDLE = QUANTILES.index(0.50)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastScore:
    """The score of one model and slice over the origins; NaN without a number."""

    pinball_kwh: float
    """Mean over quantiles and intervals."""
    pinball_share: float
    """The same / mean metered energy of an interval."""
    coverage_50: float
    coverage_90: float
    """Share of intervals between the outer quantiles."""
    nmbe: float
    """Sum of (median - metered) / metered: above 0 the forecast is too high."""
    days: int


def backtest(
    loads: Loads,
    kinds: Kinds,
    *,
    history_days: int,
    backtest_days: int,
    models: Mapping[str, Model] = MODELS,
    known_slots: int = 0,
    forecast_c: Floats | None = None,
) -> dict[str, list[ForecastScore]]:
    """Score every model for each slice. ``kinds``, ``forecast_c``: as in ``as_of``.

    ``known_slots``: forecasts are issued when so many intervals of each day are over, and scored on those that follow.
    """
    days = range(max(1, loads.days - backtest_days), loads.days)
    scores = {}
    for name, model in models.items():
        made = [
            model(as_of(loads, day, kinds, history_days, known_slots=known_slots, forecast_c=forecast_c))
            for day in days
        ]
        forecasts = [found[:, known_slots:] for found in made if found is not None]
        actual = [loads.kwh[:, day, known_slots:] for day, found in zip(days, made, strict=True) if found is not None]
        if forecasts:
            told, metered = np.stack(forecasts, axis=1), np.stack(actual, axis=1)
            scores[name] = [score(told[index], metered[index]) for index in range(len(loads.names))]
    return scores


def score(forecast: Floats, metered: Floats) -> ForecastScore:
    """Score forecasts of shape (days, P, quantiles) of one slice; ``metered``: (days, P); NaN in either is left out.

    >>> flat = np.tile([1.0, 2.0, 3.0, 4.0, 5.0], (1, 2, 1))
    >>> found = score(flat, np.array([[3.0, 6.0]]))
    >>> found.coverage_90, found.pinball_kwh, found.nmbe
    (0.5, 0.59, -0.3333333333333333)
    """
    known = np.isfinite(metered) & np.isfinite(forecast).all(axis=2)
    if not known.any():
        nothing = float("nan")
        return ForecastScore(
            pinball_kwh=nothing, pinball_share=nothing, coverage_50=nothing, coverage_90=nothing, nmbe=nothing, days=0
        )
    told, actual = forecast[known], metered[known]
    above = actual[:, None] - told
    levels = np.array(QUANTILES)
    pinball = float(np.maximum(levels * above, (levels - 1) * above).mean())
    mean = float(actual.mean())
    return ForecastScore(
        pinball_kwh=round(pinball, 12),
        pinball_share=pinball / mean if mean > 0 else float("nan"),
        coverage_50=_covered(told, actual, 1),
        coverage_90=_covered(told, actual, 0),
        nmbe=float((told[:, _MIDDLE] - actual).sum() / actual.sum()) if mean > 0 else float("nan"),
        days=int(known.any(axis=1).sum()),
    )


def _covered(told: Floats, actual: Floats, outer: int) -> float:
    return float(((actual >= told[:, outer]) & (actual <= told[:, len(QUANTILES) - 1 - outer])).mean())
