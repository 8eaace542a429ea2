"""Sums slices: a fixed fleet of homes as one slice, and groups of slices as slices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gridflex.domain.baseline.gate import SliceKey
from gridflex.domain.baseline.loads import Control, Loads
from gridflex.domain.readings import Flags, Floats

PRESENT_SHARE = 0.95
"""A sum stands for all its homes while at least this share reports; the rest are put at the mean of those."""


def fixed_fleet(kwh: Floats) -> Flags:
    """The slices that make the largest steady sum: slices x days is greatest, shape (S,).

    Homes join and leave a data set; a sum over whoever reports would jump with each. A day counts for a set of slices
    when at least 95 % of them report on it (all of them, in a set smaller than 20). Tried are the k slices with most
    days, k = 1..S.

    >>> kwh = np.ones((3, 4, 1)); kwh[2, :3] = np.nan
    >>> fixed_fleet(kwh).tolist()
    [True, True, False]
    """
    reports = np.asarray(np.isfinite(kwh).any(axis=2), dtype=np.bool_)
    order = np.argsort(-reports.sum(axis=1), kind="stable")
    size = np.arange(1, len(order) + 1)
    enough = np.cumsum(reports[order], axis=0) >= np.ceil(PRESENT_SHARE * size)[:, None]
    best = int(np.argmax(enough.sum(axis=1) * size))
    chosen: Flags = np.zeros(len(order), dtype=np.bool_)
    chosen[order[: best + 1]] = True
    return chosen


def sum_of(kwh: Floats) -> Floats:
    """The sum over slices, shape (D, P); NaN where fewer than 95 % report, scaled up where not all do.

    >>> sum_of(np.array([[[1.0, 2.0]], [[3.0, np.nan]]])).tolist()
    [[4.0, nan]]
    """
    present = np.isfinite(kwh)
    reporting = present.sum(axis=0)
    total = np.where(present, kwh, 0.0).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        scaled = total * (len(kwh) / reporting)
    return np.where(reporting >= np.ceil(PRESENT_SHARE * len(kwh)), scaled, np.nan)


def as_total(loads: Loads, name: str = "all", control: Flags | None = None) -> Loads:
    """All slices as one; ``control`` marks slices, shape (S,), that are kept apart as its control group.

    A day excluded for one of the slices is excluded for the sum.
    """
    apart: Flags = np.zeros(len(loads.names), dtype=np.bool_) if control is None else control
    summed = replace(
        loads,
        names=(name,),
        kwh=sum_of(loads.kwh[~apart])[None],
        excluded=np.asarray(loads.excluded[~apart].any(axis=0), dtype=np.bool_)[None],
        control=None,
    )
    if not apart.any():
        return summed
    present: Flags = np.isfinite(loads.kwh[apart])
    homes = present.sum(axis=0).astype(np.float64)
    total = np.where(present, loads.kwh[apart], 0.0).sum(axis=0)
    return replace(summed, control=Control(total_kwh=total, homes=homes, includes_slices=False))


def roll_up(loads: Loads, keys: Sequence[SliceKey]) -> tuple[Loads, tuple[SliceKey, ...]]:
    """Leaf slices and every aggregate that holds them, as slices; ``keys``: one a leaf. Returns the keys beside them.

    A leaf keeps its own energy; an aggregate is the sum of its leaves.
    """
    leaves: dict[SliceKey, list[int]] = {}
    for index, key in enumerate(keys):
        for larger in key.larger():
            leaves.setdefault(larger, []).append(index)
    kwh = np.stack([sum_of(loads.kwh[members]) for members in leaves.values()])
    excluded = np.stack([loads.excluded[members].any(axis=0) for members in leaves.values()])
    names = tuple(str(key) for key in leaves)
    return replace(loads, names=names, kwh=kwh, excluded=excluded, control=None), tuple(leaves)
