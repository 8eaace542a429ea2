"""How houses answer commands, opt-outs and restores."""

from __future__ import annotations

import numpy as np
import pytest

from gridflex.domain.curtailment import CommandAction, cohort_of
from gridflex.domain.enrolment import Enrolment, Participation
from ingestion.responding.behaviour import Behaviour
from tests.support.responding import HOUSE, MIN_MS, START_MS, Run, appliances, command, instants


def said(*rows: Enrolment) -> Participation:
    return Participation().after((row.key, row) for row in rows)


def flat(run: Run, minutes: float, power_w: float = 100.0) -> np.ndarray:  # type: ignore[type-arg]
    return run.play(np.full((instants(minutes), len(run.fleet)), power_w))


def test_command__is_accepted_after_the_latency_and_restored_at_its_end() -> None:
    run = Run("fridge", behaviour=Behaviour(latency_s=20)).take(command("fridge", 5, 20))
    flat(run, 30)
    assert run.results() == [("fridge", "accepted"), ("fridge", "restored")]
    assert START_MS + 10_000 <= run.answers[0].time_ms <= START_MS + 30_000
    assert run.answers[1].time_ms == START_MS + 20 * MIN_MS


def test_command__that_arrives_late_holds_from_then_on() -> None:
    run = Run("fridge")
    flat(run, 10)
    run.take(command("fridge", 0, 20))
    used_w = flat(run, 20)
    assert (used_w[: instants(10) - 1] == 0).all()
    assert run.answers[0].time_ms == START_MS + 10 * MIN_MS


def test_command__twice_changes_nothing() -> None:
    run = Run("fridge").take(command("fridge", 5, 20))
    flat(run, 10)
    run.take(command("fridge", 5, 20))
    flat(run, 20)
    assert run.results() == [("fridge", "accepted"), ("fridge", "restored")]


def test_command__to_others_changes_nothing() -> None:
    other = (cohort_of(HOUSE) + 1) % 10
    run = Run("fridge").take(command("fridge", 5, 20, cohort=other), command("freezer", 5, 20),
                             command("fridge", 5, 20, command_id="b", feeder="SFA-F02"))  # fmt: skip
    assert (flat(run, 30) == 100).all()
    assert run.answers == []
    assert run.houses.idle


def test_command__to_a_class_that_is_never_switched_is_refused() -> None:
    run = Run("kettle").take(command("kettle", 5, 20))
    assert (flat(run, 30, 2000.0) == 2000).all()
    assert [(one.result, one.reason) for one in run.answers] == [
        ("refused", "appliances of class kettle are never switched off")
    ]


def test_command__that_is_over_is_not_answered() -> None:
    run = Run("fridge")
    flat(run, 30)
    run.take(command("fridge", 5, 20))
    flat(run, 10)
    assert run.answers == []
    assert run.houses.idle


@pytest.mark.parametrize(
    ("row", "result", "reason"),
    [
        (Enrolment(house_id=HOUSE, opted_out=True), "refused", "opted out"),
        (Enrolment(house_id="redd-1", opted_out=True), "refused", "opted out"),
        (Enrolment(appliance_id=f"{HOUSE}-0", house_id=HOUSE, enrolled=False), "refused", "not enrolled"),
        (Enrolment(house_id=HOUSE, reachable=False), "unreachable", "enrolled as out of reach"),
    ],
)
def test_command__to_who_does_not_take_part_is_refused(row: Enrolment, result: str, reason: str) -> None:
    run = Run("fridge").take(command("fridge", 5, 20), participation=said(row))
    assert (flat(run, 30) == 100).all()
    assert [(one.result, one.reason) for one in run.answers] == [(result, reason)]


def test_opt_out__that_is_over_does_not_count() -> None:
    past = Enrolment(house_id=HOUSE, opted_out=True, until_ms=START_MS)
    run = Run("fridge").take(command("fridge", 5, 20), participation=said(past))
    flat(run, 30)
    assert run.results() == [("fridge", "accepted"), ("fridge", "restored")]


def test_opt_out__during_an_event_is_honoured_at_once() -> None:
    run = Run("fridge", "freezer").take(command("fridge", 5, 30), command("freezer", 5, 30), command("fridge", 45, 60))
    flat(run, 10)
    out = Enrolment(appliance_id=f"{HOUSE}-0", house_id=HOUSE, opted_out=True, event_time_ms=run.clock_ms - 300)
    run.houses.follow(said(out), run.clock_ms)
    used_w = flat(run, 60)
    assert (used_w[:, 0] == 100).all()
    assert (used_w[: instants(20) - 1, 1] == 0).all()
    own = [one for one in run.answers if one.series == 0]
    assert [one.result for one in own] == ["accepted", "accepted", "opted_out", "restored", "opted_out", "restored"]
    assert [one.time_ms for one in own[2:]] == [START_MS + 10 * MIN_MS] * 4
    assert [one.result for one in run.answers if one.series == 1] == ["accepted", "restored"]


def test_restore__ends_an_event_at_once_and_for_good() -> None:
    run = Run("fridge").take(command("fridge", 5, 30), command("fridge", 45, 70))
    flat(run, 10)
    restore = command("fridge", 10, 70, command_id="restore", action=CommandAction.RESTORE,
                      event_time_ms=run.clock_ms, start_spread_ms=20_000)  # fmt: skip
    run.take(restore)
    used_w = flat(run, 70)
    assert (used_w[2:] == 100).all()
    assert run.results() == [("fridge", "accepted")] * 2 + [("fridge", "restored")] * 2
    assert all(one.time_ms <= START_MS + 10 * MIN_MS + 20_000 for one in run.answers)
    assert run.answers[-1].reason == "taken back"


def test_restore__of_one_event_leaves_the_other_alone() -> None:
    run = Run("fridge", "freezer").take(command("fridge", 5, 30), command("freezer", 5, 30, event_id="f"))
    flat(run, 10)
    for name in ("fridge", "freezer"):
        run.take(command(name, 10, 30, command_id=f"{name}-restore", action=CommandAction.RESTORE))
    used_w = flat(run, 10)
    assert (used_w[1:, 0] == 100).all()
    assert (used_w[:, 1] == 0).all()


def test_shares__are_drawn_by_house_and_event_and_by_the_seed() -> None:
    fleet = [one for number in range(300) for one in appliances("fridge", house=f"redd-{number}-0")]

    def outcome(seed: int, event: str) -> dict[str, list[str]]:
        behaviour = Behaviour(latency_s=1, unreachable_share=0.2, refusal_share=0.2, opt_out_share=0.3, seed=seed)
        run = Run(behaviour=behaviour, fleet=fleet, rows=60)
        run.take(*[command("fridge", 5, 20, cohort=cohort, command_id=f"{event}/{cohort}", event_id=event)
                   for cohort in range(10)])  # fmt: skip
        run.play(np.full((instants(21), len(fleet)), 100.0))
        answers: dict[str, list[str]] = {}
        for one in run.answers:
            answers.setdefault(fleet[one.series].house_id, []).append(one.result)
        return answers

    first = outcome(1, "e")
    assert first == outcome(1, "e")
    assert first != outcome(2, "e")
    assert first != outcome(1, "f")
    found = [tuple(answers) for answers in first.values()]
    shares = {one: found.count(one) / len(fleet) for one in set(found)}
    assert set(shares) == {("unreachable",), ("refused",), ("accepted", "restored"),
                           ("accepted", "opted_out", "restored")}  # fmt: skip
    assert shares["unreachable",] == pytest.approx(0.2, abs=0.07)
    assert shares["refused",] == pytest.approx(0.16, abs=0.07)
    assert shares["accepted", "opted_out", "restored"] == pytest.approx(0.19, abs=0.07)
