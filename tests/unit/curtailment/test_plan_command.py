from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from gridflex.adapters.druid.flexibility_query import FlexibilityQuery
from gridflex.adapters.kafka.enrolment import EnrolmentMark
from gridflex.adapters.kafka.ledger_messages import from_message, to_message
from gridflex.curtailment import planning
from gridflex.curtailment.arguments import MINUTE_MS, duration_ms, instant_ms
from gridflex.curtailment.plan_command import plan
from gridflex.curtailment.plan_report import plan_report
from gridflex.curtailment.planning import check_slices, flexible_groups
from gridflex.domain.curtailment import Action, Ledger, content_hash
from gridflex.domain.flexibility import Moments, Slice
from gridflex.errors import DataQualityError, UsageError
from tests.support.curtailment import AMIRA, BILEL, change, plan_content

START = ["--start", "2099-07-14T18:00", "--duration", "15m"]


def flexible(appliance: str, *, fresh: int = 40, region: str = "Sfax") -> Slice:
    flex_w = np.full(4, 50.0 * fresh)
    moments = Moments(flex_w=flex_w, variance_w2=flex_w, shared_w=flex_w / 10, rebound_wh=flex_w)
    return Slice(region=region, feeder=f"{region}-F01", appliance=appliance, known=fresh + 2, fresh=fresh,
                 callable=fresh, moments=moments)  # fmt: skip


@pytest.fixture
def druid(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two slices in Sfax, for whatever is asked; nothing else. Of 7 enrolments 2 are younger; no event was held."""

    def slices(self: Any) -> list[Slice]:
        here = [flexible("fridge"), flexible("freezer")]
        return here if self._names.get("region", "Sfax") == "Sfax" else []

    monkeypatch.setattr("gridflex.adapters.kafka.ledger_messages.read_lines", lambda *_: [])
    monkeypatch.setattr(FlexibilityQuery, "slices", slices)
    monkeypatch.setattr(planning, "enrolment_mark", lambda *_: EnrolmentMark(offset=7, changes=2))
    monkeypatch.setattr(FlexibilityQuery, "newest_ms", lambda _: 0)
    monkeypatch.setattr(FlexibilityQuery, "households_by_slice", lambda _: {("Sfax", "Sfax-F01", "fridge"): 33})


def run(*words: str) -> Any:
    return CliRunner().invoke(plan, [*words], catch_exceptions=True)


@pytest.mark.usefixtures("druid")
def test_plan__prints_what_scripts_rely_on() -> None:
    done = run("--region", "Sfax", "--target-kw", "1", *START, "--json")
    assert done.exit_code == 0, done.exception
    found = json.loads(done.stdout)
    assert found["id"].startswith("plan-")
    assert found["expected_kw"][0].keys() == {"start", "p10", "p50", "p90"}
    assert found["expected_kw"][0]["start"] == "2099-07-14T18:00:00Z"
    assert found["meets_target"]
    assert isinstance(found["households"], int)
    assert {"groups", "control_group", "rebound_kw", "binding"} <= found.keys()
    assert (found["basis"]["enrolment_offset"], found["basis"]["enrolment_changes"]) == (7, 2)


@pytest.mark.usefixtures("druid")
def test_plan__explains_itself_to_a_person() -> None:
    text = run("--region", "Sfax", "--target-kw", "1", *START).stdout
    assert "1.00 kW in Sfax, 2099-07-14 18:00 to 18:15 UTC, program standard, seed 0" in text
    assert "must be approved before 17:50" in text
    assert "The target is met" in text
    assert "Control group: cohort" in text
    assert "Called, by cohorts of ten" in text
    assert "no fresh data, out of reach or opted out" in text
    assert "Enrolments changed since: 2. The plan may still count on those who have just opted out." in text
    beyond = run("--region", "Sfax", "--target-kw", "1000", *START).stdout
    assert "out of reach: no plan sheds more than" in beyond
    assert "Binds: share of a feeder at once (Sfax-F01)." in beyond


@pytest.mark.usefixtures("druid")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--region", "Tunis", "--target-kw", "1", *START], "no region 'Tunis'; known: Sfax"),
        (
            ["--region", "Sfax", "--appliance", "sauna", "--target-kw", "1", *START],
            "known: freezer, fridge",
        ),
        (["--region", "Sfax", "--target-kw", "-1", *START], "target: found -1 kW"),
        (["--region", "Sfax", "--target-kw", "nan", *START], "target: found nan kW"),
        (["--region", "Sfax", "--target-kw", "1", "--seed", "-1", *START], "seed: found -1"),
        (["--region", "Sfax", "--target-kw", "1", "--program", "x", *START], "allowed: standard, cooling, emergency"),
    ],
)
def test_plan__refuses_wrong_words(words: list[str], message: str) -> None:
    problem = run(*words).exception
    assert isinstance(problem, UsageError)
    assert message in str(problem)


def test_groups__have_the_rule_of_their_class_and_no_more_households_than_appliances() -> None:
    fridge, lamp = flexible_groups([flexible("fridge"), flexible("lighting")], {("Sfax", "Sfax-F01", "fridge"): 99})
    assert fridge.rule
    assert fridge.rule.appliance == "fridge"
    assert (fridge.known, fridge.appliances, fridge.households) == (42, 40, 40)
    assert lamp.rule is None


def test_slices__without_a_fresh_minute_are_refused() -> None:
    with pytest.raises(DataQualityError, match="the newest is 7 min older"):
        check_slices([flexible("fridge", fresh=0)], None, 0, 7 * MINUTE_MS)
    with pytest.raises(DataQualityError, match="no flexibility has been computed yet"):
        check_slices([flexible("fridge", fresh=0)], None, None, 0)


@pytest.mark.parametrize("text", ["", "h", "1d", "-5", "1h30x", "PT"])
def test_duration__of_another_form_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--duration: found"):
        duration_ms("--duration", text)


def test_instant__is_utc_unless_it_says_otherwise() -> None:
    assert instant_ms("--start", "1970-01-01T00:01") == MINUTE_MS
    with pytest.raises(UsageError, match="--start: found 'soon'"):
        instant_ms("--start", "soon")


def test_report__of_nobody_says_so() -> None:
    empty = {
        "id": "plan-1", "region": "Sfax", "feeder": None, "appliance": None, "program": "standard", "seed": 0,
        "start_ms": 0, "end_ms": 300_000, "approve_by_ms": 0, "target_kw": 1.0, "meets_target": False, "most_kw": 0.0,
        "gap": 0.0, "expected_kw": [{"start": "1970-01-01T00:00:00Z", "p10": 0.0, "p50": 0.0, "p90": 0.0}],
        "groups": [], "households": 0, "minutes_off": {"mean": 0.0, "most": 0}, "left_out": [], "binding": [],
        "control_group": {"cohort": 1, "appliances": 0.0}, "rebound_kw": [{"start": "1970-01-01T00:05:00Z", "kw": 0.0}],
        "next_10_percent": {"target_kw": 0.0, "possible": False, "disruption": 0.0, "at_least": False},
    }  # fmt: skip
    text = plan_report(empty)
    assert "no plan sheds more than 0.00 kW" in text
    assert text.endswith("Nobody is called.")


@pytest.mark.usefixtures("druid")
def test_plan__rests_whom_the_ledger_says_was_called(monkeypatch: pytest.MonkeyPatch) -> None:
    start_ms = instant_ms("--start", "2099-07-14T15:00")
    group = {"region": "Sfax", "feeder": "Sfax-F01", "appliance": "fridge", "cohorts": [0, 1, 2],
             "off": [{"start": "2099-07-14T15:00:00Z", "end": "2099-07-14T15:30:00Z"}]}  # fmt: skip
    content = {**plan_content(), "start_ms": start_ms, "end_ms": start_ms + 60 * MINUTE_MS, "groups": [group],
               "control_group": {"cohort": 9}}  # fmt: skip
    about = content_hash(content)
    changes = (change(Action.DRAFT, AMIRA, content=content), change(Action.PROPOSE, AMIRA, 0.1, hash_=about),
               change(Action.APPROVE, BILEL, 0.2, hash_=about))  # fmt: skip
    ledger, lines = Ledger(), []
    for one in changes:
        ledger, record = ledger.append(one)
        lines.append(from_message(*to_message(record, ledger.events[one.event_id])))
    monkeypatch.setattr("gridflex.adapters.kafka.ledger_messages.read_lines", lambda *_: lines)
    found = json.loads(run("--region", "Sfax", "--target-kw", "1", *START, "--json").stdout)
    rested = [one for one in found["left_out"] if one["why"].startswith("rest hours")]
    assert [(one["appliance"], one["cohorts"]) for one in rested] == [("fridge", [0, 1, 2])]
    assert found["control_group"]["cohort"] != 9
    monkeypatch.setattr("gridflex.adapters.kafka.ledger_messages.read_lines", lambda *_: lines[1:])
    refused = run("--region", "Sfax", "--target-kw", "1", *START)
    assert "the ledger cannot be trusted: record 0 is dropped" in str(refused.exception)
