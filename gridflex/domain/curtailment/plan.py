"""Describes a plan: what is called when, what to expect, what it asks of households, and which limits bind.

Quantiles are made from moments of sums, never as sums of quantiles. Which appliances are on in an interval of an event
to come is not known, only how many on average; nor which take their rebound in it. To that comes the variance of the
draw: which appliances of a group a cohort holds is not known, only that it holds a tenth of them on average.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np

from gridflex.domain.curtailment.canonical import content_hash
from gridflex.domain.curtailment.eligibility import Candidate, LeftOut
from gridflex.domain.curtailment.groups import COHORTS
from gridflex.domain.curtailment.patterns import STEP_MIN
from gridflex.domain.curtailment.planner import Solution
from gridflex.domain.curtailment.request import MS_PER_STEP, PlanRequest
from gridflex.domain.flexibility import quantiles
from gridflex.domain.readings import Flags, Floats, Ints

_MEET_KW = 1e-6
_NOT_NEEDED = "not needed for the target"
Json = dict[str, Any]


def plan_document(solution: Solution) -> Json:
    """The plan as JSON values: the content of an event, with the hash of all else as its ``id``.

    ``expected_kw``: P10, P50 and P90 of each step; ``rebound_kw``: what is taken on top of the usual after the event,
    negative while cohorts are still off; ``groups``: cohorts that follow one pattern; ``basis``: what it rests on.
    """
    request, problem = solution.request, solution.problem
    calls = list(_calls(solution))
    shed_kw, p50_kw = solution.shed_kw, solution.shed_kw[: request.steps]
    households = _households(solution)
    document: Json = {
        **_asked(request),
        "meets_target": bool((p50_kw >= request.target_kw - _MEET_KW).all()),
        "most_kw": None if solution.most_kw is None else _round(solution.most_kw),
        "expected_kw": _expected(solution),
        "groups": [_call(solution, *one) for one in calls],
        "households": sum(households.values()),
        "households_by_feeder": households,
        "minutes_off": _minutes_off(calls),
        "control_group": _control(solution),
        "rebound_kw": [
            {"start": _iso(request.start_ms + step * MS_PER_STEP), "kw": _round(-shed_kw[step])}
            for step in range(request.steps, len(shed_kw))
        ],
        "rebound_peak_kw": _round(max(0.0, float(-shed_kw[request.steps :].min()))),
        "binding": [{"limit": str(one.limit), "where": one.where} for one in solution.binding],
        "next_10_percent": {
            "target_kw": _round(solution.next_10_percent.target_kw),
            "possible": solution.next_10_percent.possible,
            "disruption": _round(solution.next_10_percent.disruption),
            "at_least": solution.next_10_percent.at_least,
        },
        "disruption": _round(float(solution.counts @ problem.cost)),
        "gap": _round(solution.gap),
        "left_out": [*map(_left_out, solution.found.left_out), *_not_needed(solution)],
        "basis": _basis(solution),
    }
    return {"id": f"plan-{content_hash(document)[:12]}", **document}


def _asked(request: PlanRequest) -> Json:
    return {
        "region": request.region,
        "feeder": request.feeder or None,
        "appliance": request.appliance or None,
        "program": request.program.name,
        "seed": request.seed,
        "start_ms": request.start_ms,
        "end_ms": request.end_ms,
        "approve_by_ms": request.approve_by_ms,
        "target_kw": request.target_kw,
    }


def interval_quantiles_kw(solution: Solution) -> Floats:
    """P10, P50 and P90 of the power shed in each step of the event; shape (3, steps).

    P10 may be below zero: cohorts that are on for a while take back what others do not shed.
    """
    steps = solution.request.steps
    variance_w2, shared_w = np.zeros(steps), np.zeros(steps)
    for candidate, counts, shed_w in _called(solution):
        group = candidate.group
        off_share = counts @ candidate.off[:, :steps] / COHORTS
        own_w = candidate.power_w[:steps] / group.appliances
        drawn_w2 = off_share * (1 - off_share) * group.appliances * own_w**2
        rebound_w = -np.minimum(0.0, counts[:, None] * shed_w[:, :steps]).sum(axis=0) / COHORTS
        on_w = np.maximum(own_w, candidate.group.rule.typical_on_w if candidate.group.rule else 0.0)
        phase_w2 = np.maximum(float(group.moments.variance_w2[1]), group.appliances * own_w * (on_w - own_w))
        variance_w2 += off_share * phase_w2 + drawn_w2 + rebound_w * on_w
        shared_error = candidate.group.rule.shared_error if candidate.group.rule else 0.0
        shared_w += off_share * float(group.moments.shared_w[1]) + shared_error * rebound_w
    _, p50_w, p90_w = quantiles(solution.shed_kw[:steps] * 1000, variance_w2, shared_w)
    return np.stack((2 * p50_w - p90_w, p50_w, p90_w)) / 1000


def _called(solution: Solution) -> Iterator[tuple[Candidate, Ints, Floats]]:
    """Candidates with a cohort that is called, their counts and their shed by pattern."""
    starts = solution.problem.starts.tolist()
    for place, candidate in enumerate(solution.found.candidates):
        counts = solution.counts[starts[place] : starts[place + 1]]
        if counts.any():
            yield candidate, counts, candidate.shed_w


def _calls(solution: Solution) -> Iterator[tuple[Candidate, int, tuple[int, ...]]]:
    """Candidate, pattern and the cohorts that follow it. Longer patterns go to cohorts that come first."""
    for candidate, counts, _ in _called(solution):
        first = 0
        order = np.argsort(-candidate.off.sum(axis=1), kind="stable")
        for pattern in order.tolist():
            count = int(counts[pattern])
            if count:
                yield candidate, pattern, candidate.cohorts[first : first + count]
                first += count


def _call(solution: Solution, candidate: Candidate, pattern: int, cohorts: tuple[int, ...]) -> Json:
    request, group, off = solution.request, candidate.group, candidate.off[pattern]
    share = len(cohorts) / COHORTS
    return {
        "region": group.region,
        "feeder": group.feeder,
        "appliance": group.appliance,
        "cohorts": sorted(cohorts),
        "handling": str(candidate.group.rule.handling) if candidate.group.rule else None,
        "off": [
            {"start": _iso(request.start_ms + first * MS_PER_STEP), "end": _iso(request.start_ms + end * MS_PER_STEP)}
            for first, end in off_runs(off)
        ],
        "minutes_off": int(off.sum()) * STEP_MIN,
        "appliances": _round(group.appliances * share),
        "mean_kw": _round(float(candidate.shed_w[pattern, : request.steps].mean()) * share / 1000),
    }


def off_runs(off: Flags) -> list[tuple[int, int]]:
    """First step and the one after the last of each off-run of a pattern, shape (steps,).

    >>> off_runs(np.array([True, True, False, True]))
    [(0, 2), (3, 4)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate(([False], off, [False])).astype(np.int8)))
    return [(int(first), int(end)) for first, end in edges.reshape(-1, 2)]


def _expected(solution: Solution) -> list[Json]:
    p10_kw, p50_kw, p90_kw = interval_quantiles_kw(solution)
    return [
        {
            "start": _iso(solution.request.start_ms + step * MS_PER_STEP),
            "p10": _round(p10_kw[step]),
            "p50": _round(p50_kw[step]),
            "p90": _round(p90_kw[step]),
        }
        for step in range(solution.request.steps)
    ]


def _households(solution: Solution) -> dict[str, int]:
    """Households touched by feeder, at most: of each cohort those of its called classes, none counted beyond all."""
    by_cohort: dict[tuple[str, int], int] = defaultdict(int)
    for candidate, _, cohorts in _calls(solution):
        for cohort in cohorts:
            by_cohort[candidate.group.feeder, cohort] += candidate.group.households
    touched: dict[str, float] = defaultdict(float)
    for (feeder, _), households in by_cohort.items():
        touched[feeder] += households / COHORTS
    return {feeder: int(np.ceil(count - 1e-9)) for feeder, count in sorted(touched.items())}


def _minutes_off(calls: list[tuple[Candidate, int, tuple[int, ...]]]) -> Json:
    """Minutes off of called appliances: the mean and the most."""
    weights = [len(cohorts) * candidate.group.appliances for candidate, _, cohorts in calls]
    minutes = [int(candidate.off[pattern].sum()) * STEP_MIN for candidate, pattern, _ in calls]
    total = sum(weights)
    mean = sum(one * weight for one, weight in zip(minutes, weights, strict=True)) / total if total else 0.0
    return {"mean": _round(mean), "most": max(minutes, default=0)}


def _control(solution: Solution) -> Json:
    groups = [one.group for one in solution.found.candidates]
    return {
        "cohort": solution.found.control,
        "appliances": _round(sum(one.appliances for one in groups) / COHORTS),
        "share": 1 / COHORTS,
    }


def _left_out(one: LeftOut) -> Json:
    return {
        "region": one.group.region,
        "feeder": one.group.feeder,
        "appliance": one.group.appliance,
        "cohorts": sorted(one.cohorts) or None,
        "appliances": _round(one.appliances),
        "households": _round(min(one.group.households, one.group.households * len(one.cohorts) / COHORTS))
        if one.cohorts
        else None,
        "why": one.why,
    }


def _not_needed(solution: Solution) -> Iterator[Json]:
    starts = solution.problem.starts.tolist()
    for place, candidate in enumerate(solution.found.candidates):
        called = int(solution.counts[starts[place] : starts[place + 1]].sum())
        cohorts = candidate.cohorts[called:]
        if cohorts:
            appliances = candidate.group.appliances * len(cohorts) / COHORTS
            yield _left_out(LeftOut(group=candidate.group, cohorts=cohorts, appliances=appliances, why=_NOT_NEEDED))


def _basis(solution: Solution) -> Json:
    """Flexibility of each candidate as it was known, how far enrolments were known, and the program."""
    program = solution.request.program
    return {
        "flexibility_ms": solution.request.basis_ms,
        "enrolment_offset": solution.request.enrolment_offset,
        "enrolment_changes": solution.request.enrolment_changes,
        "program": {
            "handling": sorted(program.handling),
            "appliances": sorted(program.appliances),
            "feeder_share": program.feeder_share,
            "rebound_cap": program.rebound_cap,
        },
        "flexibility": [
            {
                "feeder": one.group.feeder,
                "appliance": one.group.appliance,
                "known": one.group.known,
                "appliances": one.group.appliances,
                "households": one.group.households,
                "flex_w": one.group.moments.flex_w.tolist(),
                "variance_w2": one.group.moments.variance_w2.tolist(),
                "shared_w": one.group.moments.shared_w.tolist(),
            }
            for one in solution.found.candidates
        ],
    }


def _iso(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat().replace("+00:00", "Z")


def _round(value: float) -> float:
    return round(float(value), 6) + 0.0
