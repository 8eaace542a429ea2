from __future__ import annotations

import random
from typing import Any

import pytest

from gridflex.domain.curtailment import CommandResult, Responses, Result, commands_of, responses_of
from gridflex.domain.enrolment import Enrolment, Participation
from tests.support.curtailment.dispatch import MINUTE_MS, START_MS, approved, called, plan_calling, utc

FRIDGES = called("fridge", (0, 1), ((0, 30),), mean_kw=2.0, appliances=20.0)
FREEZERS = called("freezer", (2, 3), ((0, 60),), mean_kw=4.0, appliances=20.0)
PLAN = {
    **plan_calling(FRIDGES, FREEZERS),
    "expected_kw": [{"start": utc(START_MS + 5 * MINUTE_MS * step), "p10": 1.0, "p50": 8.0, "p90": 9.0}
                    for step in range(12)],
}  # fmt: skip
EVENT = approved(PLAN)
FRIDGES_OFF, FREEZERS_OFF = (commands_of(EVENT, PLAN)[place] for place in (0, 2))


def answer(result: Result, number: int, command: Any = FRIDGES_OFF, after_s: int = 0, **more: Any) -> CommandResult:
    """Of appliance ``number`` of a house of its own."""
    names = ("command_id", "event_id", "version", "region", "feeder", "appliance", "cohort")
    values = {name: getattr(command, name) for name in names} | {
        "event_time_ms": START_MS + after_s * 1000,
        "house_id": f"redd-{number}-0",
        "appliance_id": f"redd-{number}-0-1",
        "result": result,
    }
    return CommandResult(**(values | more))


def test_counts__are_of_distinct_appliances_and_the_same_in_any_order() -> None:
    answers = [
        *(answer(Result.ACCEPTED, number) for number in range(6)),
        answer(Result.OPTED_OUT, 1, after_s=60),
        answer(Result.REFUSED, 7),
        answer(Result.UNREACHABLE, 8),
        *(answer(Result.ACCEPTED, number, FREEZERS_OFF) for number in range(3)),
    ]
    shuffled = answers * 2
    random.Random(3).shuffle(shuffled)
    told = responses_of(EVENT, answers)
    assert told.groups() == responses_of(EVENT, shuffled).groups()
    fridges = told.groups()["Sfax", "SFX-F01", "fridge", 0]
    assert (fridges.answered, fridges.lost) == (8, 3)
    assert told.totals() == {
        Result.ACCEPTED: 9, Result.RESTORED: 0, Result.REFUSED: 1, Result.UNREACHABLE: 1, Result.OPTED_OUT: 1,
    }  # fmt: skip


def test_answer__that_is_told_again_or_of_another_event_is_not_new() -> None:
    told = Responses("event-1", 1)
    assert told.take(answer(Result.ACCEPTED, 1))
    assert not told.take(answer(Result.ACCEPTED, 1))
    assert not told.take(answer(Result.ACCEPTED, 2, event_id="event-2"))
    assert not told.take(answer(Result.ACCEPTED, 2, version=2))
    assert told.groups()["Sfax", "SFX-F01", "fridge", 0].answered == 1


def test_appliance_that_accepts_again__takes_part_again() -> None:
    told = responses_of(EVENT, [answer(Result.UNREACHABLE, 1), answer(Result.ACCEPTED, 1, after_s=9)])
    assert told.groups()["Sfax", "SFX-F01", "fridge", 0].lost == 0


def test_outlook__loses_the_share_of_those_who_left_while_their_group_is_off() -> None:
    told = responses_of(EVENT, [answer(Result.REFUSED, number) for number in range(5)])
    outlook = told.outlook(PLAN)
    # fridges shed 4 kW while they are off, freezers 4 kW: 5 of 20 fridges are an eighth of both
    assert [one.expected_kw for one in outlook] == pytest.approx([7.0] * 6 + [8.0] * 6)
    assert responses_of(EVENT, []).outlook(PLAN)[0].expected_kw == 8.0


def test_top_up__is_needed_below_nine_tenths_of_p50_in_an_interval_to_come() -> None:
    four = responses_of(EVENT, [answer(Result.REFUSED, number) for number in range(4)])
    assert four.top_up(PLAN, START_MS) is None
    five = responses_of(EVENT, [answer(Result.REFUSED, number) for number in range(5)])
    need = five.top_up(PLAN, START_MS)
    assert need is not None
    assert (need.short_kw, need.share) == pytest.approx((1.0, 0.125))
    assert five.top_up(PLAN, START_MS + 30 * MINUTE_MS) is None


def opted_out(*houses: str) -> Participation:
    return Participation().after((house, Enrolment(house_id=house, opted_out=True)) for house in houses)


def test_opt_out_of_a_house__counts_its_appliances_once_and_for_the_whole_event() -> None:
    told = responses_of(EVENT, [answer(Result.ACCEPTED, number) for number in range(5)])
    told.take(answer(Result.REFUSED, 7, reason="opted out"))
    assert told.follow(opted_out("redd-3", "redd-7", "redd-99"), START_MS)
    assert not told.follow(opted_out("redd-3"), START_MS)
    assert not told.follow(Participation(), START_MS)
    fridges = told.groups()["Sfax", "SFX-F01", "fridge", 0]
    assert (fridges.lost, fridges.by_result[Result.OPTED_OUT], fridges.by_result[Result.REFUSED]) == (2, 1, 1)
    assert told.outlook(PLAN)[0].expected_kw == pytest.approx(8.0 * (1 - 2 / 40))
    told.take(answer(Result.OPTED_OUT, 3, after_s=5))
    fridges = told.groups()["Sfax", "SFX-F01", "fridge", 0]
    assert (fridges.lost, fridges.by_result[Result.OPTED_OUT]) == (2, 1)
