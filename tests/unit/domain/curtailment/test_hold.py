from __future__ import annotations

from dataclasses import replace

import pytest

from gridflex.domain.curtailment import SPREAD_MS, Command, CommandAction, Holds, commands_of
from tests.support.curtailment.dispatch import (
    MINUTE_MS,
    START_MS,
    approved,
    called,
    plan_calling,
    plug,
    rules_by_class,
)


def commands(*off_min: tuple[int, int], appliance: str = "fridge", event_id: str = "event-1") -> list[Command]:
    """Commands to cohort 0 with their offsets as drawn."""
    content = plan_calling(called(appliance, (0,), off_min))
    return [replace(one, event_id=event_id, command_id=event_id + one.command_id)
            for one in commands_of(approved(content), content)]  # fmt: skip


@pytest.fixture
def holds() -> Holds:
    return Holds(rules_by_class())


def test_off_run__keeps_its_length_in_every_appliance(holds: Holds) -> None:
    for command in commands((0, 30), (45, 60)):
        holds.take(command)
    for number in range(20):
        first, second = holds.of(plug(number=number))
        assert 0 <= first.start_ms - START_MS < SPREAD_MS
        assert (first.end_ms - first.start_ms, second.end_ms - second.start_ms) == (30 * MINUTE_MS, 15 * MINUTE_MS)
        assert second.start_ms - first.end_ms == 15 * MINUTE_MS


def test_class_without_a_rule__is_never_off(holds: Holds) -> None:
    for command in commands((0, 30), appliance="medical"):
        holds.take(command)
    assert holds.commands_for(plug(appliance="medical"))
    assert not holds.of(plug(appliance="medical"))


def test_two_events__do_not_keep_an_appliance_off_for_longer_than_its_rule(holds: Holds) -> None:
    for command in (*commands((0, 30)), *commands((25, 55), event_id="event-2")):
        holds.take(command)
    first, second = holds.of(plug())
    assert first.end_ms - first.start_ms == 30 * MINUTE_MS
    assert second.start_ms - first.end_ms == 15 * MINUTE_MS
    assert second.command.event_id == "event-2"


def test_refused_command__holds_only_the_others(holds: Holds) -> None:
    first, second = commands((0, 30), (45, 60))
    holds.take(first)
    holds.take(second)
    holds.refuse(first.command_id, plug().appliance_id)
    assert [one.command for one in holds.of(plug())] == [second]
    assert [one.command for one in holds.of(plug(number=2))] == [first, second]


def test_opt_out_of_a_house__ends_what_was_commanded_before_it_and_nothing_later(holds: Holds) -> None:
    (early,) = commands((0, 30))
    (late,) = commands((50, 60), event_id="event-2")
    late = replace(late, event_time_ms=START_MS + 40 * MINUTE_MS)
    holds.take(early)
    holds.take(late)
    holds.opt_out(plug().house_id, START_MS + 10 * MINUTE_MS)
    first, second = holds.of(plug())
    assert first.end_ms == START_MS + 10 * MINUTE_MS
    assert second.command == late


def test_amendment__restores_its_own_version_and_not_the_next(holds: Holds) -> None:
    (first,) = commands((0, 30))
    restore = replace(first, command_id="r", action=CommandAction.RESTORE, start_ms=START_MS - MINUTE_MS)
    second = replace(first, command_id="event-1/2/0", version=2)
    for command in (first, restore, second):
        holds.take(command)
    assert [one.command for one in holds.of(plug())] == [second]


def test_past_commands__can_be_forgotten(holds: Holds) -> None:
    first, second = commands((0, 30), (45, 60))
    holds.take(first)
    holds.take(second)
    holds.forget(START_MS + 40 * MINUTE_MS)
    assert holds.commands_for(plug()) == [second]
    assert [one.command for one in holds.of(plug())] == [second]
