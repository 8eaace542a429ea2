"""Combines baselines into one, with weights that their errors on earlier days decide, slice by slice.

Stacking (Wolpert 1992; Breiman 1996) with weights that are not negative and sum to 1: they minimise the weighted mean
square of the combined error over the days before. Hot and cold days weigh more, old days less. Errors that differ
cancel; a method that is bad for a slice gets no weight there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gridflex.domain.baseline.likeness import DayTraits
from gridflex.domain.baseline.placebo import COMFORT_C
from gridflex.domain.baseline.rules import METHODS, Adjust, Choose, DayRule, RegressionRule
from gridflex.domain.readings import Flags, Floats

FEWEST_DAYS = 20
HALF_LIFE_DAYS = 180.0
DOUBLE_C = 5.0
"""A day whose highest temperature lies this far from comfort counts twice, twice as far three times."""
_SHRINK = 0.05
"""Share of the mean square error that is added to each method's own: weights stay apart from the corners."""
_ROUNDS = 100
_WEEK_D = 7


def _known_in_time(*, day_ahead: bool) -> tuple[str, ...]:
    """The methods that need no hour after the event and, if ``day_ahead``, none of its day."""
    names = []
    for name, method in METHODS.items():
        if isinstance(method, DayRule) and method.choose not in {Choose.SIMILAR, Choose.WEATHER}:
            own = method.adjustment
            if own.after_h is None and (own.kind == Adjust.NONE or not day_ahead):
                names.append(name)
        elif isinstance(method, RegressionRule) and (method.before_h is None or not day_ahead):
            names.append(name)
    return tuple(names)


STACKS: Mapping[str, tuple[str, ...]] = {
    "stacked_day_ahead": _known_in_time(day_ahead=True),
    "stacked_same_day": _known_in_time(day_ahead=False),
}
"""Each stacked method, and its members among the named methods."""


def stacks(found: Mapping[str, Floats], actual: Floats, traits: DayTraits) -> dict[str, Floats]:
    """Every stacked method that has a member in ``found``; shapes as ``stacked``."""
    made = {}
    for name, members in STACKS.items():
        present = [found[member] for member in members if member in found]
        if present:
            made[name] = stacked(present, actual, traits)
    return made


def stacked(members: Sequence[Floats], actual: Floats, traits: DayTraits) -> Floats:
    """The combined baseline, shape (S, T, W). ``members``, ``actual``: shape (S, T, W), on the days of ``traits``.

    Weights are found anew each week, from days before it. Until a slice has ``FEWEST_DAYS`` on which all members that
    ever gave a number have one, the members that have one are averaged. NaN where no member has a number.
    """
    made = np.stack(members)
    known: Flags = np.asarray(np.isfinite(made).all(axis=3), dtype=np.bool_)
    weights = np.ones((len(made), made.shape[1]))
    found = np.full(actual.shape, np.nan)
    week = None
    for index, day in enumerate(traits.day.tolist()):
        if day // _WEEK_D != week:
            week = day // _WEEK_D
            weights = _weights(made[:, :, :index], actual[:, :index], known[:, :, :index], traits, day)
        use = weights * known[:, :, index]
        use = np.where(use.sum(axis=0) > 0, use, known[:, :, index])
        total = use.sum(axis=0)
        part = np.where(known[:, :, index, None], made[:, :, index], 0.0)
        mixed = (use[:, :, None] * part).sum(axis=0)
        found[:, index] = mixed / np.where(total > 0, total, np.nan)[:, None]
    return found


def _weights(made: Floats, actual: Floats, known: Flags, traits: DayTraits, day: int) -> Floats:
    """Shape (members, S); equal ones for a slice with too few days."""
    members, slices, days = known.shape
    equal = np.ones((members, slices))
    if days < FEWEST_DAYS:
        return equal
    ever = known.sum(axis=2) >= FEWEST_DAYS
    metered = np.isfinite(actual).all(axis=2)
    whole = (known | ~ever[:, :, None]).all(axis=0) & metered & ever.any(axis=0)[:, None]
    error = np.where(whole[None, :, :, None] & known[:, :, :, None], made - actual, 0.0)
    worth = 0.5 ** ((day - traits.day[:days]) / HALF_LIFE_DAYS)
    if traits.peak_c is not None:
        peak = traits.peak_c[:days]
        need = np.maximum(np.maximum(COMFORT_C[0] - peak, peak - COMFORT_C[1]), 0.0)
        worth = worth * (1.0 + np.where(np.isfinite(peak), need, 0.0) / DOUBLE_C)
    square = np.einsum("msdw,nsdw,d->smn", error, error, worth, optimize=True)
    own = np.einsum("smm->sm", square)
    typical = np.where(ever.T, own, np.nan)
    scale = np.nanmin(np.where(typical > 0, typical, np.inf), axis=1)
    usable = (whole.sum(axis=1) >= FEWEST_DAYS) & np.isfinite(scale)
    square = square / np.where(usable, scale, 1.0)[:, None, None]
    square[:, np.arange(members), np.arange(members)] += _SHRINK
    found = _on_simplex(square, ever.T).T
    return np.where(usable, found, equal)


def _on_simplex(square: Floats, allowed: Flags) -> Floats:
    """Weights (S, M) >= 0 of sum 1 with the least w' Q w, by exponentiated gradient; 0 where not allowed."""
    weights = allowed / np.maximum(allowed.sum(axis=1, keepdims=True), 1)
    step = 1.0 / np.maximum(np.abs(square).max(axis=(1, 2)), 1e-300)
    for _ in range(_ROUNDS):
        slope = (square @ weights[:, :, None])[:, :, 0]
        least = np.where(allowed, slope, np.inf).min(axis=1, keepdims=True)
        least = np.where(np.isfinite(least), least, 0.0)
        weights = weights * np.exp(-2.0 * step[:, None] * (slope - least) * allowed)
        weights = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-300)
    return np.asarray(weights, dtype=np.float64)
