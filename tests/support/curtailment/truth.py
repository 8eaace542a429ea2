"""Events of a generated town, simulated without servers: what their plans expected, and what they really shed.

A plan rests on what the forecaster says of the houses some time before the event; its commands go to houses that
respond as a replay's do. The truth is what each appliance would have taken less what it took.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gridflex.contracts.flexibility import load_rules
from gridflex.contracts.programs import load_programs
from gridflex.curtailment.solver import solve
from gridflex.domain.curtailment import (
    STEP_MIN,
    Event,
    FlexibleGroup,
    Holds,
    LinearProgram,
    LinearSolution,
    PlanRequest,
    Plug,
    State,
    commands_of,
    content_hash,
    find_candidates,
    interval_quantiles_kw,
    plan_document,
    plan_event,
)
from gridflex.domain.flexibility import HORIZONS_MIN, Moments
from ingestion.responding.appliances import Appliance, Fleet
from ingestion.responding.plugs import Plugs
from ingestion.responding.windows import Window
from tests.support.flexible_town import DAY_MIN, POWER_STEP_S, Town

MS_PER_MIN = 60_000
REGION, FEEDER = "Town", "T-F01"
TAIL_MIN = 90
"""So long after an event the rebound is followed."""
PROGRAM = replace(load_programs()["standard"], hours=(0, 24), feeder_share=1.0, rebound_cap=2.0)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One event: kW by interval of five minutes, shape (3, n) or (n,)."""

    expected_kw: np.ndarray
    """P10, P50, P90."""
    shed_kw: np.ndarray
    planned_rebound_kw: np.ndarray
    rebound_kw: np.ndarray
    """After the event, on top of what would have been taken."""
    classes: frozenset[str]


def as_many(town: Town) -> Town:
    """The houses of a town once more for each of its days but one, as other houses whose days are shifted."""
    days = town.flex_w.shape[2] // DAY_MIN
    shifts, houses = range(days - 1), int(town.house.max()) + 1
    steps = DAY_MIN * 60 // POWER_STEP_S

    def rolled(values: np.ndarray, by: int) -> np.ndarray:
        """All days but the first, which the forecaster needs to learn; shifted by whole days."""
        return np.concatenate([np.roll(values[..., by:], shift * by, axis=-1) for shift in shifts], axis=-2)

    return replace(
        town,
        house=np.concatenate([town.house + shift * houses for shift in shifts]),
        appliance=np.tile(town.appliance, days - 1),
        start_s=town.start_s + DAY_MIN * 60,
        power_w=rolled(town.power_w, steps),
        **{name: rolled(getattr(town, name), DAY_MIN) for name in ("flex_w", "variance_w2", "shared_w", "shed_w")},
    )


def simulate(town: Town, dataset: str, seed: int) -> Outcome | None:
    """An event at an instant and of a size drawn by the seed; ``None`` if nothing can be shed then."""
    random = np.random.default_rng(seed)
    minutes = int(random.choice([30, 45, 60, 90]))
    lead_min = int(random.integers(15, 45))
    last = town.flex_w.shape[2] - minutes - TAIL_MIN - lead_min - 1
    basis = int(random.integers(0, last))
    start = -(-(basis + lead_min) // STEP_MIN) * STEP_MIN
    begin_ms = town.start_s * 1000
    groups = groups_at(town, dataset, basis)
    request = PlanRequest(
        program=PROGRAM, region=REGION, target_kw=1.0, start_ms=begin_ms + start * MS_PER_MIN,
        end_ms=begin_ms + (start + minutes) * MS_PER_MIN, now_ms=begin_ms + basis * MS_PER_MIN, seed=seed,
    )  # fmt: skip
    found = find_candidates(request, groups)
    flexible_kw = sum(float(one.group.moments.flex_w[-1]) for one in found.candidates) / 1000
    target_kw = flexible_kw * float(random.uniform(0.2, 0.6))
    if target_kw <= 0.05:
        return None
    solution = plan_event(replace(request, target_kw=target_kw), groups, _rough)
    if not solution.counts.any():
        return None
    document = plan_document(solution)
    would_w, used_w = respond(town, dataset, document, start, minutes)
    shed_kw = (would_w - used_w).reshape(len(would_w), -1, STEP_MIN * 60 // POWER_STEP_S).sum(axis=0).mean(
        axis=1
    ) / 1000
    return Outcome(
        expected_kw=interval_quantiles_kw(solution),
        shed_kw=shed_kw[: request.steps],
        planned_rebound_kw=-solution.shed_kw[request.steps :],
        rebound_kw=-shed_kw[request.steps :],
        classes=frozenset(one["appliance"] for one in document["groups"]),
    )


def _rough(program: LinearProgram, *, whole_nodes: int = 0) -> LinearSolution:
    """Fractions rounded down in place of whole numbers: a plan is a little dearer, and made ten times faster.

    What it expects is as true.
    """
    solution = solve(program)
    return replace(solution, values=np.floor(solution.values + 1e-9)) if whole_nodes else solution


def groups_at(town: Town, dataset: str, minute: int) -> list[FlexibleGroup]:
    """What Druid would tell of the town's only feeder."""
    rules, groups = load_rules(), []
    for name in sorted(set(town.appliance.tolist())):
        own = town.appliance == name
        flex_w, variance_w2, shared_w = (
            moment[:, own, minute].astype(np.float64).sum(axis=1)
            for moment in (town.flex_w, town.variance_w2, town.shared_w)
        )
        rule = rules.rows[rules.code(name, "")]
        hours = np.array(HORIZONS_MIN) / 60
        groups.append(
            FlexibleGroup(
                region=REGION, feeder=FEEDER, appliance=name, rule=rule, known=int(own.sum()),
                appliances=int(own.sum()), households=len(set(town.house[own].tolist())),
                moments=Moments(flex_w=flex_w, variance_w2=variance_w2, shared_w=shared_w,
                                rebound_wh=flex_w * hours * rule.rebound_share),
            )
        )  # fmt: skip
    return groups


def respond(
    town: Town, dataset: str, document: dict[str, Any], start: int, minutes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Power of each appliance without and with the event, from its begin to the end of the tail; W."""
    appliances = appliances_of(town, dataset)
    first, count = start * 60 // POWER_STEP_S, (minutes + TAIL_MIN) * 60 // POWER_STEP_S
    would_w = town.power_w[:, first : first + count]
    begin_ms = town.start_s * 1000 + start * MS_PER_MIN
    fleet = Fleet(appliances)
    plugs = Plugs(fleet)
    plugs.hold(_windows(fleet, document))
    step, number = np.divmod(np.arange(would_w.size), len(would_w))
    time_ms = begin_ms + step * POWER_STEP_S * 1000
    used_w, _ = plugs.play(number, time_ms, would_w.T.ravel(), np.full(would_w.size, float(POWER_STEP_S)))
    return would_w, used_w.reshape(would_w.T.shape).T


def _windows(fleet: Fleet, document: dict[str, Any]) -> list[Window]:
    """When each appliance is off, by the commands of the plan."""
    holds = Holds({one.appliance: rule for one, rule in zip(fleet.appliances, fleet.rules, strict=True) if rule})
    for command in commands_of(approved(document), document):
        holds.take(command)
    plugs = (
        Plug(region=one.region, feeder=one.feeder, appliance=one.appliance, house_id=one.house_id,
             appliance_id=one.appliance_id)
        for one in fleet.appliances
    )  # fmt: skip
    return [
        Window(series, hold.start_ms, hold.end_ms, 0) for series, plug in enumerate(plugs) for hold in holds.of(plug)
    ]


def approved(document: dict[str, Any]) -> Event:
    """An event of a plan, approved in time."""
    found = content_hash(document)
    times = {name: document[name] for name in ("start_ms", "end_ms", "approve_by_ms")}
    return Event(
        event_id="event-1", state=State.APPROVED, version=1, content_hash=found, approved_hash=found,
        region=REGION, changed_ms=document["approve_by_ms"], **times,
    )  # fmt: skip


def appliances_of(town: Town, dataset: str) -> list[Appliance]:
    """The town's appliances as a replay names them."""
    return [
        Appliance(
            dataset=dataset, region=REGION, feeder=FEEDER, house_id=f"{dataset}-{house}-0",
            appliance_id=f"{dataset}-{house}-0-{place}", appliance=str(name),
        )
        for place, (house, name) in enumerate(zip(town.house.tolist(), town.appliance.tolist(), strict=True))
    ]  # fmt: skip
