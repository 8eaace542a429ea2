"""Defines a linear program as arrays, and a solver's answer to it. The solver itself is outside the domain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from gridflex.domain.readings import Flags, Floats, Ints


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinearProgram:
    """Minimise ``cost @ x`` with ``row_lower <= A x <= row_upper`` and ``0 <= x <= upper``; n columns, m rows."""

    cost: Floats
    """Shape (n,)."""
    upper: Floats
    """Shape (n,); infinite where there is no bound."""
    integral: Flags
    """Shape (n,): whether a column must be whole, when whole numbers are asked for."""
    row_lower: Floats
    row_upper: Floats
    """Shape (m,) each; infinite where there is no bound."""
    starts: Ints
    """A by columns: where each column's entries begin, shape (n + 1,)."""
    rows: Ints
    values: Floats
    """Row and value of each entry, shape (entries,)."""

    def activity(self, values: Floats) -> Floats:
        """``A x``: shape (m,) of ``values``, shape (n,)."""
        column = np.repeat(np.arange(len(self.cost)), np.diff(self.starts))
        weights = self.values * values[column]
        return np.bincount(self.rows, weights=weights, minlength=len(self.row_lower)).astype(np.float64)

    def only(self, columns: Ints, fixed: Floats) -> LinearProgram:
        """The program of some columns, while all others stay at their ``fixed`` values; shape (n,).

        Rows that no longer have an entry are left out.
        """
        others = fixed.copy()
        others[columns] = 0.0
        there = self.activity(others)
        lengths = np.diff(self.starts)[columns]
        column = np.repeat(np.arange(len(columns)), lengths)
        first = np.cumsum(lengths) - lengths
        entry = self.starts[columns][column] + np.arange(len(column)) - first[column]
        kept, row = np.unique(self.rows[entry], return_inverse=True)
        return LinearProgram(
            cost=self.cost[columns],
            upper=self.upper[columns],
            integral=self.integral[columns],
            row_lower=(self.row_lower - there)[kept],
            row_upper=(self.row_upper - there)[kept],
            starts=np.append(0, np.cumsum(lengths)).astype(np.int64),
            rows=row.astype(np.int64),
            values=self.values[entry],
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinearSolution:
    """A solution and what was proven of it."""

    values: Floats
    """Shape (n,)."""
    row_prices: Floats
    """Shape (m,): what the objective gains when a row's bound moves by one; zeros for a program in whole numbers."""
    column_prices: Floats
    """Shape (n,): what one more of a column costs at least, when all others follow; zeros likewise."""
    objective: float
    bound: float
    """No solution costs less."""


class Solver(Protocol):
    """Solves linear programs; the same program has the same solution, bit for bit."""

    def __call__(self, program: LinearProgram, *, whole_nodes: int = 0) -> LinearSolution:
        """The best solution. Raises ``SolverError`` when there is none.

        ``whole_nodes``: look for one in whole numbers, in a tree of at most so many nodes; the best one of them may
        not be found, then ``bound`` lies below its ``objective``.
        """
        ...


def by_columns(columns: int, column: Ints, row: Ints, value: Floats) -> tuple[Ints, Ints, Floats]:
    """``starts``, ``rows`` and ``values`` of entries in any order. Shape (entries,) each.

    >>> import numpy as np
    >>> starts, rows, values = by_columns(2, np.array([1, 0, 1]), np.array([3, 1, 2]), np.array([5.0, 6.0, 7.0]))
    >>> starts.tolist(), rows.tolist(), values.tolist()
    ([0, 1, 3], [1, 2, 3], [6.0, 7.0, 5.0])
    """
    order = np.lexsort((row, column))
    starts = np.searchsorted(column[order], np.arange(columns + 1)).astype(np.int64)
    return starts, row[order], value[order]
