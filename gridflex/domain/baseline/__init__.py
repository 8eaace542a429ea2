"""Estimates what demand would have been without an event, by named methods, and how far each may be trusted."""

from __future__ import annotations

from gridflex.domain.baseline.aggregate import as_total, fixed_fleet, roll_up, sum_of
from gridflex.domain.baseline.calendar import (
    MINUTES_PER_DAY,
    MS_PER_MINUTE,
    DayKind,
    Kinds,
    date_of,
    day_flags,
    day_kinds,
    day_number,
    lay_out,
    local_ms,
)
from gridflex.domain.baseline.checks import Outcome, gaming, verify
from gridflex.domain.baseline.contamination import contaminated_at, day_start, starting_at, touched, without_hours
from gridflex.domain.baseline.gate import Gate, SliceKey, smallest_passing
from gridflex.domain.baseline.intervals import (
    LEVEL,
    bounds,
    bounds_at,
    bounds_near,
    fewest,
    nearest_residuals,
    rolling_bounds,
)
from gridflex.domain.baseline.likeness import DayTraits, day_traits
from gridflex.domain.baseline.loads import Control, EventWindow, Loads, others_as_control
from gridflex.domain.baseline.matching import DayMatcher, hours_around, hours_fit
from gridflex.domain.baseline.methods import baselines, candidate_days, profiles
from gridflex.domain.baseline.placebo import placebo_days
from gridflex.domain.baseline.regression import RegressionExample
from gridflex.domain.baseline.regression import examples as regression_examples
from gridflex.domain.baseline.rules import (
    CAISO,
    MATCHING_DAYS,
    METHODS,
    NYISO,
    PJM,
    WEATHER_MATCH,
    Adjustment,
    Choose,
    ControlRule,
    DayRule,
    MeanRule,
    RegressionRule,
)
from gridflex.domain.baseline.scores import (
    EVENTS_A_SEASON,
    Score,
    measure,
    on_common_days,
    recommend,
    score,
    score_errors,
    score_measures,
    scored,
    season_error,
)
from gridflex.domain.baseline.stacking import STACKS, stacked, stacks

__all__ = [
    "CAISO",
    "EVENTS_A_SEASON",
    "LEVEL",
    "MATCHING_DAYS",
    "METHODS",
    "MINUTES_PER_DAY",
    "MS_PER_MINUTE",
    "NYISO",
    "PJM",
    "STACKS",
    "WEATHER_MATCH",
    "Adjustment",
    "Choose",
    "Control",
    "ControlRule",
    "DayKind",
    "DayMatcher",
    "DayRule",
    "DayTraits",
    "EventWindow",
    "Gate",
    "Kinds",
    "Loads",
    "MeanRule",
    "Outcome",
    "RegressionExample",
    "RegressionRule",
    "Score",
    "SliceKey",
    "as_total",
    "baselines",
    "bounds",
    "bounds_at",
    "bounds_near",
    "candidate_days",
    "contaminated_at",
    "date_of",
    "day_flags",
    "day_kinds",
    "day_number",
    "day_start",
    "day_traits",
    "fewest",
    "fixed_fleet",
    "gaming",
    "hours_around",
    "hours_fit",
    "lay_out",
    "local_ms",
    "measure",
    "nearest_residuals",
    "on_common_days",
    "others_as_control",
    "placebo_days",
    "profiles",
    "recommend",
    "regression_examples",
    "roll_up",
    "rolling_bounds",
    "score",
    "score_errors",
    "score_measures",
    "scored",
    "season_error",
    "smallest_passing",
    "stacked",
    "stacks",
    "starting_at",
    "sum_of",
    "touched",
    "verify",
    "without_hours",
]
