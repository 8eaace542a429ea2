"""Selects who may be called for a request, says who is left out and why, and builds the planning problem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gridflex.domain.curtailment.dispatch import SPREAD_MS
from gridflex.domain.curtailment.groups import COHORTS, FlexibleGroup, control_cohort, generator, recency
from gridflex.domain.curtailment.limits import group_breach
from gridflex.domain.curtailment.patterns import STEP_MIN, horizon_steps, off_patterns
from gridflex.domain.curtailment.problem import Problem
from gridflex.domain.curtailment.request import PlanRequest
from gridflex.domain.curtailment.response import response
from gridflex.domain.readings import Flags, Floats

TOUCH = 0.1
"""What calling an appliance at all costs, in hours off."""
_HOURS_POWER = 1.2
_RECENT_WEIGHT, _JITTER = 2.0, 0.2
_TOO_DEAR = 50.0
"""Groups that cost so many times the median for 1 kW are not called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Cohorts of a group that are not called, and why."""

    group: FlexibleGroup
    cohorts: tuple[int, ...]
    """Empty: appliances of all cohorts."""
    appliances: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidate:
    """A group that may be called: its patterns and its free cohorts, those to be called first in front."""

    group: FlexibleGroup
    cohorts: tuple[int, ...]
    off: Flags
    """Shape (patterns, steps)."""
    power_w: Floats
    """Usual mean power of the whole group; shape (steps,)."""
    shed_w: Floats
    """Of the whole group; shape (patterns, steps)."""
    cost: Floats
    """Of one cohort; shape (patterns,)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidates:
    """All that may be called for a request, and the rest."""

    control: int
    """The cohort that is left alone as the control group."""
    candidates: tuple[Candidate, ...]
    left_out: tuple[LeftOut, ...]
    feeders: tuple[str, ...]
    feeder_kw: Floats
    """Flexible power of each feeder, the control group's included; shape (feeders,)."""


def find_candidates(request: PlanRequest, groups: Sequence[FlexibleGroup]) -> Candidates:
    """Sort out the groups of the request's region and feeder.

    Groups of other classes than the request's count for their feeder's flexible power alone.
    """
    control = (*request.left_alone, control_cohort(request.event_key, request.seed, request.recent_controls))[0]
    here = [one for one in groups if one.region == request.region and request.feeder in {"", one.feeder}]
    here.sort(key=lambda one: (one.feeder, one.appliance))
    feeders = tuple(sorted({one.feeder for one in here}))
    feeder_kw = np.zeros(len(feeders))
    found: list[Candidate] = []
    left_out: list[LeftOut] = []
    for group in here:
        asked = request.appliance in {"", group.appliance}
        candidate = _candidate(request, group, control, left_out if asked else [])
        if candidate is not None:
            feeder_kw[feeders.index(group.feeder)] += candidate.power_w[0] / 1000
            if asked:
                found.append(candidate)
    kept = _without_dear(request, found, left_out)
    return Candidates(control=control, candidates=kept, left_out=tuple(left_out), feeders=feeders, feeder_kw=feeder_kw)


def planning_problem(request: PlanRequest, found: Candidates, target_kw: float) -> Problem:
    """The problem of calling the candidates' cohorts for a target."""
    sizes = [len(one.off) for one in found.candidates]
    steps = horizon_steps(request.steps)
    shed_w = np.concatenate([one.shed_w for one in found.candidates] or [np.zeros((0, steps))])
    off_w = np.concatenate([one.off * one.power_w for one in found.candidates] or [np.zeros((0, steps))])
    return Problem(
        event_steps=request.steps,
        target_kw=target_kw,
        over_kw=float(shed_w[:, : request.steps].max(initial=0.0)) / 1000,
        shed_kw=shed_w / (1000 * COHORTS),
        off_kw=off_w / (1000 * COHORTS),
        cost=np.concatenate([one.cost for one in found.candidates] or [np.zeros(0)]),
        starts=np.cumsum([0, *sizes]),
        free=np.array([len(one.cohorts) for one in found.candidates], dtype=np.int64),
        feeder=np.array([found.feeders.index(one.group.feeder) for one in found.candidates], dtype=np.int64),
        feeder_off_kw=found.feeder_kw * request.program.feeder_share,
        feeder_rebound_kw=found.feeder_kw * request.program.rebound_cap,
        rebound_share=request.program.rebound_cap,
    )


def _candidate(request: PlanRequest, group: FlexibleGroup, control: int, left_out: list[LeftOut]) -> Candidate | None:
    """The group with its free cohorts; ``None`` if it may not be called at all."""
    program, rule = request.program, group.rule
    why = ""
    if rule is None or rule.handling not in program.handling:
        why = "what its class allows is not part of the program"
    elif program.appliances and group.appliance not in program.appliances:
        why = "its class is not part of the program"
    if why or rule is None:
        left_out.append(LeftOut(group=group, cohorts=(), appliances=group.known, why=why))
        return None
    if group.known > group.appliances:
        why = "no fresh data, out of reach or opted out"
        left_out.append(LeftOut(group=group, cohorts=(), appliances=group.known - group.appliances, why=why))
    if group.appliances == 0:
        return None
    off = off_patterns(rule, request.steps)
    answer = response(rule, group.moments, horizon_steps(request.steps))
    if not len(off) or answer.power_w[: request.steps].max() <= 0:
        why = "nothing to shed now" if len(off) else f"it may not be off for {STEP_MIN} minutes"
        left_out.append(LeftOut(group=group, cohorts=(), appliances=group.appliances, why=why))
        return None
    cohorts = _free_cohorts(request, group, control, left_out)
    if not cohorts:
        return None
    return Candidate(
        group=group,
        cohorts=cohorts,
        off=off,
        power_w=answer.power_w,
        shed_w=answer.staggered_w(off, SPREAD_MS),
        cost=_cost(request, group, cohorts, off),
    )


def _free_cohorts(request: PlanRequest, group: FlexibleGroup, control: int, left_out: list[LeftOut]) -> tuple[int, ...]:
    """Cohorts that may be called; the least recently called first, then as drawn for the feeder.

    All classes of a feeder draw the same order, so that few households are called with several appliances each.
    """
    held: dict[str, list[int]] = {"control group": [control]}
    others = [cohort for cohort in request.left_alone if cohort != control]
    if others:
        held["control group of another event at that time"] = others
    for cohort in range(COHORTS):
        calls = group.calls.get(cohort, ())
        breach = group_breach(
            request.program, calls, start_ms=request.start_ms, end_ms=request.end_ms, zone=request.zone
        )
        if breach is not None and cohort not in (control, *others):
            held.setdefault(str(breach), []).append(cohort)
    for why, cohorts in held.items():
        appliances = group.appliances * len(cohorts) / COHORTS
        left_out.append(LeftOut(group=group, cohorts=tuple(cohorts), appliances=appliances, why=why))
    taken = {cohort for cohorts in held.values() for cohort in cohorts}
    order = generator(request.seed, "order", request.event_key, group.feeder).permutation(COHORTS).tolist()
    free = [cohort for cohort in order if cohort not in taken]
    return tuple(sorted(free, key=lambda cohort: recency(group.calls.get(cohort, ()), request.start_ms)))


def _cost(request: PlanRequest, group: FlexibleGroup, cohorts: tuple[int, ...], off: Flags) -> Floats:
    """Disruption of one cohort on each pattern: appliances x (touch + hours off^1.2), weighed; shape (patterns,)."""
    recent = float(np.mean([recency(group.calls.get(cohort, ()), request.start_ms) for cohort in cohorts]))
    jitter = float(generator(request.seed, "cost", request.event_key, group.name).random())
    hours = off.sum(axis=1) * STEP_MIN / 60
    weight = 1 + _RECENT_WEIGHT * recent + _JITTER * jitter
    cost: Floats = group.appliances / COHORTS * (TOUCH + hours**_HOURS_POWER) * weight
    return cost


def _without_dear(request: PlanRequest, found: list[Candidate], left_out: list[LeftOut]) -> tuple[Candidate, ...]:
    """The candidates but for those that ask too much of households for what they give."""
    prices = []
    for one in found:
        mean_kw = one.shed_w[:, : request.steps].mean(axis=1) / (1000 * COHORTS)
        giving = mean_kw > 0
        prices.append(float((one.cost[giving] / mean_kw[giving]).min()) if giving.any() else np.inf)
    finite = [price for price in prices if np.isfinite(price)]
    most = _TOO_DEAR * float(np.median(finite)) if finite else 0.0
    for one, price in zip(found, prices, strict=True):
        if price > most:
            why = "it sheds too little for the households that it touches"
            appliances = one.group.appliances * len(one.cohorts) / COHORTS
            left_out.append(LeftOut(group=one.group, cohorts=one.cohorts, appliances=appliances, why=why))
    return tuple(one for one, price in zip(found, prices, strict=True) if price <= most)
