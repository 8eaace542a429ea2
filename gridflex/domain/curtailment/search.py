"""Rounds a fractional plan to whole cohorts: largest remainders by the seed, then local search.

The search goes through the groups in an order drawn by the seed; of each it tries every move of one cohort from the
pattern that it follows (or none) to any other (or none), all at once in numpy, and makes the best one. It stops after a
number of passes, never after a time: the same input gives the same plan on a slow machine.
"""

from __future__ import annotations

import numpy as np

from gridflex.domain.curtailment.problem import TOLERANCE_KW, Problem
from gridflex.domain.readings import Floats, Ints

PASSES = 8
_LEAST_GAIN = 1e-9
_BROKEN_PRICE = 1e3
"""Price of 1 kW beyond a hard limit, relative to that of 1 kW short; and of breaking one at all."""


def rounded(problem: Problem, shares: Floats, random: np.random.Generator) -> Ints:
    """Whole cohorts near the fractional ``shares``, shape (n,): in each group those with the largest remainders.

    How many a group calls altogether is rounded up or down at random, so that the sum stays what it is on average.
    """
    counts = np.floor(shares + 1e-9).astype(np.int64)
    remainder = np.clip(shares - counts, 0.0, 1.0) + 1e-6 * random.random(len(shares))
    total = np.add.reduceat(shares, problem.starts[:-1])
    wanted = np.minimum(np.floor(total + random.random(len(total))).astype(np.int64), problem.free)
    more = wanted - np.add.reduceat(counts, problem.starts[:-1])
    for place in np.flatnonzero(more > 0).tolist():
        first, after = problem.starts[place], problem.starts[place + 1]
        best = np.argsort(-remainder[first:after], kind="stable")[: more[place]]
        counts[first + best] += 1
    return counts


class Search:
    """A plan in whole cohorts and its loads, improved move by move. ``counts``: shape (n,), changed in place."""

    def __init__(self, problem: Problem, counts: Ints) -> None:
        self.problem, self.counts = problem, counts
        self._own = problem.feeder[problem.group]
        self._short_price, self._over_price = problem.short_price, problem.over_price
        self._step_target_kw = problem.step_target_kw
        self._rebound_kw = problem.target_kw * problem.rebound_share
        self._load()

    @property
    def objective(self) -> float:
        """What the plan costs, shortage and limits broken included."""
        soft = float(self._soft(self._shed_kw)) + float(self._penalty(np.array(self.broken_kw)))
        return soft + float(self.counts @ self.problem.cost)

    @property
    def broken_kw(self) -> float:
        """By how much limits are exceeded, summed over limits and steps."""
        every = np.arange(len(self._feeder_off_kw))
        feeders_kw = self._feeder_broken_kw(every, self._feeder_shed_kw, self._feeder_off_kw)
        return float(self._broken_kw(self._shed_kw)) + float(feeders_kw.sum())

    def improve(self, random: np.random.Generator, passes: int = PASSES) -> None:
        """Move cohorts one by one while that makes the plan better, at most so many passes."""
        for _ in range(passes):
            moved = 0
            for place in random.permutation(len(self.problem.free)).tolist():
                while self._move_one(place):
                    moved += 1
            if not moved:
                return

    def repair(self) -> None:
        """Call off cohorts, each time the one whose absence helps most, until no limit is broken."""
        problem = self.problem
        while self.broken_kw > 0:
            called = np.flatnonzero(self.counts)
            own = self._own[called]
            without_kw = self._broken_kw(self._shed_kw - problem.shed_kw[called])
            others_kw = self.broken_kw - self._broken_kw(self._shed_kw)
            before_kw = self._feeder_broken_kw(own, self._feeder_shed_kw[own], self._feeder_off_kw[own])
            after_kw = self._feeder_broken_kw(
                own, self._feeder_shed_kw[own] - problem.shed_kw[called],
                self._feeder_off_kw[own] - problem.off_kw[called],
            )  # fmt: skip
            worst = called[int(np.argmin(without_kw + others_kw - before_kw + after_kw))]
            self.counts[worst] -= 1
            self._load()

    def _load(self) -> None:
        """Loads of the counts, anew."""
        problem = self.problem
        shape = (len(problem.feeder_off_kw), problem.shed_kw.shape[1])
        self._shed_kw: Floats = self.counts @ problem.shed_kw
        self._feeder_shed_kw, self._feeder_off_kw = np.zeros(shape), np.zeros(shape)
        called = np.flatnonzero(self.counts)
        for load_kw, column_kw in ((self._feeder_shed_kw, problem.shed_kw), (self._feeder_off_kw, problem.off_kw)):
            np.add.at(load_kw, self._own[called], self.counts[called, None] * column_kw[called])

    def _move_one(self, place: int) -> bool:
        """The best move of one cohort of a group; whether there was one that makes the plan better."""
        problem = self.problem
        first, after = int(problem.starts[place]), int(problem.starts[place + 1])
        counts, feeder = self.counts[first:after], int(problem.feeder[place])
        none = after - first
        sources = np.flatnonzero(counts)
        if counts.sum() < problem.free[place]:
            sources = np.append(sources, none)
        if not len(sources):
            return False
        shed_kw = _with_none(problem.shed_kw[first:after])
        off_kw = _with_none(problem.off_kw[first:after])
        cost = np.append(problem.cost[first:after], 0.0)
        total = self._totals(feeder, shed_kw[None] - shed_kw[sources, None], off_kw[None] - off_kw[sources, None])
        total += cost[None] - cost[sources, None]
        now = float(total[0, sources[0]])
        best = int(np.argmin(total))
        source, target = int(sources[best // len(cost)]), best % len(cost)
        if total.flat[best] >= now - _LEAST_GAIN * (1 + abs(now)):
            return False
        self._apply(feeder, shed_kw[target] - shed_kw[source], off_kw[target] - off_kw[source])
        if source < none:
            counts[source] -= 1
        if target < none:
            counts[target] += 1
        return True

    def _totals(self, feeder: int, shed_kw: Floats, off_kw: Floats) -> Floats:
        """Objective but for the columns' costs after each change of the loads, shape (sources, targets, steps)."""
        changed_kw = self._shed_kw + shed_kw
        broken_kw = self._broken_kw(changed_kw) + self._feeder_broken_kw(
            feeder, self._feeder_shed_kw[feeder] + shed_kw, self._feeder_off_kw[feeder] + off_kw
        )
        return self._soft(changed_kw) + self._penalty(broken_kw)

    def _apply(self, feeder: int, shed_kw: Floats, off_kw: Floats) -> None:
        self._shed_kw = self._shed_kw + shed_kw
        self._feeder_shed_kw[feeder] += shed_kw
        self._feeder_off_kw[feeder] += off_kw

    def _soft(self, shed_kw: Floats) -> Floats:
        """Price of what is short and too much."""
        missing_kw = self._step_target_kw - shed_kw[..., : self.problem.event_steps]
        price: Floats = np.maximum(self._short_price * missing_kw, -self._over_price * missing_kw).sum(axis=-1)
        return price

    def _penalty(self, broken_kw: Floats) -> Floats:
        price: Floats = self._short_price * _BROKEN_PRICE * (broken_kw + (broken_kw > 0) * self.problem.target_kw)
        return price

    def _broken_kw(self, shed_kw: Floats) -> Floats:
        """Beyond target + one group in the event, and beyond the cap on rebound after it."""
        steps, problem = self.problem.event_steps, self.problem
        over_kw = shed_kw[..., :steps] - (problem.target_kw + problem.over_kw)
        rebound_kw = -shed_kw[..., steps:] - self._rebound_kw
        return _beyond(over_kw) + _beyond(rebound_kw)

    def _feeder_broken_kw(self, feeder: int | Ints, shed_kw: Floats, off_kw: Floats) -> Floats:
        """Beyond the limits of a feeder, or of one a row of the loads."""
        problem, steps = self.problem, self.problem.event_steps
        rebound_kw = -shed_kw[..., steps:] - problem.feeder_rebound_kw[feeder, None]
        return _beyond(rebound_kw) + _beyond(off_kw - problem.feeder_off_kw[feeder, None])


def _with_none(columns: Floats) -> Floats:
    """Patterns of a group and, as the last one, that of a cohort that is not called."""
    return np.concatenate((columns, np.zeros((1, columns.shape[1]))))


def _beyond(excess_kw: Floats) -> Floats:
    """Sum of what is above zero, but for rounding errors; over the last axis."""
    beyond: Floats = np.where(excess_kw > TOLERANCE_KW, excess_kw, 0.0).sum(axis=-1)
    return beyond
