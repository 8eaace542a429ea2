"""Sums flexibility over slices (region, feeder, appliance class)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from gridflex.domain.flexibility.forecaster import quantiles
from gridflex.domain.flexibility.rules import HORIZONS_MIN
from gridflex.domain.readings import Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Moments:
    """What adds up over appliances, by horizon: shape (horizons,) each; horizons are ``HORIZONS_MIN``."""

    flex_w: Floats
    variance_w2: Floats
    shared_w: Floats
    rebound_wh: Floats

    def __add__(self, other: Moments) -> Moments:
        """Moments of both together."""
        return Moments(
            flex_w=self.flex_w + other.flex_w,
            variance_w2=self.variance_w2 + other.variance_w2,
            shared_w=self.shared_w + other.shared_w,
            rebound_wh=self.rebound_wh + other.rebound_wh,
        )

    @property
    def quantiles_kw(self) -> Floats:
        """P10, P50 and P90 by horizon: shape (3, horizons)."""
        return np.stack(quantiles(self.flex_w, self.variance_w2, self.shared_w)) / 1000


def no_moments() -> Moments:
    """Of nothing.

    >>> no_moments().quantiles_kw.tolist()
    [[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]
    """
    none = np.zeros(len(HORIZONS_MIN))
    return Moments(flex_w=none, variance_w2=none, shared_w=none, rebound_wh=none)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Slice:
    """One appliance class on one feeder; an empty name stands for all."""

    region: str = ""
    feeder: str = ""
    appliance: str = ""
    known: int
    """Eligible appliances that were heard of lately."""
    fresh: int
    """Of these: on whose data the figures may rest."""
    callable: int
    """Of these: within reach and not opted out. Only they are in the moments."""
    moments: Moments

    @property
    def fresh_share(self) -> float:
        """Share of the known appliances whose data is fresh, 0..1."""
        return self.fresh / self.known if self.known else 0.0


def total(slices: Iterable[Slice], *, region: str = "", feeder: str = "", appliance: str = "") -> Slice:
    """All slices together, under these names.

    >>> part = Slice(region="Tunis", known=4, fresh=3, callable=2, moments=no_moments())
    >>> whole = total([part, part], region="Tunis")
    >>> whole.known, whole.fresh_share
    (8, 0.75)
    """
    parts = list(slices)
    return Slice(
        region=region,
        feeder=feeder,
        appliance=appliance,
        known=sum(part.known for part in parts),
        fresh=sum(part.fresh for part in parts),
        callable=sum(part.callable for part in parts),
        moments=sum((part.moments for part in parts), no_moments()),
    )
