r"""Applies hysteresis to powers, and forms activations of the on-periods.

::

    power   ___/^^^^\__/^^\________    on at or above on_w, off below off_w, between them as before
    on         |----|  |--|            the pause is shorter than min_off_s: one activation
    row        s   c           e       c: confirmed once it lasts min_on_s; e: ended, by an off-reading min_off_s
                                       after its last on-reading

An activation is ``[start of its first on-reading's interval, time of its last on-reading)``. Two on-readings are of
one activation when the off-time between them is shorter than ``min_off_s``, or when no off-reading lies between them
and the time about which nothing is known is at most ``max(min_off_s, max_gap_s)``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridflex.domain.duty_cycle.grouping import UJ_PER_W_MS, GroupedReadings, latest, previous
from gridflex.domain.duty_cycle.state import NOT_RUNNING, ApplianceStates
from gridflex.domain.readings import Flags, Floats, Ints


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rules:
    """What is on for each group of readings. Columns have shape (g,)."""

    on_w: Floats
    off_w: Floats
    min_on_ms: Ints
    min_off_ms: Ints
    max_gap_ms: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ActivationEvents:
    """Changes of activations, each at the reading that caused it. Columns have shape (m,)."""

    at: Ints
    """Index of the reading that emitted it."""
    start_ms: Ints
    end_ms: Ints
    """The last on-reading up to then."""
    confirmed: Flags
    """Whether the activation lasted ``min_on_s``."""
    sums: Ints
    """Shape (4, m)."""

    def __len__(self) -> int:
        return len(self.at)


def apply_hysteresis(readings: GroupedReadings, carried_on: Flags, rules: Rules) -> Flags:
    """Which readings are on, shape (n,). After unknown time a power between the thresholds is off."""
    group = readings.group
    above = readings.power_w >= rules.on_w[group]
    decided = above | (readings.power_w < rules.off_w[group]) | (readings.observed_ms == 0)
    by = latest(decided)
    on: Flags = np.where(by >= readings.first[group], above[by], carried_on[group])
    return on


def integrate_energy(readings: GroupedReadings, on: Flags) -> Ints:
    """Observed ms, observed ms while on, microjoules while on, and microjoules, of each reading: shape (4, n)."""
    observed = readings.observed_ms
    energy = np.rint(readings.power_w * observed * UJ_PER_W_MS).astype(np.int64)
    return np.stack((observed, observed * on, energy * on, energy))


def track_activations(
    readings: GroupedReadings, on: Flags, sums: Ints, carried: ApplianceStates, rules: Rules
) -> tuple[ActivationEvents, ActivationEvents, ApplianceStates]:
    """The activations that ended, those that were confirmed, and where each group stands after its last reading.

    ``sums``: shape (4, n), of each reading. ``carried``: g rows. At least one reading per group.
    """
    group, first = readings.group, readings.first
    min_off = rules.min_off_ms[group]
    last_on = latest(on)
    before = previous(last_on, first, np.full(len(first), -1))
    before_ms = np.where(before >= first[group], readings.time_ms[before], carried.last_on_ms[group])
    adjacent = readings.previous_ms == before_ms
    allowed = np.where(adjacent, np.maximum(min_off, rules.max_gap_ms) + 1, min_off)
    begins = on & (readings.start_ms - before_ms >= allowed)
    ended_before = ~adjacent & (readings.previous_ms - before_ms >= min_off)
    ends = (begins | ~on & (readings.time_ms - before_ms >= min_off)) & ~ended_before

    origin = latest(begins)
    start_ms = np.where(origin >= first[group], readings.start_ms[origin], carried.start_ms[group])
    min_on = rules.min_on_ms[group]
    lasting = on & (readings.time_ms - start_ms >= min_on)
    confirms = lasting & (begins | (before_ms - start_ms < min_on))

    activation_sums = _ActivationSums(readings=readings, totals=_totals(sums), carried=carried)
    origin_before = previous(origin, first, np.full(len(first), -1))
    ended = activation_sums.events(np.flatnonzero(ends), before, origin_before, rules)
    confirmed = activation_sums.events(np.flatnonzero(confirms), last_on, origin, rules)
    return ended, confirmed, activation_sums.close(on, last_on, origin, rules)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ActivationSums:
    """Sums over any stretch of one group's readings, what was carried included."""

    readings: GroupedReadings
    totals: Ints
    """Shape (4, n + 1): sums of all readings before each."""
    carried: ApplianceStates

    def events(self, at: Ints, last_on: Ints, origin: Ints, rules: Rules) -> ActivationEvents:
        """``last_on``, ``origin``: shape (n,), the activation's last on-reading and its first, as known at each."""
        group = self.readings.group[at]
        start_ms, end_ms, sums = self._activation(group, last_on[at], origin[at])
        confirmed = end_ms - start_ms >= rules.min_on_ms[group]
        return ActivationEvents(at=at, start_ms=start_ms, end_ms=end_ms, confirmed=confirmed, sums=sums)

    def close(self, on: Flags, last_on: Ints, origin: Ints, rules: Rules) -> ApplianceStates:
        """Where each group stands after its last reading."""
        readings, last = self.readings, self.readings.last
        group = np.arange(len(last))
        start_ms, last_on_ms, sums = self._activation(group, last_on[last], origin[last])
        running = on[last] | (readings.time_ms[last] - last_on_ms < rules.min_off_ms)
        own = last_on[last] >= readings.first
        since = np.where(own, last_on[last] + 1, readings.first)
        pause = self.totals[:, last + 1] - self.totals[:, since] + np.where(own, 0, self.carried.pause)
        return ApplianceStates(
            last_ms=readings.time_ms[last],
            on=on[last],
            confirmed=running & (last_on_ms - start_ms >= rules.min_on_ms),
            start_ms=np.where(running, start_ms, 0),
            last_on_ms=np.where(running, last_on_ms, NOT_RUNNING),
            sums=np.where(running, sums, 0),
            pause=np.where(running, pause, 0),
        )

    def _activation(self, group: Ints, last_on: Ints, origin: Ints) -> tuple[Ints, Ints, Ints]:
        """Start, last on-reading's time and sums of the activation from ``origin`` to ``last_on``, carried or not."""
        readings, carried = self.readings, self.carried
        first = readings.first[group]
        begun_here, seen_here = origin >= first, last_on >= first
        start_ms = np.where(begun_here, readings.start_ms[origin], carried.start_ms[group])
        last_on_ms = np.where(seen_here, readings.time_ms[last_on], carried.last_on_ms[group])
        before = (carried.sums + carried.pause)[:, group]
        base = np.where(begun_here, -self.totals[:, origin], before - self.totals[:, first])
        sums = np.where(seen_here, self.totals[:, last_on + 1] + base, carried.sums[:, group])
        return start_ms, last_on_ms, sums


def _totals(sums: Ints) -> Ints:
    totals = np.zeros((4, sums.shape[1] + 1), dtype=np.int64)
    np.cumsum(sums, axis=1, out=totals[:, 1:])
    return totals
