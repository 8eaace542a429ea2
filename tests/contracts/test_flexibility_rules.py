"""The table of what may be done with each class, against the classes that there are."""

from __future__ import annotations

import pytest

from gridflex.contracts.appliances import appliance_classes
from gridflex.contracts.flexibility import TABLE, load_rules, parse_rules
from gridflex.contracts.profiles import load_profiles
from gridflex.domain.flexibility import NOT_ELIGIBLE, Handling
from gridflex.errors import SchemaError

HEADER = (
    "appliance,dataset,handling,max_off_min,min_on_min,rest_after_min,silent_means_offline,typical_on_w,course,circuits,"
    "shared_error,rebound_share,source"
)
GOOD = "fridge,,cycle,30,15,180,1,125,20:1 37:0,1,0.1,0.9,own"


def handling(appliance: str, dataset: str = "") -> Handling:
    rules = load_rules()
    code = rules.code(appliance, dataset)
    return Handling.NEVER if code == NOT_ELIGIBLE else rules.rows[code].handling


def test_rules__name_every_class() -> None:
    named = {appliance for appliance, _ in load_rules().codes}
    assert appliance_classes() - named == set()
    assert {row.appliance for row in load_profiles().rows} - named == {"default"}


@pytest.mark.parametrize("appliance", ["fridge", "freezer", "air_conditioning", "water_heater", "electric_heat"])
def test_rules__let_what_is_warm_or_cold_be_cycled(appliance: str) -> None:
    assert handling(appliance) is handling(appliance, "redd") is Handling.CYCLE


@pytest.mark.parametrize("appliance", ["dishwasher", "washing_machine", "washer_dryer", "dryer"])
def test_rules__let_programs_be_deferred(appliance: str) -> None:
    assert handling(appliance) is handling(appliance, "redd") is Handling.DEFER


@pytest.mark.parametrize("appliance", ["router", "medical", "lighting", "smoke_alarms", "mains", "outlets", "no such"])
def test_rules__never_touch_what_must_not_be(appliance: str) -> None:
    assert handling(appliance) is Handling.NEVER


def test_rules__allow_only_what_the_detector_can_follow_one_by_one() -> None:
    profiles = load_profiles()
    for rule in load_rules().rows:
        profile = profiles.get(rule.appliance, rule.dataset)
        assert profile.appliance == rule.appliance
        assert profile.detect
        assert not profile.aggregate


def test_rules__never_rest_within_one_typical_course() -> None:
    for rule in load_rules().rows:
        longest_min = max((minutes for minutes, power in rule.course if not power), default=0)
        assert rule.rest_after_min > longest_min, rule.appliance


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (GOOD.replace("cycle", "toggle"), "toggle"),
        (GOOD.replace("30,15", "30,"), "max_off_min and min_on_min above 0"),
        (GOOD.replace("20:1 37:0", "37:0"), "needs some on-time"),
        (GOOD.replace("20:1", "20"), "not enough values"),
        (GOOD.replace("0.9", "1.9"), "rebound_share=1.9; allowed: 0..1"),
        (GOOD.replace("own", ""), "must name its source"),
        (GOOD + "\n" + GOOD, "has two rows"),
    ],
)
def test_parse_rules__says_what_is_wrong_with_a_line(line: str, problem: str) -> None:
    with pytest.raises(SchemaError, match=rf"{TABLE}.*{problem}"):
        parse_rules(f"{HEADER}\n{line}\n")


def test_parse_rules__refuses_other_columns() -> None:
    with pytest.raises(SchemaError, match="needed: appliance, dataset, handling"):
        parse_rules("appliance,dataset\n")
