"""Computes flexible power: what could be shed now, of each appliance and of slices of the fleet."""

from __future__ import annotations

from gridflex.domain.flexibility.forecaster import Flexibility, Forecaster, Minutes, minutes_of, quantiles
from gridflex.domain.flexibility.rules import (
    AHEAD_MIN,
    HORIZONS_MIN,
    NOT_ELIGIBLE,
    Handling,
    Rule,
    Rules,
    least_duty,
    typical_flexibility,
)
from gridflex.domain.flexibility.slices import Moments, Slice, total
from gridflex.domain.flexibility.state import Records, from_bytes, no_records, to_bytes, without

__all__ = [
    "AHEAD_MIN",
    "HORIZONS_MIN",
    "NOT_ELIGIBLE",
    "Flexibility",
    "Forecaster",
    "Handling",
    "Minutes",
    "Moments",
    "Records",
    "Rule",
    "Rules",
    "Slice",
    "from_bytes",
    "least_duty",
    "minutes_of",
    "no_records",
    "quantiles",
    "to_bytes",
    "total",
    "typical_flexibility",
    "without",
]
