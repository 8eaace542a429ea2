from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridflex.contracts.programs import load_programs
from gridflex.curtailment.plan_report import plan_report
from gridflex.curtailment.solver import solve
from gridflex.domain.curtailment import (
    COHORTS,
    Action,
    Call,
    Change,
    FlexibleGroup,
    Ledger,
    LinearProgram,
    LinearSolution,
    PlanRequest,
    Record,
    Solution,
    canonical_json,
    content_hash,
    plan_document,
    plan_event,
    verify,
)
from gridflex.domain.flexibility import Handling
from gridflex.errors import LimitError
from tests.support.curtailment import AMIRA
from tests.support.curtailment.brute_force import brute_force
from tests.support.examples import examples
from tests.support.simulated.fleet import (
    CLASSES,
    JUST_CALLED,
    MINUTE_MS,
    NOW_MS,
    fleet,
    group,
    request,
    resting,
    rule_of,
)

STANDARD = load_programs()["standard"]
FREE = replace(STANDARD, feeder_share=1.0, rebound_cap=5.0)
"""Hardly a limit, so that small fleets can meet targets."""


def rough(program: LinearProgram, *, whole_nodes: int = 0) -> LinearSolution:
    """HiGHS that gives fractions when it is asked for whole numbers: what limits must withstand, and fast."""
    return solve(program)


def plan(asked: PlanRequest, groups: list[FlexibleGroup], solver: Any = rough) -> tuple[Solution, dict[str, Any]]:
    solution = plan_event(asked, groups, solver)
    return solution, plan_document(solution)


def test_plan__is_the_brute_force_optimum_of_a_small_case() -> None:
    groups = [resting("fridge", "F1", 3, appliances=80), resting("dishwasher", "F1", 3, appliances=120)]
    solution = plan_event(request(0.5, minutes=10, program=FREE), groups, solve)
    best = brute_force(solution.problem)
    assert best - 1e-6 <= solution.objective <= best * 1.001
    assert solution.bound <= best + 1e-6


FLEETS = st.lists(
    st.tuples(
        st.sampled_from(CLASSES),
        st.sampled_from(["F1", "F2"]),
        st.integers(5, 400),
        st.sets(st.integers(0, COHORTS - 1), max_size=9),
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda one: one[:2],
)


@settings(max_examples=examples(30))
@given(
    FLEETS, st.floats(0.1, 2.0), st.sampled_from([10, 20, 60]), st.integers(0, 99), st.floats(0.2, 1), st.floats(0, 1)
)
def test_plan__never_breaks_a_limit(
    drawn: list, share: float, minutes: int, seed: int, feeder_share: float, rebound_cap: float
) -> None:
    groups = [group(name, feeder=feeder, appliances=count, calls=dict.fromkeys(called, JUST_CALLED))
              for name, feeder, count, called in drawn]  # fmt: skip
    program = replace(STANDARD, feeder_share=feeder_share, rebound_cap=rebound_cap)
    usual_kw = {one.feeder: 0.0 for one in groups}
    for one in groups:
        usual_kw[one.feeder] += float(one.moments.flex_w[1]) / 1000
    asked = request(share * max(usual_kw.values()), minutes=minutes, seed=seed, program=program)
    solution, document = plan(asked, groups)
    check_calls(asked, groups, document)
    shed_kw, problem = solution.shed_kw, solution.problem
    largest_kw = max((float(one.shed_w.max()) for one in solution.found.candidates), default=0.0) / 1000
    assert shed_kw[: asked.steps].max() <= asked.target_kw + largest_kw + 1e-6
    assert -shed_kw[asked.steps :].min() <= asked.target_kw * rebound_cap + 1e-6
    own = problem.feeder[problem.group]
    for place, feeder in enumerate(solution.found.feeders):
        counts = solution.counts * (own == place)
        assert (counts @ problem.off_kw).max(initial=0) <= feeder_share * solution.found.feeder_kw[place] + 1e-6, feeder
        rebound_kw = -(counts @ problem.shed_kw)[asked.steps :]
        assert rebound_kw.max(initial=0) <= rebound_cap * solution.found.feeder_kw[place] + 1e-6


def check_calls(asked: PlanRequest, groups: list[FlexibleGroup], document: dict[str, Any]) -> None:
    """Off-runs within the rule, no cohort twice, none that rests, not the control group: from the document."""
    by_name = {(one.feeder, one.appliance): one for one in groups}
    called: dict[tuple[str, str], list[int]] = defaultdict(list)
    for call in document["groups"]:
        name = (call["feeder"], call["appliance"])
        called[name] += call["cohorts"]
        runs = [tuple(_minute(asked, run[end]) for end in ("start", "end")) for run in call["off"]]
        rule = by_name[name].rule
        assert rule
        assert all(0 <= start < end <= asked.steps * 5 + 30 for start, end in runs)
        if rule.handling is Handling.CYCLE:
            assert all(end - start <= rule.max_off_min for start, end in runs)
            assert all(after[0] - before[1] >= rule.min_on_min for before, after in pairwise(runs))
        else:
            assert len(runs) == 1
    for name, cohorts in called.items():
        assert len(cohorts) == len(set(cohorts))
        assert document["control_group"]["cohort"] not in cohorts
        assert not set(cohorts) & set(by_name[name].calls)


def _minute(asked: PlanRequest, text: str) -> float:
    return (datetime.fromisoformat(text).timestamp() * 1000 - asked.start_ms) / MINUTE_MS


def test_plan__meets_the_target() -> None:
    asked = request(8, minutes=20, program=FREE)
    solution, document = plan(asked, fleet(4, 200, 3))
    assert document["meets_target"]
    assert solution.feasible
    assert len(document["expected_kw"]) == 4
    for step in document["expected_kw"]:
        assert step["p10"] <= step["p50"] <= step["p90"]
        assert step["p50"] >= 8 - 1e-5
    assert [step["p50"] for step in document["expected_kw"]] == pytest.approx(solution.shed_kw[:4].tolist(), abs=1e-5)
    assert document["most_kw"] is None
    assert document["next_10_percent"]["disruption"] > 0
    assert 0 <= document["gap"] < 1
    assert document["approve_by_ms"] == asked.start_ms - 10 * MINUTE_MS


def test_plan__of_many_small_groups_reaches_its_target_once_the_appliances_follow() -> None:
    groups = [group("fridge", feeder=f"F{place:02}") for place in range(60)]
    target_kw = 0.6 * sum(float(one.moments.flex_w[2]) for one in groups) / 1000
    solution, document = plan(request(target_kw, minutes=15, program=FREE), groups)
    first_kw, *later_kw = (step["p50"] for step in document["expected_kw"])
    assert target_kw * 0.95 - 1e-5 <= first_kw < target_kw
    assert target_kw - 1e-5 <= min(later_kw) <= max(later_kw) <= target_kw + solution.problem.over_kw + 1e-5
    assert (document["meets_target"], document["most_kw"]) == (False, None)
    assert {"limit": "one group beyond the target", "where": "Sfax"} in document["binding"]
    assert document["next_10_percent"]["possible"]
    assert f"from the second interval on. In the first, {first_kw:,.2f} kW are shed" in plan_report(document)


@pytest.mark.parametrize("share", [0.9, 2.0])
def test_plan__of_more_than_there_is_stays_within_one_group_of_what_there_is(share: float) -> None:
    groups = [group("fridge", feeder=f"F{place:02}") for place in range(60)]
    usual_kw = sum(float(one.moments.flex_w[2]) for one in groups) / 1000
    solution, document = plan(request(share * usual_kw, minutes=15, program=FREE), groups)
    most_kw = min(share * usual_kw, document["most_kw"] or usual_kw)
    assert max(step["p50"] for step in document["expected_kw"]) <= most_kw + solution.problem.over_kw + 1e-5
    assert document["binding"]


def test_plan__is_the_same_bit_for_bit_and_does_not_depend_on_the_order_of_groups() -> None:
    groups = fleet(3, 150, 5)
    first, second = (canonical_json(plan(request(5, minutes=15), one)[1]) for one in (groups, groups[::-1]))
    assert first == second
    other = plan(request(5, minutes=15, seed=2), groups)[1]
    assert other["id"] != plan(request(5, minutes=15), groups)[1]["id"]


def test_plan__is_the_content_of_an_event() -> None:
    asked = request(5, minutes=15)
    document = plan(asked, fleet(3, 150, 5))[1]
    draft = Change(action=Action.DRAFT, event_id="e", actor=AMIRA, time_ms=asked.now_ms, content=document)
    ledger, record = Ledger().append(draft)
    event = ledger.events["e"]
    assert event.content_hash == content_hash(document)
    assert (event.region, event.start_ms, event.end_ms) == ("Sfax", asked.start_ms, asked.end_ms)
    assert verify([Record.of(json.loads(record.to_json()))]) is None


def test_plan__of_more_than_there_is_says_how_much_there_is_and_what_binds() -> None:
    groups = [group("fridge", feeder="F1"), group("freezer", feeder="F1")]
    solution, document = plan(request(1000, minutes=15, program=FREE), groups)
    usual_kw = sum(float(one.moments.flex_w[2]) for one in groups) / 1000
    assert not document["meets_target"]
    assert 0 < document["most_kw"] <= 0.9 * usual_kw + 1e-6
    assert {"limit": "available appliances", "where": "F1"} in document["binding"]
    assert document["next_10_percent"] == {"target_kw": pytest.approx(solution.problem.target_kw * 1.1, abs=1e-5),
                                           "possible": False, "disruption": 0, "at_least": False}  # fmt: skip


@pytest.mark.parametrize(
    ("program", "limit"),
    [
        (replace(FREE, rebound_cap=0.05), "rebound cap"),
        (replace(FREE, feeder_share=0.1), "share of a feeder at once"),
    ],
)
def test_plan__names_the_limit_of_the_program_that_binds(program: Any, limit: str) -> None:
    document = plan(request(1000, minutes=30, program=program), fleet(6, 300, 2, per_feeder=3))[1]
    assert limit in {one["limit"] for one in document["binding"]}


def test_plan__says_who_is_left_out_and_why() -> None:
    groups = [
        resting("fridge", "F1", 5),
        replace(group("freezer", feeder="F1"), known=140),
        group("lighting", feeder="F1"),
        replace(group("dryer", feeder="F1"), appliances=0, known=3),
        group("air_conditioning", feeder="F1", mean_w=0),
    ]
    _, document = plan(request(2, minutes=15, program=FREE), groups)
    reasons = defaultdict(set)
    for one in document["left_out"]:
        reasons[one["appliance"]].add(one["why"])
    assert "control group" in reasons["fridge"]
    assert any(why.startswith("rest hours: found 1 h") for why in reasons["fridge"])
    assert "no fresh data, out of reach or opted out" in reasons["freezer"] & reasons["dryer"]
    assert reasons["lighting"] == {"what its class allows is not part of the program"}
    assert reasons["air_conditioning"] == {"nothing to shed now"}
    silent = next(
        one for one in document["left_out"] if one["why"].startswith("no fresh") and one["appliance"] == "freezer"
    )
    assert silent["appliances"] == 40


def test_plan__prefers_cohorts_that_were_not_called_lately() -> None:
    day_ms = 24 * 60 * MINUTE_MS
    held = [Call(start_ms=NOW_MS - day_ms, end_ms=NOW_MS - day_ms + 15 * MINUTE_MS)]
    groups = [
        group("fridge", feeder="F1", calls=dict.fromkeys(range(COHORTS), held)),
        group("fridge", feeder="F2"),
        group("fridge", feeder="F3", calls=dict.fromkeys(range(5), held)),
    ]
    _, document = plan(request(2.5, minutes=15, program=FREE), groups, solve)
    assert {call["feeder"] for call in document["groups"]} <= {"F2", "F3"}
    cohorts = [cohort for call in document["groups"] if call["feeder"] == "F3" for cohort in call["cohorts"]]
    assert len([cohort for cohort in cohorts if cohort < 5]) in {0, len(cohorts) - 4, len(cohorts) - 5}


def test_plan__of_one_class_leaves_the_others_alone() -> None:
    groups = [group(name, feeder="F1") for name in ("fridge", "freezer", "air_conditioning")]
    _, document = plan(request(1, minutes=15, appliance="freezer", program=FREE), groups)
    assert {call["appliance"] for call in document["groups"]} == {"freezer"}
    assert {one["appliance"] for one in document["left_out"]} == {"freezer"}


def test_plan__of_nobody_is_a_plan_too() -> None:
    for groups in ([], [replace(group("fridge"), appliances=0, known=5)]):
        _, document = plan(request(1), groups)
        assert document["groups"] == []
        assert document["most_kw"] == 0
        assert document["binding"] == [{"limit": "available appliances", "where": "Sfax"}]
        assert {step["p90"] for step in document["expected_kw"]} == {0}


def test_plan__is_refused_when_the_program_does_not_allow_the_event() -> None:
    with pytest.raises(
        LimitError, match="'standard' does not allow this: hours per event: found 3 h; allowed: at most 2"
    ):
        plan(request(1, minutes=180), [group("fridge")])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"target_kw": 0}, "target: found 0 kW"),
        ({"target_kw": float("nan")}, "target: found nan kW"),
        ({"end_ms": NOW_MS + 123 * MINUTE_MS}, "duration: found 3 min; allowed: 5, 10"),
        (
            {"start_ms": NOW_MS - 60 * MINUTE_MS},
            "start: found 2025-07-14 09:00 UTC; allowed: later than now, 2025-07-14 10:00 UTC",
        ),
        ({"seed": -1}, "seed: found -1"),
    ],
)
def test_request__says_what_is_wrong_with_it(changed: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(request(1), **changed)


def test_households__are_counted_once_for_all_classes_of_a_cohort() -> None:
    assert rule_of("fridge")
    groups = [group("fridge", feeder="F1"), group("freezer", feeder="F1")]
    _, document = plan(request(1000, minutes=15, program=FREE), groups)
    assert 0 < document["households"] <= 200
    assert document["households"] == sum(document["households_by_feeder"].values())
    assert document["minutes_off"]["most"] <= 60
