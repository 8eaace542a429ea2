"""Decides which baselines are reported: a slice that fails the gate gets the number of the smallest aggregate that
passes.

appliance class in a feeder -> feeder -> region -> all
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gridflex.domain.baseline.scores import Score

_Z_90 = 1.645


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """The limits that a baseline must keep to be reported (AEMO's wholesale demand response and PJM: RRMSE <= 20 %)."""

    rrmse: float = 0.20
    bias: float = 0.04
    least_days: int = 20
    """Fewer placebo days prove nothing."""

    def passes(self, found: Score) -> bool:
        """Whether a score keeps the limits; NaN does not.

        The bias on event-like days counts too: it may pass the limit by its own uncertainty alone (90 %).
        """
        enough = found.placebo_days >= self.least_days
        kept = bool(enough and found.rrmse <= self.rrmse and np.abs(found.nmbe) <= self.bias)
        if not kept or not found.event_like:
            return kept
        uncertain = _Z_90 * found.rrmse_event_like / np.sqrt(found.event_like)
        return bool(np.abs(found.nmbe_event_like) <= self.bias + uncertain)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class SliceKey:
    """The names of a slice; an empty name means all of them. Each level needs the one above it."""

    region: str = ""
    feeder: str = ""
    appliance: str = ""

    def __post_init__(self) -> None:
        """A feeder lies in a region, an appliance class in a feeder."""
        if (self.feeder and not self.region) or (self.appliance and not self.feeder):
            raise ValueError(f"{self}: an appliance class needs a feeder, a feeder needs a region")

    def __str__(self) -> str:
        """``region/feeder/appliance``, or ``all``."""
        return "/".join(part for part in (self.region, self.feeder, self.appliance) if part) or "all"

    def larger(self) -> tuple[SliceKey, ...]:
        """This slice and every aggregate that contains it, smallest first.

        >>> [str(key) for key in SliceKey(region="tunis", feeder="f1", appliance="fridge").larger()]
        ['tunis/f1/fridge', 'tunis/f1', 'tunis', 'all']
        """
        chain = (
            self,
            SliceKey(region=self.region, feeder=self.feeder),
            SliceKey(region=self.region),
            SliceKey(),
        )
        return tuple(dict.fromkeys(chain))


def smallest_passing(key: SliceKey, scores: Mapping[SliceKey, Score], gate: Gate) -> SliceKey | None:
    """The smallest aggregate of ``key`` whose score passes; None: no number at all.

    A level without a score does not pass.
    """
    for larger in key.larger():
        found = scores.get(larger)
        if found is not None and gate.passes(found):
            return larger
    return None
