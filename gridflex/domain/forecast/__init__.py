"""Prepares forecasts of demand: what may be known of a day at the midnight before it."""

from __future__ import annotations

from gridflex.domain.forecast.day_features import (
    CALENDAR,
    NAMES,
    PROFILE,
    WEATHER_NAMES,
    as_of,
    examples,
    features,
    scale_before,
)
from gridflex.domain.forecast.errors import carry_on, quantiles, ranks
from gridflex.domain.forecast.linear import BLOCKS, BlockRidge, fit_ridge

__all__ = [
    "BLOCKS",
    "CALENDAR",
    "NAMES",
    "PROFILE",
    "WEATHER_NAMES",
    "BlockRidge",
    "as_of",
    "carry_on",
    "examples",
    "features",
    "fit_ridge",
    "quantiles",
    "ranks",
    "scale_before",
]
