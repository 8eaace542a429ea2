"""Defines what a load does over time: stretches of power, and which of them belong to one activation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from gridflex.domain.readings import Floats

SURGE_S = 3.0
"""How fast an inrush dies away."""
SETTLE_S = 240.0
"""How fast a compressor or motor settles."""
WANDER_STEP_S = 300
_ASIDE_S = 30.0
NOISE_LIMIT = 3.0
"""Noise is cut at so many deviations, so that no threshold is crossed by chance alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasurementModel:
    """How the measured power of a load differs from its nominal power."""

    standby_w: float = 0.0
    noise: float = 0.015
    """Standard deviation, relative."""
    surge: float = 0.0
    """Inrush at the start of a stretch, relative to its power."""
    settle: float = 0.0
    """What settles within minutes, relative to its power."""
    wander: float = 0.0
    """Slow drift, relative."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadTrace:
    """The power of a load over time. Stretches do not overlap and are in order; so are activations."""

    appliance: str
    model: MeasurementModel
    start_s: Floats
    """Shape (n,): stretches' starts, UTC epoch."""
    end_s: Floats
    power_w: Floats
    activations: tuple[tuple[float, float], ...]
    """[start, end) of each program or cycle, UTC epoch, s."""

    def power(self, time_s: Floats, rng: np.random.Generator, share: float = 1.0) -> Floats:
        """Measured power at instants, shape (n,), W. ``share``: the part of it that flows through this circuit."""
        at = np.searchsorted(self.start_s, time_s, side="right") - 1
        running = np.flatnonzero((at >= 0) & (time_s < self.end_s[at])) if len(self.start_s) else np.zeros(0, dtype=int)
        power_w = np.full(len(time_s), self.model.standby_w)
        where = at[running]
        power_w[running] = self.power_w[where] * self._shape(time_s[running] - self.start_s[where], rng)
        noise = np.clip(rng.standard_normal(len(time_s), dtype=np.float32), -NOISE_LIMIT, NOISE_LIMIT)
        power_w *= 1 + self.model.noise * noise
        return power_w * share

    def _shape(self, age_s: Floats, rng: np.random.Generator) -> Floats:
        shape = np.ones(len(age_s))
        if self.model.surge:
            shape += self.model.surge * np.exp(-age_s / SURGE_S)
        if self.model.settle:
            shape += self.model.settle * np.exp(-age_s / SETTLE_S)
        if self.model.wander and len(age_s):
            shape *= 1 + self.model.wander * _wander(len(age_s), rng)
        return shape

    def energy_until_ws(self, time_s: Floats, least_w: float = 0.0) -> Floats:
        """Joules that the plan's stretches of ``least_w`` or more took up to each instant, shape (n,). Noise apart."""
        counted = self.power_w * (self.power_w >= least_w)
        full = np.append(0, np.cumsum(counted * self._full_s(self.end_s - self.start_s)))
        taken = np.zeros(len(time_s))
        begun = np.searchsorted(self.start_s, time_s, side="right")
        at = begun[begun > 0] - 1
        age_s = np.minimum(time_s[begun > 0], self.end_s[at]) - self.start_s[at]
        taken[begun > 0] = full[at] + counted[at] * self._full_s(age_s)
        return taken

    def _full_s(self, length_s: Floats) -> Floats:
        """Seconds at a stretch's power that take what its first ``length_s`` take, inrush and settling included."""
        full = length_s.copy()
        for part, fade_s in ((self.model.surge, SURGE_S), (self.model.settle, SETTLE_S)):
            full += part * fade_s * (1 - np.exp(-length_s / fade_s))
        return full

    def energy_ws(self, start_s: float, end_s: float, least_w: float = 0.0) -> tuple[float, float]:
        """Joules that the plan takes in [start, end), and its seconds, at ``least_w`` or more. Noise apart."""
        first, last = np.searchsorted(self.start_s, (start_s, end_s))
        power_w = self.power_w[first:last]
        length = self.end_s[first:last] - self.start_s[first:last]
        full = self._full_s(length)
        counts = power_w >= least_w
        pause_s = max(0.0, end_s - start_s - float(length.sum())) if self.model.standby_w >= least_w else 0.0
        return float((power_w * full)[counts].sum()) + pause_s * self.model.standby_w, float(
            length[counts].sum()
        ) + pause_s


def _wander(count: int, rng: np.random.Generator) -> Floats:
    """Slow drift within -1..1 over so many samples."""
    nodes = rng.uniform(-1, 1, count // WANDER_STEP_S + 2)
    return np.interp(np.arange(count) / WANDER_STEP_S, np.arange(len(nodes)), nodes)


@dataclass(slots=True)
class Plan:
    """Builds a ``LoadTrace`` from stretches."""

    stretches: list[tuple[float, float, float]] = field(default_factory=list)
    """(start_s, end_s, power_w)."""
    activations: list[tuple[float, float]] = field(default_factory=list)
    asides: list[tuple[float, float, float]] = field(default_factory=list)
    """Stretches that count only where no activation is near."""
    free_s: float = -np.inf
    """End of the last activation."""

    def run(self, start_s: float, *phases: tuple[float, float]) -> float:
        """Append phases of (seconds, watts) one after the other; return their end. Power 0 is a pause at stand-by."""
        for seconds, watts in phases:
            if watts > 0:
                self.stretches.append((start_s, start_s + seconds, watts))
            start_s += seconds
        return start_s

    def activate(self, start_s: float, *phases: tuple[float, float]) -> float:
        """The same as one activation."""
        end_s = self.run(start_s, *phases)
        self.activations.append((start_s, end_s))
        self.free_s = end_s
        return end_s

    def aside(self, start_s: float, seconds: float, watts: float) -> None:
        """Add a stretch of its own, to be left out where it would meet an activation."""
        self.asides.append((start_s, start_s + seconds, watts))

    def apart(self, moments: Floats, pause_s: float) -> Iterator[float]:
        """Those moments that come at least ``pause_s`` after the end of what was activated before."""
        for moment in moments.tolist():
            if moment >= self.free_s + pause_s:
                yield moment

    def trace(self, appliance: str, model: MeasurementModel, *, before_s: float = np.inf) -> LoadTrace:
        """What ends by ``before_s``, in order. A stretch that starts within another one is left out."""
        spans = np.array(sorted(self.activations), dtype=np.float64).reshape(-1, 2)
        late = spans[spans[:, 1] > before_s]
        stretches = sorted([*self.stretches, *(aside for aside in self.asides if not _near(aside, spans))])
        columns = np.array(stretches, dtype=np.float64).reshape(-1, 3)
        columns = columns[(columns[:, 1] <= before_s) & (columns[:, 0] < late[:, 0].min(initial=np.inf))]
        free = np.ones(len(columns), dtype=np.bool_)
        reached = np.maximum.accumulate(columns[:, 1]) if len(columns) else columns[:, 1]
        free[1:] = columns[1:, 0] >= reached[:-1] - 1e-6
        columns = columns[free]
        return LoadTrace(
            appliance=appliance,
            model=model,
            start_s=columns[:, 0],
            end_s=columns[:, 1],
            power_w=columns[:, 2],
            activations=tuple((start, end) for start, end in spans.tolist() if end <= before_s),
        )


def _near(aside: tuple[float, float, float], spans: Floats) -> bool:
    """Whether a stretch meets an activation or comes within half a minute of one. ``spans``: (n, 2), ascending."""
    at = int(np.searchsorted(spans[:, 0], aside[1] + _ASIDE_S))
    return at > 0 and bool(spans[at - 1, 1] + _ASIDE_S > aside[0])
