"""Plans for a day of random events: by the real planner from a small fleet, or handed in by hand, sound or not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from gridflex.contracts.programs import load_programs
from gridflex.curtailment.planning import PlanOptions
from gridflex.curtailment.solver import solve
from gridflex.domain.curtailment import (
    FlexibleGroup,
    HeldEvent,
    PlanRequest,
    content_hash,
    plan_document,
    plan_event,
    with_calls,
    with_controls,
)
from gridflex.errors import UsageError
from gridflex.events.planner import Planner
from tests.support.events import MINUTE_MS, utc
from tests.support.simulated.fleet import group

REGIONS = ("Sfax", "Tunis", "Sousse")
CLASSES = ("fridge", "freezer", "air_conditioning", "washing_machine", "water_heater")
RUNS_MIN = {
    "fridge": [[(0, 30)], [(0, 15), (30, 45)]], "freezer": [[(0, 45)], [(5, 60)]],
    "air_conditioning": [[(0, 20)], [(0, 15), (25, 40)]], "washing_machine": [[(0, 40)]], "water_heater": [[(0, 60)]],
}  # fmt: skip
"""Off-runs that each class allows, minutes from the begin."""
Plan = dict[str, Any]


def feeders(region: str) -> list[str]:
    """Of a region."""
    return [f"{region}-F{number}" for number in (1, 2)]


def fleet() -> list[FlexibleGroup]:
    """Every class on every feeder of every region."""
    return [
        group(name, feeder=feeder, region=region, appliances=40)
        for region in REGIONS
        for feeder in feeders(region)
        for name in CLASSES
    ]


class FleetPlanner(Planner):
    """The real planner, in this process, from a fleet whose flexibility is always the same."""

    def __init__(self, clock: Callable[[], float], zone: str) -> None:
        self._clock, self._zone, self._groups = clock, ZoneInfo(zone), fleet()

    def plan(self, options: PlanOptions, held: Sequence[HeldEvent]) -> Mapping[str, Any]:
        """See ``Planner``."""
        try:
            asked = PlanRequest(
                program=load_programs()[options.program], region=options.region, target_kw=options.target_kw,
                start_ms=options.start_ms, end_ms=options.end_ms, now_ms=round(self._clock() * 1000),
                seed=options.seed, zone=self._zone,
            )  # fmt: skip
        except ValueError as problem:
            raise UsageError(str(problem)) from None
        return plan_document(plan_event(with_controls(asked, held), with_calls(self._groups, held), solve))


def handed_in(random: Random, now_ms: int) -> Plan:
    """A plan made by hand that may be allowed: whom others call at that time is not looked at."""
    program = random.choice(["standard", "cooling", "emergency", "emergency"])
    notice_min = load_programs()[program].notice_min
    start_ms = (now_ms // (5 * MINUTE_MS) + random.randint(8, 48)) * 5 * MINUTE_MS
    region, control = random.choice(REGIONS), random.randrange(10)
    free = [cohort for cohort in range(10) if cohort != control]
    classes = ["air_conditioning"] if program == "cooling" else random.sample(CLASSES, random.randint(1, 2))
    groups = []
    for name in classes:
        runs = [
            {"start": utc(start_ms + a * MINUTE_MS), "end": utc(start_ms + b * MINUTE_MS)}
            for a, b in random.choice(RUNS_MIN[name])
        ]
        groups.append({
            "region": region, "feeder": random.choice(feeders(region)), "appliance": name, "off": runs,
            "cohorts": sorted(random.sample(free, random.randint(1, 3))), "mean_kw": 1.0, "appliances": 6.0,
        })  # fmt: skip
    return {
        "region": region, "program": program, "target_kw": 2.0, "seed": random.randrange(1 << 30),
        "start_ms": start_ms, "end_ms": start_ms + 60 * MINUTE_MS,
        "approve_by_ms": start_ms - round(notice_min * MINUTE_MS), "groups": groups,
        "control_group": {"cohort": control},
        "expected_kw": [{"start": utc(start_ms + 5 * MINUTE_MS * step), "p50": 2.0} for step in range(12)],
    }  # fmt: skip


def named(plan: Plan) -> Plan:
    """With the id that its content makes."""
    rest = {key: value for key, value in plan.items() if key != "id"}
    return {"id": f"plan-{content_hash(rest)[:12]}", **rest}


def _first(plan: Plan, **changes: Any) -> Plan:
    head, *rest = plan["groups"]
    return named({**plan, "groups": [{**head, **changes}, *rest]})


def _runs(plan: Plan, *runs_min: tuple[float, float]) -> list[dict[str, str]]:
    start_ms = plan["start_ms"]
    return [
        {"start": utc(start_ms + round(a * MINUTE_MS)), "end": utc(start_ms + round(b * MINUTE_MS))}
        for a, b in runs_min
    ]


FORBIDDEN: dict[str, Callable[[Plan], Plan]] = {
    "a class that is never off": lambda plan: _first(plan, appliance="medical"),
    "a class that nobody knows": lambda plan: _first(plan, appliance="toaster oven"),
    "off for too long": lambda plan: _first(plan, appliance="air_conditioning", off=_runs(plan, (0, 50))),
    "on for too short": lambda plan: _first(plan, appliance="fridge", off=_runs(plan, (0, 10), (12, 20))),
    "paused twice": lambda plan: _first(plan, appliance="washing_machine", off=_runs(plan, (0, 10), (40, 50))),
    "the control group called": lambda plan: _first(plan, cohorts=[plan["control_group"]["cohort"]]),
    "no cohort": lambda plan: _first(plan, cohorts=[10]),
    "a cohort that is true": lambda plan: _first(plan, cohorts=[True]),
    "another region's feeder": lambda plan: _first(plan, region=REGIONS[REGIONS.index(plan["region"]) - 1]),
    "off before the begin": lambda plan: _first(plan, off=_runs(plan, (-10, 10))),
    "off long after the end": lambda plan: _first(plan, off=_runs(plan, (80, 100))),
    "off backwards": lambda plan: _first(plan, off=_runs(plan, (20, 10))),
    "an unknown program": lambda plan: named({**plan, "program": "all"}),
    "an event of five hours": lambda plan: named({**plan, "end_ms": plan["start_ms"] + 300 * MINUTE_MS}),
    "no notice": lambda plan: named({**plan, "program": "standard", "approve_by_ms": plan["start_ms"]}),
    "approval after the begin": lambda plan: named({**plan, "approve_by_ms": plan["start_ms"] + 1}),
    "yesterday": lambda plan: named({
        **plan, **{key: plan[key] - 24 * 60 * MINUTE_MS for key in ("start_ms", "end_ms", "approve_by_ms")}
    }),
    "an id of another plan": lambda plan: {**plan, "id": "plan-000000000000"},
    "no number": lambda plan: {**plan, "target_kw": float("nan")},
    "a region that is a number": lambda plan: named({**plan, "region": 7}),
    "too deep": lambda plan: named({**plan, "note": [[[[[[[[[[[[[[1]]]]]]]]]]]]]]}),
}  # fmt: skip
"""What no plan may be, and how a plan becomes that."""
