"""Divides the fleet into dispatch groups, the cohorts of region x feeder x appliance class that are called, rested and
rotated.

A household belongs to one cohort of ten with all its appliances, so that the control group of an event is left alone
altogether.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from gridflex.domain.curtailment.limits import Call
from gridflex.domain.flexibility import Moments, Rule

COHORTS = 10
_MS_PER_DAY = 86_400_000
_RECENT_DAYS = 7.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FlexibleGroup:
    """One appliance class on one feeder, which its cohorts share evenly; what it can shed, and its cohorts' calls."""

    region: str
    feeder: str
    appliance: str
    rule: Rule | None
    """What may be done with the class; ``None``: nothing."""
    known: int
    """Appliances that were heard of lately."""
    appliances: int
    """Of these: with fresh data, within reach and not opted out. Only they are in the moments."""
    households: int
    """Households of these appliances."""
    moments: Moments
    calls: Mapping[int, Sequence[Call]] = field(default_factory=dict)
    """By cohort."""

    @property
    def name(self) -> str:
        """Region, feeder and class, for people and for hashes."""
        return f"{self.region}/{self.feeder}/{self.appliance}"


def cohort_of(house_id: str) -> int:
    """The cohort of a household, 0..9, the same for ever and on every machine.

    >>> cohort_of("redd-5-0")
    2
    """
    return int.from_bytes(hashlib.blake2b(house_id.encode(), digest_size=8).digest(), "big") % COHORTS


def control_cohort(event_key: str, seed: int, recent: Sequence[int] = ()) -> int:
    """The cohort that an event leaves alone: drawn from those that were the control group least often.

    ``recent``: the control cohorts of earlier events of the same households.

    >>> sorted(control_cohort("e", 1, recent=[one for one in range(10) if one != 7]) for _ in range(2))
    [7, 7]
    """
    times = [list(recent).count(cohort) for cohort in range(COHORTS)]
    least = [cohort for cohort in range(COHORTS) if times[cohort] == min(times)]
    return least[int(generator(seed, "control", event_key).integers(len(least)))]


def generator(seed: int, *names: str) -> np.random.Generator:
    """Random numbers of a seed and a purpose."""
    digest = hashlib.blake2b("\0".join(names).encode(), digest_size=8).digest()
    return np.random.default_rng([seed, int.from_bytes(digest, "big")])


def recency(calls: Sequence[Call], start_ms: int) -> float:
    """How recently a cohort was called before an event, 0 (never) .. 1 (just now).

    >>> recency([], 0), round(recency([Call(start_ms=-90_000_000, end_ms=-86_400_000)], 0), 2)
    (0.0, 0.87)
    """
    ended = [call.end_ms for call in calls if call.end_ms <= start_ms]
    return float(np.exp(-(start_ms - max(ended)) / _MS_PER_DAY / _RECENT_DAYS)) if ended else 0.0
