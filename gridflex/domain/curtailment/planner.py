"""Plans an event: linear program, whole cohorts, local search, and the limits that bind.

The linear program proves a bound: no plan in whole cohorts can cost less. The gap is how far the plan found is from it.
Whole cohorts are found in several ways, each followed by a local search, and the best plan is taken: by largest
remainders of the linear program's solution, and by a short search in whole numbers, part by part, among the columns
that it uses or almost uses, with limits as they are and with tighter ones. A small problem is searched as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gridflex.domain.curtailment.dispatch import SPREAD_MS
from gridflex.domain.curtailment.eligibility import Candidates, find_candidates, planning_problem
from gridflex.domain.curtailment.groups import FlexibleGroup, generator
from gridflex.domain.curtailment.limits import Limit
from gridflex.domain.curtailment.linear import LinearSolution, Solver
from gridflex.domain.curtailment.problem import TOLERANCE_KW, Assembly, Problem, least_cost, most_power
from gridflex.domain.curtailment.request import PlanRequest
from gridflex.domain.curtailment.response import late_share
from gridflex.domain.curtailment.search import Search, rounded
from gridflex.domain.readings import Floats, Ints
from gridflex.errors import SolverError

SMALL_COLUMNS, SMALL_WORK = 600, 400_000
"""A problem of at most so many columns is searched in whole numbers as a whole, in a tree of so many nodes times
columns."""
PART_GROUPS, PART_COLUMNS, PART_NODES = 200, 300, 100
"""Larger ones are searched in parts of about so many groups, among at least so many columns, in a tree of so many
nodes."""
_PART_FACTOR = 3
"""A part is searched among at least so many times the columns that the linear program uses."""
_PART_SHORT = 0.3
"""Price of what is short in that search, relative to the true one: a smoother slope is searched faster."""
MARGINS = (0.0, 0.05)
"""By how much limits are tightened, relative to the largest group."""
MANY_GROUPS = 500
"""With more groups a cohort is small: limits are not tightened, parts are halved with their trees, and the next 10 %
are taken from the prices."""
_PLANNED_SHARE = 0.98
"""Of the most that can be had, what is planned for: whole cohorts hardly reach the rest."""
_SHORT_SHARE = 1e-6
_BINDS = 1e-7
_LIMITS = {
    "group": Limit.AVAILABLE,
    "over": Limit.OVERSHOOT,
    "rebound": Limit.REBOUND_CAP,
    "share": Limit.FEEDER_SHARE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """A limit that makes a plan dearer, or a target impossible."""

    limit: Limit
    where: str
    """A feeder, or the region for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MoreCost:
    """The cost of the next 10 % of the target."""

    target_kw: float
    possible: bool
    disruption: float
    """Relative to that of the plan's linear program; 0.12 is 12 % more. 0 when it is not possible."""
    at_least: bool = False
    """Whether it was taken from prices, which rise with the target: it may cost more, or not be possible."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Solution:
    """Whole cohorts for a request, and what was proven of them."""

    request: PlanRequest
    found: Candidates
    problem: Problem
    """With the target that was planned for: the asked one, in the first step a little less where appliances do not
    follow at once, or almost the most that can be had."""
    counts: Ints
    """Cohorts of each column of the problem."""
    feasible: bool
    """Whether what is planned for can be had at all, by the linear program."""
    most_kw: float | None
    """If not: the most that any plan could shed in every step."""
    objective: float
    bound: float
    binding: tuple[Binding, ...]
    next_10_percent: MoreCost

    @property
    def gap(self) -> float:
        """How much of the plan's cost may be avoidable at most, 0..1."""
        return max(0.0, (self.objective - self.bound) / self.objective) if self.objective > 0 else 0.0

    @property
    def shed_kw(self) -> Floats:
        """Expected shed by step, negative for rebound; shape (steps,)."""
        shed_kw: Floats = self.counts @ self.problem.shed_kw
        return shed_kw


def plan_event(request: PlanRequest, groups: Sequence[FlexibleGroup], solve: Solver) -> Solution:
    """Choose which cohorts are off when. The same input gives the same plan, bit for bit.

    Raises ``LimitError`` when the program does not allow the event as a whole, ``SolverError`` when ``solve`` does.
    """
    request.check_program()
    found = find_candidates(request, groups)
    problem = planning_problem(request, found, request.target_kw)
    if not found.candidates:
        return _nothing(request, found, problem)
    assembly = least_cost(problem)
    relaxed = solve(assembly.program)
    short, more = _short(problem, relaxed), tuple[Binding, ...]()
    if 0 < short[0] <= late_share(SPREAD_MS) and short[1:].max(initial=0.0) == 0:
        more = _first_step_binding(request, found, assembly, relaxed)
        problem = replace(problem, first_share=1 - late_share(SPREAD_MS))
        assembly = least_cost(problem)
        relaxed = solve(assembly.program)
        short = _short(problem, relaxed)
    feasible = float(short.max()) == 0
    found_binding = _binding(request, found, assembly, relaxed.row_prices, {"rebound", "share"})
    binding, most_kw = tuple(dict.fromkeys((*more, *found_binding))), None
    if not feasible:
        limit = most_power(problem)
        most = solve(limit.program)
        most_kw = float(most.values[-1])
        binding = _binding(request, found, limit, most.row_prices, set(_LIMITS))
        problem = replace(problem, target_kw=max(0.0, most_kw * _PLANNED_SHARE))
        if problem.target_kw <= 0:
            return _nothing(request, found, problem, binding)
        assembly = least_cost(problem)
        relaxed = solve(assembly.program)
    counts, bound = _whole(request, problem, relaxed, solve)
    return Solution(
        request=request,
        found=found,
        problem=problem,
        counts=counts,
        feasible=feasible,
        objective=Search(problem, counts).objective,
        bound=bound,
        binding=binding,
        most_kw=most_kw,
        next_10_percent=_next(problem, assembly, relaxed, feasible, solve),
    )


def _short(problem: Problem, relaxed: LinearSolution) -> Floats:
    """What the linear program misses in each step of the event, relative to the target; rounding errors are none."""
    columns = len(problem.cost)
    short = relaxed.values[columns : columns + problem.event_steps] / problem.target_kw
    return np.where(short <= _SHORT_SHARE, 0.0, short)


def _whole(request: PlanRequest, problem: Problem, relaxed: LinearSolution, solve: Solver) -> tuple[Ints, float]:
    """Whole cohorts and the bound that holds for them."""
    columns = len(problem.cost)
    found, bound = list(_roundings(request, problem, relaxed, solve)), relaxed.bound
    if columns <= SMALL_COLUMNS:
        exact = solve(least_cost(problem).program, whole_nodes=SMALL_WORK // columns)
        found.append(_improved(request, problem, np.rint(exact.values[:columns]).astype(np.int64)))
        bound = max(bound, exact.bound)
    return min(found, key=lambda search: search.objective).counts, bound


def _roundings(request: PlanRequest, problem: Problem, relaxed: LinearSolution, solve: Solver) -> Iterator[Search]:
    """Plans in whole cohorts that break no limit."""
    columns = len(problem.cost)
    for margin in MARGINS if len(problem.free) <= MANY_GROUPS else MARGINS[:1]:
        tight = problem.tightened(margin * problem.over_kw)
        solution = relaxed if margin == 0 else solve(least_cost(tight).program)
        random = generator(request.seed, "round", request.event_key, str(margin))
        yield _improved(request, problem, rounded(problem, solution.values[:columns], random))
        if columns > SMALL_COLUMNS:
            yield _improved(request, problem, _in_parts(tight, solution, solve))


def _in_parts(problem: Problem, relaxed: LinearSolution, solve: Solver) -> Ints:
    """Whole cohorts, found part by part: feeders of a part are searched in whole numbers, while parts done before
    stay as they are and those to come stay at the linear program's fractions. So each part makes good what rounding
    those before it has missed.
    """
    columns = len(problem.cost)
    program = least_cost(problem, short_scale=_PART_SHORT).program
    values = relaxed.values.copy()
    slack = np.arange(columns, len(values))
    many = len(problem.free) > MANY_GROUPS
    for part in _parts(problem, PART_GROUPS // 2 if many else PART_GROUPS):
        near = relaxed.column_prices[part] + np.where(relaxed.values[part] > 0, -np.inf, 0.0)
        most = max(PART_COLUMNS, _PART_FACTOR * int((near == -np.inf).sum()))
        pool = np.sort(part[np.argsort(near, kind="stable")[:most]])
        some = np.concatenate((pool, slack))
        try:
            found = solve(program.only(some, values), whole_nodes=PART_NODES // 2 if many else PART_NODES)
        except SolverError:
            values[part] = np.floor(values[part])
            continue
        values[some] = np.append(np.rint(found.values[: len(pool)]), found.values[len(pool) :])
    return np.rint(values[:columns]).astype(np.int64)


def _parts(problem: Problem, size: int) -> Iterator[Ints]:
    """Columns of neighbouring feeders, about ``size`` groups each."""
    part = np.arange(len(problem.free)) // size
    first_of_feeder = np.searchsorted(problem.feeder, problem.feeder)
    of_column = part[first_of_feeder][problem.group]
    for number in np.unique(of_column):
        yield np.flatnonzero(of_column == number)


def _improved(request: PlanRequest, problem: Problem, counts: Ints) -> Search:
    """A plan that breaks no limit, after local search."""
    random = generator(request.seed, "search", request.event_key)
    search = Search(problem, counts)
    search.improve(random)
    if search.broken_kw > 0:
        search.repair()
        search.improve(random)
    return search


def _next(problem: Problem, assembly: Assembly, relaxed: LinearSolution, feasible: bool, solve: Solver) -> MoreCost:
    target_kw = problem.target_kw * 1.1
    none = MoreCost(target_kw=target_kw, possible=False, disruption=0.0)
    if not feasible:
        return none
    columns = len(problem.cost)
    now = float(relaxed.values[:columns] @ problem.cost)
    if len(problem.free) > MANY_GROUPS:
        kinds = np.array([row.kind if row.place < 0 else "" for row in assembly.rows])
        per_kw = relaxed.row_prices[kinds == "target"] @ problem.step_share
        per_kw += relaxed.row_prices[kinds == "rebound"].sum() * problem.rebound_share
        more = float(per_kw) * (target_kw - problem.target_kw)
        return MoreCost(target_kw=target_kw, possible=True, disruption=more / now if now > 0 else 0.0, at_least=True)
    larger = replace(problem, target_kw=target_kw)
    then = solve(least_cost(larger).program)
    if float(_short(larger, then).max()) > 0:
        return none
    cost = float(then.values[:columns] @ problem.cost)
    return MoreCost(target_kw=target_kw, possible=True, disruption=cost / now - 1 if now > 0 else 0.0)


def _first_step_binding(
    request: PlanRequest, found: Candidates, assembly: Assembly, relaxed: LinearSolution
) -> tuple[Binding, ...]:
    """What keeps more from being off from the start, so that the first step is short of the target."""
    over = np.isfinite(assembly.program.upper) & ~assembly.program.integral
    if (relaxed.values >= assembly.program.upper - TOLERANCE_KW)[over].any():
        return (Binding(limit=Limit.OVERSHOOT, where=request.feeder or request.region),)
    return _binding(request, found, assembly, relaxed.row_prices, set(_LIMITS))


def _binding(
    request: PlanRequest, found: Candidates, assembly: Assembly, prices: Floats, kinds: set[str]
) -> tuple[Binding, ...]:
    """Limits whose rows have a price, each once."""
    bound: dict[Binding, None] = {}
    for row, price in zip(assembly.rows, prices.tolist(), strict=True):
        if row.kind not in kinds or abs(price) <= _BINDS:
            continue
        where = request.feeder or request.region
        if row.place >= 0:
            group = row.kind == "group"
            where = found.candidates[row.place].group.feeder if group else found.feeders[row.place]
        bound[Binding(limit=_LIMITS[row.kind], where=where)] = None
    return tuple(sorted(bound, key=lambda one: (one.limit, one.where)))


def _nothing(request: PlanRequest, found: Candidates, problem: Problem, binding: tuple[Binding, ...] = ()) -> Solution:
    """The plan that calls no group."""
    where = request.feeder or request.region
    return Solution(
        request=request,
        found=found,
        problem=replace(problem, target_kw=0.0),
        counts=np.zeros(len(problem.cost), dtype=np.int64),
        feasible=False,
        most_kw=0.0,
        objective=0.0,
        bound=0.0,
        binding=binding or (Binding(limit=Limit.AVAILABLE, where=where),),
        next_10_percent=MoreCost(target_kw=0.0, possible=False, disruption=0.0),
    )
