"""The judge of random days must itself find what must never be."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.support.events import utc
from tests.support.ledger_judge import NOTHING, TO, Judge, hash_of
from tests.support.ledger_rules import HOUR_MS, MINUTE_MS

START_MS = 1_752_490_800_000  # Monday, 14 July 2025, 11:00 UTC
Step = dict[str, Any]
Rows = tuple[list[Mapping[str, Any]], list[dict[str, Any]]]


def plan(**changes: Any) -> dict[str, Any]:
    """Two cohorts of fridges for half an hour."""
    off = [{"start": utc(START_MS), "end": utc(START_MS + 30 * MINUTE_MS)}]
    group = {"region": "Sfax", "feeder": "F1", "appliance": "fridge", "cohorts": [1, 2], "off": off}
    made = {
        "region": "Sfax", "program": "standard", "target_kw": 1.0, "start_ms": START_MS, "end_ms": START_MS + HOUR_MS,
        "approve_by_ms": START_MS - 10 * MINUTE_MS, "control_group": {"cohort": 9}, "groups": [group],
    }  # fmt: skip
    own = {name: value for name, value in changes.items() if name in group}
    return made | {"groups": [group | own]} | {name: value for name, value in changes.items() if name not in group}


def life(content: Mapping[str, Any], event_id: str = "e") -> list[Step]:
    """From a draft to the end, by three of them."""
    about = hash_of(content)
    times_min = {"draft": -120, "propose": -110, "approve": -100, "schedule": -99, "start": 0, "complete": 91}
    who = {"draft": "amira", "propose": "amira", "approve": "bilel"}
    roles = {"draft": ["planner"], "propose": ["planner"], "approve": ["approver"]}
    return [
        {
            "action": action, "event_id": event_id, "at_ms": START_MS + at_min * MINUTE_MS,
            "name": who.get(action, "gridflex"), "roles": roles.get(action, ["service"]), "regions": None,
            "content": content if action == "draft" else None,
            "about": about if action in {"propose", "approve", "schedule"} else "",
        }
        for action, at_min in times_min.items()
    ]  # fmt: skip


def commands(content: Mapping[str, Any], event_id: str = "e") -> list[dict[str, Any]]:
    """What must be on the topic for one version."""
    return [
        {
            "command_id": f"{event_id}/1/{cohort}", "event_id": event_id, "version": 1, "region": "Sfax",
            "feeder": "F1", "appliance": "fridge", "cohort": cohort, "action": "off", "start_ms": START_MS,
            "end_ms": START_MS + 30 * MINUTE_MS,
        }
        for cohort in content["groups"][0]["cohorts"]
    ]  # fmt: skip


def faults(steps: list[Step], told: list[dict[str, Any]]) -> str:
    """What the judge says of a ledger of these changes."""
    judge, last = Judge(), NOTHING
    for number, step in enumerate(steps):
        record = {
            "sequence": number, "time_ms": step["at_ms"], "why": "",
            "who": {"name": step["name"], "roles": step["roles"], "regions": step["regions"]},
            "what": {"action": step["action"], "event_id": step["event_id"], "content_hash": step["about"],
                     "content": step["content"]},
            "previous_hash": last,
        }  # fmt: skip
        last = hash_of(record)
        columns = {"sequence": number, "event_id": step["event_id"], "action": step["action"], "actor": step["name"]}
        columns |= {"state": TO[step["action"]], "version": 1, "hash": last}
        judge.record(step["event_id"], columns | {"record": json.dumps(record | {"hash": last})})
    for one in told:
        judge.command(one)
    judge.finish()
    return "; ".join(judge.faults)


def test_judge__finds_nothing_in_a_sound_life() -> None:
    assert faults(life(plan()), commands(plan())) == ""


def changed(action: str, **changes: Any) -> Callable[[list[Step]], list[Step]]:
    return lambda steps: [step | changes if step["action"] == action else step for step in steps]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (changed("approve", name="amira"), "approved by its proposer"),
        (changed("approve", regions=["Tunis"]), "outside of the region"),
        (changed("approve", roles=["planner"]), "role"),
        (changed("approve", about="0" * 64), "another content"),
        (changed("approve", at_ms=START_MS - 9 * MINUTE_MS), "too late"),
        (changed("schedule", about="0" * 64), "another content"),
        (changed("schedule", at_ms=START_MS), "dispatched after its begin"),
        (changed("schedule", content=plan(target_kw=2.0)), "content"),
        (changed("start", at_ms=START_MS - 1), "too early"),
        (lambda steps: [step for step in steps if step["action"] != "approve"], "not approved in time"),
        (lambda steps: [*steps[:4], steps[3], *steps[4:]], "schedule by gridflex: state"),
    ],
)
def test_judge__finds_decisions_that_are_not_allowed(change: Callable[[list[Step]], list[Step]], found: str) -> None:
    assert found in faults(change(life(plan())), commands(plan()))


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"appliance": "medical"}, "never is not in the program"),
        ({"program": "cooling"}, "its class is not in the program"),
        ({"off": [{"start": utc(START_MS), "end": utc(START_MS + 31 * MINUTE_MS)}]}, "off for too long"),
        ({"cohorts": [1, 9]}, "a control group"),
        ({"region": "Tunis"}, "missing"),
        ({"end_ms": START_MS + 3 * HOUR_MS}, "hours per event"),
        ({"basis": {"flexibility": [{"flex_w": [0.0, 500.0]}]}, "expected_kw": [{"p50": 1.6}], "rebound_peak_kw": 0},
         "beyond the target and one group"),
        ({"basis": {"flexibility": [{"flex_w": [0.0]}]}, "expected_kw": [{"p50": 1.0}], "rebound_peak_kw": 0.7},
         "rebound"),
    ],
)  # fmt: skip
def test_judge__finds_plans_beyond_a_rule_or_a_program(changes: dict[str, Any], found: str) -> None:
    content = plan(**changes)
    assert found in faults(life(content), commands(content))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda told: told[:1], "missing"),
        (lambda told: [*told, told[0]], "twice"),
        (lambda told: [told[0], told[1] | {"cohort": 3}], "which the approved plan does not call"),
        (lambda told: [told[0], told[1] | {"end_ms": START_MS + HOUR_MS}], "missing"),
        (lambda told: [*told, told[0] | {"event_id": "other"}], "without a record that schedules it"),
        (lambda told: [*told, told[0] | {"action": "restore", "command_id": "r"}], "without a record"),
    ],
)
def test_judge__finds_commands_that_do_not_follow_from_the_ledger(change: Any, found: str) -> None:
    assert found in faults(life(plan()), change(commands(plan())))


def test_judge__finds_two_events_that_call_one_cohort_without_rest() -> None:
    first, second = plan(), plan(target_kw=1.5, cohorts=[2, 3])
    both = life(first)[:4] + life(second, "f")[:4]
    assert "fridge/2: not enough rest" in faults(both, commands(first) + commands(second, "f"))
