"""The table of programs, against the classes that may be called."""

from __future__ import annotations

import pytest

from gridflex.contracts.flexibility import load_rules
from gridflex.contracts.programs import TABLE, load_programs, parse_programs
from gridflex.errors import SchemaError

HEADER = (
    "program,appliances,handling,events_per_week,event_h,season_h,season_months,rest_h,notice_min,hours,weekdays,"
    "feeder_share,rebound_cap,source"
)
GOOD = "summer,fridge,cycle,3,2,60,5-9,4,10,6-23,1-5,0.8,0.6,own"


def test_programs__name_only_classes_that_may_be_called() -> None:
    callable_classes = {rule.appliance: rule.handling for rule in load_rules().rows}
    for program in load_programs().values():
        assert program.appliances <= callable_classes.keys()
        assert {callable_classes[name] for name in program.appliances} <= program.handling


def test_programs__have_a_standard_one_first() -> None:
    assert next(iter(load_programs())) == "standard"
    assert load_programs()["standard"].weekdays == frozenset(range(1, 8))


def test_parse_programs__reads_ranges() -> None:
    program = parse_programs(f"{HEADER}\n{GOOD}\n")["summer"]
    assert (program.season_months, program.hours, program.weekdays) == ((5, 9), (6, 23), frozenset(range(1, 6)))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (GOOD.replace("cycle", "toggle"), "toggle"),
        (GOOD.replace("cycle", "never"), "handling="),
        (GOOD.replace("6-23", "6"), "not enough values"),
        (GOOD.replace("0.8", "1.8"), "feeder_share=1.8; allowed: above 0, at most 1"),
        (GOOD.replace("own", ""), "name its source"),
        (GOOD + "\n" + GOOD, "each name once"),
    ],
)
def test_parse_programs__says_what_is_wrong_with_a_line(line: str, problem: str) -> None:
    with pytest.raises(SchemaError, match=rf"{TABLE}.*{problem}"):
        parse_programs(f"{HEADER}\n{line}\n")


def test_parse_programs__refuses_other_columns() -> None:
    with pytest.raises(SchemaError, match="needed: program, appliances"):
        parse_programs("program,appliances\n")
