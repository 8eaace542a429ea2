from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gridflex.curtailment.solver import solve
from gridflex.domain.curtailment import LinearProgram
from gridflex.errors import SolverError

KNAPSACK = LinearProgram(
    cost=np.array([-5.0, -4.0]),
    upper=np.array([np.inf, np.inf]),
    integral=np.array([True, True]),
    row_lower=np.array([-np.inf, -np.inf]),
    row_upper=np.array([24.0, 6.0]),
    starts=np.array([0, 2, 4]),
    rows=np.array([0, 1, 0, 1]),
    values=np.array([6.0, 1.0, 4.0, 2.0]),
)
"""max 5 x + 4 y with 6 x + 4 y <= 24, x + 2 y <= 6: 21 at (3, 1.5), in whole numbers 20 at (4, 0)."""


def test_solve__finds_the_optimum_and_its_prices() -> None:
    found = solve(KNAPSACK)
    assert found.values.tolist() == pytest.approx([3, 1.5])
    assert found.objective == found.bound == pytest.approx(-21)
    assert found.row_prices.tolist() == pytest.approx([-0.75, -0.5])


def test_solve__in_whole_numbers_is_never_better() -> None:
    found = solve(KNAPSACK, whole_nodes=100)
    assert found.values.tolist() == pytest.approx([4, 0])
    assert found.objective == pytest.approx(-20)
    assert found.bound <= found.objective + 1e-9


def test_solve__says_that_there_is_no_solution() -> None:
    impossible = replace(KNAPSACK, row_lower=np.array([30.0, -np.inf]))
    for nodes in (0, 10):
        with pytest.raises(SolverError, match=r"HiGHS found no plan: .*nfeasible"):
            solve(impossible, whole_nodes=nodes)


def test_only__leaves_the_other_columns_where_they_are() -> None:
    part = KNAPSACK.only(np.array([1]), np.array([3.0, 9.0]))
    assert part.row_upper.tolist() == [6, 3]
    assert part.cost.tolist() == [-4]
    assert solve(part).values.tolist() == pytest.approx([1.5])


def test_solve__writes_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    solve(KNAPSACK)
    solve(KNAPSACK, whole_nodes=10)
    assert tuple(capfd.readouterr()) == ("", "")
