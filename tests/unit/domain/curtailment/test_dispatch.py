from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridflex.domain.curtailment import (
    COHORTS,
    SPREAD_MS,
    CommandAction,
    Holds,
    called_groups,
    check_rules,
    commands_of,
    restores_of,
)
from gridflex.domain.flexibility import Handling
from gridflex.errors import DispatchError
from tests.support.curtailment.dispatch import (
    CONTROL,
    MINUTE_MS,
    START_MS,
    approved,
    called,
    plan_calling,
    plug,
    rules_by_class,
)
from tests.support.examples import examples

CONTENT = plan_calling(called(cohorts=(0, 1)), called("dishwasher", (4,), ((20, 60),)))
EVENT = approved(CONTENT)
END_MS = START_MS + 60 * MINUTE_MS


def test_commands__are_one_for_each_cohort_and_off_run() -> None:
    commands = commands_of(EVENT, CONTENT)
    assert [(one.command_id, one.key, (one.start_ms - START_MS) // MINUTE_MS) for one in commands] == [
        ("event-1/1/0", "Sfax|SFX-F01|fridge|0", 0),
        ("event-1/1/1", "Sfax|SFX-F01|fridge|0", 45),
        ("event-1/1/2", "Sfax|SFX-F01|fridge|1", 0),
        ("event-1/1/3", "Sfax|SFX-F01|fridge|1", 45),
        ("event-1/1/4", "Sfax|SFX-F01|dishwasher|4", 20),
    ]
    assert commands == commands_of(EVENT, CONTENT)


def test_commands__are_not_made_of_content_that_was_not_approved() -> None:
    with pytest.raises(DispatchError, match="approved: "):
        commands_of(EVENT, {**CONTENT, "target_kw": 101.0})
    with pytest.raises(DispatchError, match="approved: none"):
        commands_of(replace(EVENT, approved_hash=""), CONTENT)


@pytest.mark.parametrize(
    ("group", "message"),
    [
        (called(cohorts=(CONTROL,)), "control group"),
        (called(cohorts=(COHORTS,)), "found cohort 10; allowed: 0..9"),
        (called(cohorts=(True,)), "found cohort True"),
        (called(cohorts=()), "no cohort"),
        (called(cohorts=(0, 0)), "called twice"),
        (called(off_min=()), "no time off"),
        (called(off_min=((-5, 10),)), "found off-runs"),
        (called(off_min=((0, 91),)), "found off-runs"),
        (called(off_min=((10, 10),)), "found off-runs"),
        (called(off_min=((20, 30), (0, 10))), "found off-runs"),
        (called(region="Tunis"), "found region 'Tunis'; allowed: 'Sfax'"),
        (called(off=[{"start": "yesterday", "end": "today"}]), "cannot be read"),
        (called(off="x"), "cannot be read"),
        (called(feeder=None), "cannot be read"),
        ("fridge", "cannot be read"),
        (None, "cannot be read"),
    ],
)
def test_commands__are_not_made_of_what_is_no_plan(group: Any, message: str) -> None:
    content = plan_calling(group)
    with pytest.raises(DispatchError, match=message):
        commands_of(approved(content), content)


@pytest.mark.parametrize(
    ("group", "message"),
    [
        (called(off_min=((0, 35),)), "off for 35 min; allowed: 30 min"),
        (called(off_min=((0, 30), (40, 60))), "on again for 10 min; allowed: at least 15 min"),
        (called("dishwasher", off_min=((0, 10), (30, 40))), "paused 2 times"),
        (called("medical"), "must not be called"),
        (called("sauna"), "must not be called"),
    ],
)
def test_rules__name_the_group_that_its_class_does_not_allow(group: Any, message: str) -> None:
    with pytest.raises(DispatchError, match=message):
        check_rules(called_groups(plan_calling(group)), rules_by_class())
    check_rules(called_groups(CONTENT), rules_by_class())


def test_restores__are_for_cohorts_that_are_off_or_still_to_go_off() -> None:
    early = restores_of(EVENT, CONTENT, START_MS - MINUTE_MS)
    assert [one.key for one in early] == [f"Sfax|SFX-F01|{key}" for key in ("fridge|0", "fridge|1", "dishwasher|4")]
    assert {one.action for one in early} == {CommandAction.RESTORE}
    assert not {one.command_id for one in early} & {one.command_id for one in commands_of(EVENT, CONTENT)}
    assert not restores_of(EVENT, CONTENT, END_MS + SPREAD_MS)
    assert restores_of(EVENT, CONTENT, END_MS + SPREAD_MS - 1)


def test_appliances__begin_at_times_of_their_own_spread_evenly() -> None:
    (command,) = [one for one in commands_of(EVENT, CONTENT) if one.command_id == "event-1/1/0"]
    starts_ms = sorted(command.own_run_ms(f"redd-{house}-0-1")[0] - START_MS for house in range(600))
    assert starts_ms[0] >= 0
    assert starts_ms[-1] < SPREAD_MS
    assert abs(starts_ms[300] - SPREAD_MS / 2) < SPREAD_MS / 10


CYCLED = tuple(name for name, rule in rules_by_class().items() if rule.handling is Handling.CYCLE)
minutes = st.integers(0, 90)
runs = st.lists(minutes, min_size=2, max_size=8, unique=True).map(
    lambda edges: tuple(zip(sorted(edges)[::2], sorted(edges)[1::2], strict=False))
)
groups = st.builds(called, st.sampled_from(CYCLED), st.sets(st.integers(0, COHORTS - 2), min_size=1).map(sorted), runs)


@settings(max_examples=examples(150), deadline=None)
@given(group=groups, restore_min=minutes, opt_out_min=minutes, order=st.randoms(use_true_random=False))
def test_appliance__is_never_off_beyond_its_rule_its_times_a_restore_or_an_opt_out(
    group: dict[str, Any], restore_min: int, opt_out_min: int, order: Any
) -> None:
    content = plan_calling(group)
    event = approved(content)
    restore_ms, opt_out_ms = START_MS + restore_min * MINUTE_MS, START_MS + opt_out_min * MINUTE_MS
    one, other = (plug(group["cohorts"][0], group["appliance"], number) for number in (1, 2))
    rule = rules_by_class()[group["appliance"]]
    deeds: list[Callable[[Holds], None]] = [
        *(lambda holds, command=command: holds.take(command) for command in commands_of(event, content)),
        *(lambda holds, command=command: holds.take(command) for command in restores_of(event, content, restore_ms)),
        lambda holds: holds.opt_out(other.appliance_id, opt_out_ms),
    ]
    in_order, shuffled, twice = (Holds(rules_by_class()) for _ in range(3))
    for deed in deeds:
        deed(in_order)
        deed(twice)
        deed(twice)
    order.shuffle(deeds)
    for deed in deeds:
        deed(shuffled)
    for appliance in (one, other):
        held = in_order.of(appliance)
        assert held == shuffled.of(appliance) == twice.of(appliance)
        for hold in held:
            assert hold.command.start_ms <= hold.start_ms < hold.end_ms <= hold.command.end_ms + SPREAD_MS
            assert hold.start_ms < restore_ms
            assert hold.end_ms < restore_ms + SPREAD_MS
            assert hold.end_ms - hold.start_ms <= rule.max_off_min * MINUTE_MS
            assert in_order.at(appliance, hold.start_ms) == hold.command
            assert in_order.at(appliance, hold.end_ms) is None
        for before, after in pairwise(held):
            assert after.start_ms - before.end_ms >= rule.min_on_min * MINUTE_MS
    assert all(hold.end_ms <= opt_out_ms for hold in in_order.of(other))
    for cohort in set(range(COHORTS)) - set(group["cohorts"]):
        assert not in_order.of(plug(cohort, group["appliance"]))
