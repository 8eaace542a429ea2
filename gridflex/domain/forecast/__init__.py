"""Prepares forecasts of demand: what may be known of a day at the midnight before it."""

from __future__ import annotations

from gridflex.domain.forecast.day_features import NAMES, as_of, examples, features, scale_before

__all__ = ["NAMES", "as_of", "examples", "features", "scale_before"]
