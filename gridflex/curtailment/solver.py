"""Solves linear programs with HiGHS.

One thread, no time limit, a fixed seed: the same program has the same solution, bit for bit, on a slow machine too.
"""

from __future__ import annotations

from math import inf
from typing import Any

import highspy
import numpy as np
from highspy._core import _Highs  # its subclass writes to the standard output, whatever its options say

from gridflex.domain.curtailment import LinearProgram, LinearSolution
from gridflex.errors import SolverError

_GAP = 1e-3
"""A solution in whole numbers that is proven to be so near the best one is taken."""
_OPTIMAL = highspy.HighsModelStatus.kOptimal
_FEASIBLE = highspy.SolutionStatus.kSolutionStatusFeasible


def solve(program: LinearProgram, *, whole_nodes: int = 0, most_s: float = inf) -> LinearSolution:
    """The best solution; with ``whole_nodes`` the best that a tree of so many nodes finds in whole numbers.

    ``most_s``: stop after so long, for comparisons alone: what is found then depends on the machine.

    Raises ``SolverError`` when there is none, or when HiGHS stops without one.
    """
    whole = whole_nodes > 0
    highs = _Highs()
    options: dict[str, Any] = {"output_flag": False, "threads": 1, "random_seed": 0}
    if whole:
        options |= {"mip_max_nodes": whole_nodes, "mip_rel_gap": _GAP, "time_limit": most_s}
    for name, value in options.items():
        highs.setOptionValue(name, value)
    highs.passModel(_model(program, whole))
    highs.run()
    status, info, solution = highs.getModelStatus(), highs.getInfo(), highs.getSolution()
    if status != _OPTIMAL and not (whole and info.primal_solution_status == _FEASIBLE):
        raise SolverError(f"HiGHS found no plan: {highs.modelStatusToString(status)}")
    objective = float(info.objective_function_value)
    return LinearSolution(
        values=np.array(solution.col_value, dtype=np.float64),
        row_prices=np.zeros(len(program.row_lower)) if whole else np.array(solution.row_dual, dtype=np.float64),
        column_prices=np.zeros(len(program.cost)) if whole else np.array(solution.col_dual, dtype=np.float64),
        objective=objective,
        bound=float(info.mip_dual_bound) if whole else objective,
    )


def _model(program: LinearProgram, whole: bool) -> highspy.HighsLp:
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = len(program.cost), len(program.row_lower)
    model.col_cost_ = program.cost
    model.col_lower_ = np.zeros(len(program.cost))
    model.col_upper_ = program.upper
    model.row_lower_, model.row_upper_ = program.row_lower, program.row_upper
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_ = program.starts
    model.a_matrix_.index_ = program.rows
    model.a_matrix_.value_ = program.values
    if whole:
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        model.integrality_ = [kinds[bool(one)] for one in program.integral]
    return model
