"""(h) Plans: an hour's event over 100,000 and 1,000,000 appliances, the gap proven, and HiGHS alone as the peer.

The fleet is drawn by a seed: groups of 500 appliances, four classes a feeder, powers around the classes' usual ones.
The target is 60 % of the most that can be had. The peer is what a solver gives without our search: HiGHS in whole
numbers on the same program, stopped after three times the time that we may take, and its linear program alone, whose
bound the gap is measured against. ``python -m benchmarks --only planner`` needs no server.
"""

from __future__ import annotations

import time
from functools import cache

import click
import numpy as np

from benchmarks.measure import Figure
from gridflex.curtailment.solver import solve
from gridflex.domain.curtailment import (
    PlanRequest,
    Problem,
    Search,
    find_candidates,
    least_cost,
    most_power,
    plan_document,
    plan_event,
    planning_problem,
)
from tests.support.simulated.fleet import fleet, request

SMALL, PER_GROUP = 200, 500
TARGET_SHARE = 0.6
_PEER_NODES = 1_000_000
_PEER_S = 30.0
_MOST_GAP = 0.1


def planner_figures() -> list[Figure]:
    """Both sizes; the peer beside the smaller one."""
    small = _measure(groups=SMALL, at_most_s=10.0)
    return [*small, *_peers(groups=SMALL), *_measure(groups=10 * SMALL, at_most_s=60.0)]


def _measure(*, groups: int, at_most_s: float) -> list[Figure]:
    asked, problem = _asked(groups)
    made = fleet(groups, PER_GROUP, 1)
    started = time.monotonic()
    solution = plan_event(asked, made, solve)
    document = plan_document(solution)
    seconds = time.monotonic() - started
    again = plan_event(asked, made, solve) if groups == SMALL else solution
    assert (again.counts == solution.counts).all(), "the same request gave another plan"
    first_kw, *later_kw = (step["p50"] for step in document["expected_kw"])
    missing = max(0.0, 1 - min(later_kw) / asked.target_kw, solution.problem.first_share - first_kw / asked.target_kw)
    beyond = max(0.0, (max(later_kw) - asked.target_kw) / problem.over_kw)
    name = f"plan, {groups * PER_GROUP:,} appliances in {groups:,} groups, 12 intervals"
    click.echo(f"  {name}: {len(problem.cost):,} columns, target {asked.target_kw:,.0f} kW, "
               f"{len(document['groups']):,} calls, {document['households']:,} households at most")  # fmt: skip
    return [
        Figure(name=name, value=seconds, unit="s", at_most=at_most_s),
        Figure(name="its proven gap", value=100 * solution.gap, unit="%", at_most=100 * _MOST_GAP),
        Figure(
            name="what its weakest interval misses of the target",
            value=100 * missing,
            unit="%",
            at_most=0.1,
            note=f"the first one's share is {solution.problem.first_share:g}",
        ),
        Figure(name="what its strongest interval sheds beyond it, in largest groups", value=beyond, unit="", at_most=1),
    ]


def _peers(*, groups: int) -> list[Figure]:
    """HiGHS on the whole program: in whole numbers, and the linear program alone."""
    _, problem = _asked(groups)
    program = least_cost(problem).program
    started = time.monotonic()
    relaxed = solve(program)
    bound_s = time.monotonic() - started
    started = time.monotonic()
    whole = solve(program, whole_nodes=_PEER_NODES, most_s=_PEER_S)
    whole_s = time.monotonic() - started
    search = Search(problem, np.rint(whole.values[: len(problem.cost)]).astype(np.int64))
    gap = 1 - relaxed.bound / search.objective
    missing_kw = max(0.0, problem.target_kw - float((search.counts @ problem.shed_kw)[: problem.event_steps].min()))
    return [
        Figure(name="peer: HiGHS's linear program, the bound alone", value=bound_s, unit="s"),
        Figure(name="peer: HiGHS in whole numbers, stopped by time", value=whole_s, unit="s"),
        Figure(name="its gap", value=100 * gap, unit="%", note=f"misses the target by up to {missing_kw:,.1f} kW"),
    ]


@cache
def _most_kw() -> float:
    """The most that can be had of the smaller fleet."""
    found = find_candidates(request(1.0), fleet(SMALL, PER_GROUP, 1))
    return float(solve(most_power(planning_problem(request(1.0), found, 1.0)).program).values[-1])


def _asked(groups: int) -> tuple[PlanRequest, Problem]:
    """The request for a share of the most that can be had, in proportion to the fleet, and its problem."""
    asked = request(TARGET_SHARE * _most_kw() * groups / SMALL)
    found = find_candidates(asked, fleet(groups, PER_GROUP, 1))
    return asked, planning_problem(asked, found, asked.target_kw)
