from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from gridflex.domain.curtailment import Program, check_admission, content_hash
from gridflex.domain.flexibility import Handling, Rule
from gridflex.errors import DispatchError, LimitError
from tests.support.curtailment import HOUR_MS, NOW_MS

PROGRAM = Program(
    name="p", appliances=frozenset({"fridge"}), handling=frozenset({Handling.CYCLE}), events_per_week=2, event_h=2,
    season_h=9, rest_h=4, notice_min=10,
)  # fmt: skip
RULES = {
    name: Rule(
        appliance=name, handling=Handling.CYCLE, max_off_min=30, min_on_min=15, typical_on_w=90, course=((9, 1),)
    )
    for name in ("fridge", "freezer")
}


def plan(after_h: float = 2, cohorts: tuple[int, ...] = (1, 2), **more: Any) -> dict[str, Any]:
    start_ms = NOW_MS + round(after_h * HOUR_MS)
    return {
        "region": "Sfax",
        "start_ms": start_ms,
        "end_ms": start_ms + HOUR_MS,
        "approve_by_ms": start_ms - 600_000,
        "groups": [group(start_ms, cohorts)],
        "control_group": {"cohort": 0},
    } | more


def group(start_ms: int, cohorts: tuple[int, ...], appliance: str = "fridge", minutes: int = 30) -> dict[str, Any]:
    edges = [datetime.fromtimestamp((start_ms + at) / 1000, UTC).isoformat() for at in (0, minutes * 60_000)]
    return {"region": "Sfax", "feeder": "F1", "appliance": appliance, "cohorts": list(cohorts),
            "off": [{"start": edges[0], "end": edges[1]}]}  # fmt: skip


def admit(content: dict[str, Any]) -> None:
    check_admission(content, program=PROGRAM, rules=RULES, now_ms=NOW_MS)


def test_admission__of_a_plan_that_keeps_everything() -> None:
    content = plan()
    admit(content)
    admit({"id": f"plan-{content_hash(content)[:12]}", **content})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (plan(id="plan-000000000000"), "it was changed after it was planned"),
        (plan(after_h=-1), "now before approve_by_ms"),
        (plan(approve_by_ms=NOW_MS + 2 * HOUR_MS), "approve_by_ms: found .*notice time"),
        (plan(end_ms=NOW_MS + 5 * HOUR_MS), "hours per event: found 3 h; allowed: at most 2 h"),
        (plan(feeder="F2"), "the plan is for feeder 'F2' alone"),
        (plan(groups=[group(NOW_MS + 2 * HOUR_MS, (1,), "freezer")]), "its class is not part of program 'p'"),
        (plan(groups=[group(NOW_MS + 2 * HOUR_MS, (1,), "oven")]), "what its class allows is not part"),
    ],
)
def test_admission__names_what_the_program_forbids(content: dict[str, Any], message: str) -> None:
    with pytest.raises(LimitError, match=message):
        admit(content)


def test_admission__holds_the_rule_of_a_class() -> None:
    with pytest.raises(DispatchError, match="is off for 35 min; allowed: 30 min"):
        admit(plan(groups=[group(NOW_MS + 2 * HOUR_MS, (1,), minutes=35)]))
