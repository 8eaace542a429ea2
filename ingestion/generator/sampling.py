"""Generates the sample times of a house's logger, and its gaps."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from gridflex.domain.readings import Flags, Floats
from ingestion.generator.occupancy import DAY_S, HOUR_S

Span = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Logger:
    """How a data set's loggers behave. ``defects`` scales every rate; 0 is a logger without fault."""

    defects: float
    nominal_s: float
    """The longest regular step."""
    gap_every_days: float
    """Days between gaps of all series of a house."""
    long_step_rate: float
    """Part of the steps that are long."""


REDD_LOGGER = Logger(defects=1.0, nominal_s=4.0, gap_every_days=5.0, long_step_rate=0.005)
GREEND_LOGGER = Logger(defects=1.0, nominal_s=1.0, gap_every_days=10.0, long_step_rate=0.0001)


def redd_instants(rng: np.random.Generator, day_s: int, logger: Logger) -> Floats:
    """One day's instants, whole seconds from midnight on in steps of 3-4 s, now and then 8-9 s."""
    count = DAY_S // 3
    steps = rng.choice([3, 4], size=count, p=[0.45, 0.55])
    steps[rng.random(count) < logger.long_step_rate * logger.defects] += 5
    instants = day_s + np.cumsum(steps) - steps[0]
    return np.asarray(instants[instants < day_s + DAY_S], dtype=np.float64)


def greend_instants(rng: np.random.Generator, day_s: int, logger: Logger) -> Floats:
    """One day's instants, every second but for a drift and some milliseconds, now and then after 2-12 s."""
    instants = day_s + 0.1 + 1.00001 * np.arange(DAY_S)
    instants += np.clip(rng.normal(0, 0.004, len(instants)), -0.02, 0.02)
    keep = np.ones(len(instants), dtype=np.bool_)
    for at in np.flatnonzero(rng.random(len(instants)) < logger.long_step_rate * logger.defects).tolist():
        keep[at : at + int(rng.integers(1, 12))] = False
    keep[0] = keep[-1] = True
    return np.round(instants[keep], 6)


def gaps(rng: np.random.Generator, start_s: int, days: int, logger: Logger) -> list[Span]:
    """Times without any reading of a house: 2-15 minutes, every twentieth one 1-3 hours; not in the first hour."""
    count = rng.poisson(days / logger.gap_every_days * logger.defects)
    starts = np.sort(rng.uniform(start_s + HOUR_S, start_s + days * DAY_S - 6 * HOUR_S, count))
    lengths = np.where(rng.random(count) < 0.05, rng.uniform(1, 3, count) * HOUR_S, rng.uniform(120, 900, count))
    return [(start, start + length) for start, length in zip(starts.tolist(), lengths.tolist(), strict=True)]


def outside(instants: Floats, spans: list[Span]) -> Flags:
    """Which instants lie in none of the spans."""
    kept = np.ones(len(instants), dtype=np.bool_)
    for start, end in spans:
        first, last = np.searchsorted(instants, (start, end))
        kept[first:last] = False
    return kept


@dataclass(slots=True)
class Watch:
    """Finds the gaps of one series: stretches between readings that are longer than its regular steps."""

    longest_s: float
    last_s: float
    """The last reading seen; at first the begin of all."""
    holes: list[Span] = field(default_factory=list)

    def see(self, instants: Floats) -> None:
        """Add the next readings' instants, ascending."""
        if len(instants) == 0:
            return
        times = np.concatenate(([self.last_s], instants))
        for at in np.flatnonzero(np.diff(times) > self.longest_s).tolist():
            self.holes.append((float(times[at]), float(times[at + 1])))
        self.last_s = float(times[-1])

    def close(self, end_s: float) -> list[Span]:
        """All gaps, with the one up to the end."""
        self.see(np.array([end_s]))
        return self.holes
