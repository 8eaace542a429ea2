"""Computes baselines by difference in differences: the day's effect from a control group, the size from the slice's own
past.
"""

from __future__ import annotations

import numpy as np

from gridflex.domain.baseline.loads import EventWindow, Loads
from gridflex.domain.baseline.matching import DayMatcher, energy_at, mean_of_days
from gridflex.domain.baseline.rules import Choose, ControlRule, DayRule
from gridflex.domain.readings import Floats, Ints


def control_group(loads: Loads, window: EventWindow, rule: ControlRule, targets: Ints, slots: Ints) -> Floats:
    """The rule's baseline at ``slots`` of each target day, shape (S, T, K); NaN without a control group."""
    found = np.full((len(loads.names), len(targets), len(slots)), np.nan)
    if loads.control is None:
        return found
    matcher = DayMatcher(loads, window, _as_day_rule(rule))
    event = np.arange(window.first, window.stop)
    for index, target in enumerate(targets):
        chosen = matcher.choose(int(target))
        if not chosen.known.any():
            continue
        own = mean_of_days(energy_at(loads, chosen.day, slots), chosen.known)
        past = mean_of_days(control_at(loads, chosen.day, slots), chosen.known)
        today = control_at(loads, np.full((len(loads.names), 1), target), slots)[:, 0]
        size = mean_of_days(energy_at(loads, chosen.day, event), chosen.known).mean(axis=1)
        control = mean_of_days(control_at(loads, chosen.day, event), chosen.known).mean(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            scale = np.where(control > 0, size / control, np.nan)
        found[:, index] = own + scale[:, None] * (today - past)
    return found


def _as_day_rule(rule: ControlRule) -> DayRule:
    return DayRule(
        name=rule.name,
        choose=Choose.LAST,
        weekday=rule.weekday,
        weekend=rule.weekend,
        lookback_days=rule.lookback_days,
        source="the past days of a control group",
    )


def control_at(loads: Loads, day: Ints, slots: Ints) -> Floats:
    """The mean of the control group's homes at slots of each slice's own days, shape (S, X, K), without the slice
    itself.
    """
    control = loads.control
    if control is None:
        raise ValueError("loads without a control group")
    total, homes = control.total_kwh[day][:, :, slots], control.homes[day][:, :, slots]
    if control.includes_slices:
        own = energy_at(loads, day, slots)
        present = np.isfinite(own)
        total, homes = total - np.where(present, own, 0.0), homes - present
    with np.errstate(invalid="ignore"):
        return total / np.where(homes == 0, np.nan, homes)
