"""Builds the planning problem: how many cohorts of which group follow which pattern, to meet the target at least cost.

Columns are (group, pattern) pairs; ``y`` counts the cohorts on each, whole and at most as many as a group has free::

    min  sum y cost + W sum short + W/500 sum over
    s.t. sum of y of a group                     <= its free cohorts
         shed(t) + short(t) - over(t)             = target               in each step of the event
         over(t)                                 <= the largest group
         -shed(t)                                <= rebound cap           in each step after the event
         -shed(t) on a feeder                    <= its rebound cap       in each step after the event
         power off at t on a feeder              <= its share at once     while anything may be off

Only ``short`` is priced, every other limit is hard, so that an answer exists (nothing is called) and no limit is broken
to meet a target. Where switching off is spread over the begin of the first step and one group beyond the target cannot
make good for it, the target of the first step is lower by what is missing then. The cost of a column is appliances x
(touch + hours off^1.2), more for cohorts that were called recently, with a small random part so that the seed decides
among equals.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gridflex.domain.curtailment.linear import LinearProgram, by_columns
from gridflex.domain.readings import Floats, Ints

SHORT_PRICE = 300.0
"""Price of 1 kW short in a step, relative to ``step_price``."""
OVER_PRICE = 0.1
"""Price of 1 kW too much in a step, relative to ``step_price``."""
TOLERANCE_KW = 1e-7


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Problem:
    """n columns, in order of their groups; g groups, f feeders, t steps, of which the event takes the first."""

    event_steps: int
    target_kw: float
    over_kw: float
    """So much may be shed beyond the target: the largest group, with all its cohorts."""
    shed_kw: Floats
    """Of one cohort, negative for rebound; shape (n, t)."""
    off_kw: Floats
    """Usual power of what is off, of one cohort; shape (n, t)."""
    cost: Floats
    """Of one cohort; shape (n,)."""
    starts: Ints
    """Where each group's columns begin; shape (g + 1,)."""
    free: Ints
    """Cohorts of each group that may be called; shape (g,)."""
    feeder: Ints
    """Of each group; shape (g,)."""
    feeder_off_kw: Floats
    """Limit of what is off at once; shape (f,)."""
    feeder_rebound_kw: Floats
    """Limit of the rebound; shape (f,)."""
    rebound_share: float
    """Limit of the rebound of all, relative to the target."""
    first_share: float = 1.0
    """Share of the target that the first step must shed, 0..1."""

    @property
    def step_target_kw(self) -> Floats:
        """The target of each step of the event; shape (event steps,)."""
        return self.target_kw * self.step_share

    @property
    def step_share(self) -> Floats:
        """Share of the target that each step of the event must shed; shape (event steps,)."""
        share = np.ones(self.event_steps)
        share[:1] = self.first_share
        return share

    @property
    def group(self) -> Ints:
        """The group of each column; shape (n,)."""
        return np.repeat(np.arange(len(self.free)), np.diff(self.starts))

    @property
    def step_price(self) -> float:
        """What 1 kW of shed costs for one step in the middle one of the groups, on its best pattern."""
        mean_kw = self.shed_kw[:, : self.event_steps].mean(axis=1)
        price = np.where(mean_kw > 0, self.cost / np.where(mean_kw > 0, mean_kw, 1.0), np.inf)
        best = np.minimum.reduceat(price, self.starts[:-1])
        return float(np.median(best[np.isfinite(best)])) / self.event_steps if np.isfinite(best).any() else 1.0

    @property
    def short_price(self) -> float:
        """Price of 1 kW short in one step."""
        return SHORT_PRICE * self.step_price

    @property
    def over_price(self) -> float:
        """Price of 1 kW too much in one step."""
        return OVER_PRICE * self.step_price

    def tightened(self, margin_kw: float) -> Problem:
        """With limits and target tighter by a margin, so that rounding stays within the true ones."""
        target_kw = self.target_kw + margin_kw
        rebound_kw = max(0.0, self.target_kw * self.rebound_share - margin_kw)
        return replace(
            self,
            target_kw=target_kw,
            over_kw=max(0.0, self.over_kw - margin_kw),
            rebound_share=rebound_kw / target_kw,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A limit of the program that a row stands for."""

    kind: str
    """``group``, ``target``, ``over``, ``rebound`` or ``share``."""
    place: int
    """The group, or the feeder; -1: all."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Assembly:
    """A linear program of a problem, and what each of its rows stands for. Columns of ``y`` come first."""

    program: LinearProgram
    rows: tuple[Row, ...]


def least_cost(problem: Problem, *, short_scale: float = 1.0) -> Assembly:
    """The program above. After ``y`` come ``short`` and then ``over``, by steps of the event.

    ``short_scale``: of the price of ``short``.
    """
    columns, steps = len(problem.cost), problem.event_steps
    block = _Blocks(columns + 2 * steps)
    _limits(problem, block, problem.target_kw * problem.rebound_share)
    everywhere, target_kw = np.arange(columns), problem.step_target_kw
    for step in range(steps):
        block.add(
            Row(kind="target", place=-1),
            np.append(everywhere, (columns + step, columns + steps + step)),
            np.append(problem.shed_kw[:, step], (1.0, -1.0)),
            float(target_kw[step]),
            float(target_kw[step]),
        )
    return block.assembly(
        cost=np.concatenate(
            (problem.cost, np.full(steps, problem.short_price * short_scale), np.full(steps, problem.over_price))
        ),
        upper=np.concatenate((_free(problem), np.full(steps, np.inf), problem.target_kw + problem.over_kw - target_kw)),
        whole=columns,
    )


def most_power(problem: Problem) -> Assembly:
    """The largest target that can be met without more than one group beyond it, as the last column; its cost is -1."""
    columns = len(problem.cost)
    block = _Blocks(columns + 1)
    _limits(problem, block, 0.0, target_column=columns)
    everywhere = np.arange(columns + 1)
    for step in range(problem.event_steps):
        shed_kw, share = problem.shed_kw[:, step], float(problem.step_share[step])
        block.add(Row(kind="target", place=-1), everywhere, np.append(shed_kw, -share), 0.0, np.inf)
        block.add(Row(kind="over", place=-1), everywhere, np.append(shed_kw, -1.0), -np.inf, problem.over_kw)
    cost = np.zeros(columns + 1)
    cost[columns] = -1.0
    return block.assembly(cost=cost, upper=np.append(_free(problem), np.inf), whole=columns)


def _free(problem: Problem) -> Floats:
    return problem.free[problem.group].astype(np.float64)


def _limits(problem: Problem, block: _Blocks, rebound_kw: float, target_column: int | None = None) -> None:
    """Rows of the hard limits; of feeders only those that can be reached at all."""
    after = range(problem.event_steps, problem.shed_kw.shape[1])
    everywhere, own_feeder = np.arange(len(problem.cost)), problem.feeder[problem.group]
    of_feeder = [np.flatnonzero(own_feeder == place) for place in range(len(problem.feeder_off_kw))]
    for place, free in enumerate(problem.free.tolist()):
        columns = np.arange(problem.starts[place], problem.starts[place + 1])
        block.add(Row(kind="group", place=place), columns, np.ones(len(columns)), -np.inf, float(free))
    for step in after:
        columns, values = everywhere, -problem.shed_kw[:, step]
        if target_column is not None:
            columns, values = np.append(columns, target_column), np.append(values, -problem.rebound_share)
        block.add(Row(kind="rebound", place=-1), columns, values, -np.inf, rebound_kw)
    for kind, load_kw, limit_kw in (
        ("rebound", -problem.shed_kw, problem.feeder_rebound_kw),
        ("share", problem.off_kw, problem.feeder_off_kw),
    ):
        for place, step in _reachable(problem, load_kw, limit_kw):
            if kind == "share" or step in after:
                columns = of_feeder[place]
                block.add(Row(kind=kind, place=place), columns, load_kw[columns, step], -np.inf, float(limit_kw[place]))


def _reachable(problem: Problem, load_kw: Floats, limit_kw: Floats) -> list[tuple[int, int]]:
    """Feeder and step of limits that the groups of the feeder could exceed, all on their worst pattern."""
    worst_kw = np.maximum.reduceat(np.maximum(load_kw, 0.0), problem.starts[:-1], axis=0) * problem.free[:, None]
    total_kw = np.zeros((len(limit_kw), load_kw.shape[1]))
    np.add.at(total_kw, problem.feeder, worst_kw)
    exceeded = np.argwhere(total_kw > limit_kw[:, None] + TOLERANCE_KW)
    return [(int(place), int(step)) for place, step in exceeded]


class _Blocks:
    """Collects rows."""

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._rows: list[Row] = []
        self._entries: list[tuple[Ints, Ints, Floats]] = []
        self._bounds: list[tuple[float, float]] = []

    def add(self, row: Row, columns: Ints, values: Floats, lower: float, upper: float) -> None:
        """A row: its columns, each once, and their values."""
        some = values != 0
        self._entries.append((columns[some], np.full(int(some.sum()), len(self._rows)), values[some]))
        self._rows.append(row)
        self._bounds.append((lower, upper))

    def assembly(self, *, cost: Floats, upper: Floats, whole: int) -> Assembly:
        """The program; the first ``whole`` columns are to be whole."""
        column, row, value = (np.concatenate(part) for part in zip(*self._entries, strict=True))
        starts, rows, values = by_columns(self._columns, column, row, value)
        lower, above = np.array(self._bounds).T
        program = LinearProgram(
            cost=cost,
            upper=upper,
            integral=np.arange(self._columns) < whole,
            row_lower=lower,
            row_upper=above,
            starts=starts,
            rows=rows,
            values=values,
        )
        return Assembly(program=program, rows=tuple(self._rows))
