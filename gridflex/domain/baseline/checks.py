"""Estimates what one event delivered, with its uncertainty, and whether the hours before it were inflated."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from gridflex.domain.baseline.control import control_at
from gridflex.domain.baseline.loads import EventWindow, Loads
from gridflex.domain.baseline.matching import DayMatcher, energy_at, mean_of_days
from gridflex.domain.baseline.rules import CAISO
from gridflex.domain.readings import Flags, Floats, Ints

ROBUST_SIGMA = 1.4826
"""Median absolute deviation of a normal distribution x this = its standard deviation."""


class Outcome(StrEnum):
    """The possible findings about an event."""

    SHED = "shed"
    INCREASE = "increase"
    NOT_DISTINGUISHABLE = "not distinguishable from zero"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """Energy shed in an event's window; all arrays of one shape, kWh, positive is shed."""

    shed_kwh: Floats
    lower_kwh: Floats
    upper_kwh: Floats

    @property
    def distinguishable(self) -> Flags:
        """True where the interval leaves zero out."""
        away: Flags = (self.lower_kwh > 0) | (self.upper_kwh < 0)
        return away

    def outcomes(self) -> list[Outcome]:
        """The findings as words, flattened; a missing interval distinguishes nothing.

        >>> low, mid, high = np.array([-1.0, 1.0, -3.0]), np.array([1.0, 2.0, -2.0]), np.array([3.0, 3.0, -1.0])
        >>> [str(word) for word in Verified(shed_kwh=mid, lower_kwh=low, upper_kwh=high).outcomes()]
        ['not distinguishable from zero', 'shed', 'increase']
        """
        shed, less = (self.lower_kwh > 0).ravel(), (self.upper_kwh < 0).ravel()
        return [
            Outcome.SHED if down else Outcome.INCREASE if up else Outcome.NOT_DISTINGUISHABLE
            for down, up in zip(shed, less, strict=True)
        ]


def verify(baseline_kwh: Floats, actual_kwh: Floats, low: Floats, high: Floats) -> Verified:
    """Window energies and their relative bounds (``intervals``) to what was shed; arrays of one shape.

    >>> found = verify(np.array([100.0]), np.array([80.0]), np.array([-0.05]), np.array([0.04]))
    >>> found.shed_kwh.tolist(), found.lower_kwh.tolist(), found.upper_kwh.tolist()
    ([20.0], [15.0], [24.0])
    """
    return Verified(
        shed_kwh=baseline_kwh - actual_kwh,
        lower_kwh=baseline_kwh * (1 + low) - actual_kwh,
        upper_kwh=baseline_kwh * (1 + high) - actual_kwh,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Gaming:
    """The hours before an event against the slice's own past; arrays of shape (S, T)."""

    ratio: Floats
    """Energy from 4 h to 1 h before the event / the mean of the 10 like days before it."""
    robust_z: Floats
    """How many robust standard deviations log(ratio) lies above its median on earlier days."""
    flagged: Flags


def gaming(
    loads: Loads, window: EventWindow, targets: Ints, history: Ints, *, least_z: float = 3.0, least_excess: float = 0.10
) -> Gaming:
    """Flag pre-event hours that are inflated: a ratio adjustment would turn them into megawatts.

    ``targets``: event days, ``history``: days without an event, as day indexes. Each target is held against the days of
    ``history`` before it. Flagged: at least ``least_z`` robust deviations and ``least_excess`` above the own habit.
    A control group's ratio, where there is one, is divided out first: a cold evening is no fraud.
    """
    matcher = DayMatcher(loads, window, CAISO)
    past = np.stack([_log_ratio(loads, matcher, int(day)) for day in history], axis=1)
    now = np.stack([_log_ratio(loads, matcher, int(day)) for day in targets], axis=1)
    middle, spread = np.full(now.shape, np.nan), np.full(now.shape, np.nan)
    for index, day in enumerate(targets):
        known = past[:, history < day]
        if known.shape[1]:
            middle[:, index] = _nanmedian(known)
            spread[:, index] = ROBUST_SIGMA * _nanmedian(np.abs(known - middle[:, index][:, None]))
    with np.errstate(invalid="ignore", divide="ignore"):
        z = (now - middle) / spread
        flagged = (z >= least_z) & (np.exp(now - middle) >= 1 + least_excess)
    return Gaming(ratio=np.exp(now), robust_z=z, flagged=flagged)


def _log_ratio(loads: Loads, matcher: DayMatcher, target: int) -> Floats:
    chosen = matcher.choose(target)
    expected = mean_of_days(energy_at(loads, chosen.day, matcher.around), chosen.known).sum(axis=1)
    metered = energy_at(loads, np.array([[target]]), matcher.around)[:, 0].sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.log(metered / expected)
        if loads.control is not None:
            today = control_at(loads, np.full((len(loads.names), 1), target), matcher.around)[:, 0].sum(axis=1)
            past = mean_of_days(control_at(loads, chosen.day, matcher.around), chosen.known).sum(axis=1)
            ratio = ratio - np.log(today / past)
    return np.where(np.isfinite(ratio), ratio, np.nan)


def _nanmedian(values: Floats) -> Floats:
    empty = np.asarray(np.isnan(values).all(axis=1), dtype=np.bool_)
    return np.where(empty, np.nan, np.nanmedian(np.where(empty[:, None], 0.0, values), axis=1))
