"""Computes baselines by every named method, over many slices and target days.

``METHODS`` is the registry. Shapes: S slices, T target days, W slots of the event window. A baseline is NaN where a
method gives no number: too few days, a missing adjustment hour, no weather, no control group.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from gridflex.domain.baseline.control import control_group
from gridflex.domain.baseline.loads import EventWindow, Loads
from gridflex.domain.baseline.matching import ChosenDays, DayMatcher
from gridflex.domain.baseline.regression import regression
from gridflex.domain.baseline.rules import METHODS, ControlRule, DayRule, MeanRule, RegressionRule
from gridflex.domain.readings import Floats, Ints
from gridflex.errors import UsageError


def baselines(
    loads: Loads,
    window: EventWindow,
    targets: Ints,
    *,
    methods: Sequence[str] = tuple(METHODS),
    on_progress: Callable[[str], None] | None = None,
) -> dict[str, Floats]:
    """Each method's baseline of the event window, name -> shape (S, T, W), in kWh an interval.

    ``targets``: day indexes, shape (T,). ``on_progress`` is called with each method's name when it is done. Raises
    ``UsageError`` for a method that is not in the registry.
    """
    event = np.arange(window.first, window.stop)
    return profiles(loads, window, targets, event, methods=methods, on_progress=on_progress)


def profiles(
    loads: Loads,
    window: EventWindow,
    targets: Ints,
    slots: Ints,
    *,
    methods: Sequence[str] = tuple(METHODS),
    on_progress: Callable[[str], None] | None = None,
) -> dict[str, Floats]:
    """As ``baselines``, at any slots of the day: ``window`` decides days and adjustment, ``slots`` what is shown."""
    unknown = [name for name in methods if name not in METHODS]
    if unknown:
        raise UsageError(f"unknown baseline method(s) {', '.join(unknown)}; allowed: {', '.join(METHODS)}")
    wanted = {member for name in methods for member in _with_members(name)}
    found: dict[str, Floats] = {}
    for name, method in METHODS.items():
        if name not in wanted:
            continue
        if isinstance(method, DayRule):
            found[name] = _day_matching(loads, window, method, targets, slots)
        elif isinstance(method, ControlRule):
            found[name] = control_group(loads, window, method, targets, slots)
        elif isinstance(method, RegressionRule):
            found[name] = regression(loads, window, method, targets, slots)
        else:
            found[name] = _mean(method, [found[member] for member in method.members])
        if on_progress is not None and name in methods:
            on_progress(name)
    return {name: found[name] for name in methods}


def candidate_days(loads: Loads, window: EventWindow, rule: DayRule, target: int) -> ChosenDays:
    """The days that a rule averages for one target day, best first: the rows of a candidate-day table."""
    return DayMatcher(loads, window, rule).choose(target)


def _with_members(name: str) -> tuple[str, ...]:
    method = METHODS[name]
    return (*method.members, name) if isinstance(method, MeanRule) else (name,)


def _day_matching(loads: Loads, window: EventWindow, rule: DayRule, targets: Ints, slots: Ints) -> Floats:
    matcher = DayMatcher(loads, window, rule)
    found = np.full((len(loads.names), len(targets), len(slots)), np.nan)
    for index, target in enumerate(targets):
        chosen = matcher.choose(int(target))
        if chosen.known.any():
            found[:, index] = matcher.profile(int(target), chosen, slots)
    return found


def _mean(rule: MeanRule, members: Sequence[Floats]) -> Floats:
    count = np.zeros(members[0].shape)
    total = np.zeros(members[0].shape)
    for member in members:
        known = np.isfinite(member)
        count += known
        total += np.where(known, member, 0.0)
    return total / np.where(count >= rule.least, count, np.nan)
