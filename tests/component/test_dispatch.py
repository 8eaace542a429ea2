"""Events on a real Kafka: commands exactly once, whatever is killed or away, and what answers make of an event."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import pytest
from confluent_kafka import Producer

from gridflex.adapters.avro import encode_dicts
from gridflex.adapters.kafka.enrolment import publish
from gridflex.adapters.kafka.ledger import read_ledger
from gridflex.config import ROOT, Kafka
from gridflex.contracts.feeds import feed
from gridflex.contracts.schemas import written_schema
from gridflex.domain.curtailment import (
    SPREAD_MS,
    Action,
    Change,
    Command,
    CommandAction,
    CommandResult,
    Result,
    State,
    commands_of,
    content_hash,
    verify,
)
from gridflex.domain.enrolment import Enrolment
from gridflex.errors import ServiceError
from gridflex.events.dispatcher import Dispatcher
from gridflex.events.shared_ledger import SharedLedger
from gridflex.operations.local.stack import Stack
from tests.support.curtailment import AMIRA
from tests.support.curtailment.dispatch import house_of, utc
from tests.support.dispatching import Clock, approve, commands_on, dispatcher_of
from tests.support.dying_producer import STEPS
from tests.support.sampling import Sampler
from tests.support.stack import halted, killed, running_stack, wait_until

pytestmark = [pytest.mark.component, pytest.mark.timeout(600)]

MINUTE_MS = 60_000
NOW_S = float(time.time_ns() // 1_000_000_000)
START_MS = round(NOW_S) * 1000 // (5 * MINUTE_MS) * 5 * MINUTE_MS + 120 * MINUTE_MS


def called(name: str, appliance: str, cohorts: Sequence[int], *off_min: tuple[int, int]) -> dict[str, Any]:
    """A group of an event's own feeder."""
    runs = [{"start": utc(START_MS + a * MINUTE_MS), "end": utc(START_MS + b * MINUTE_MS)} for a, b in off_min]
    return {
        "region": "Sfax", "feeder": f"F-{name}", "appliance": appliance, "cohorts": list(cohorts), "off": runs,
        "appliances": 4.0 * len(cohorts), "mean_kw": 1.0 * len(cohorts),
    }  # fmt: skip


def planned(name: str, *groups: dict[str, Any]) -> dict[str, Any]:
    """A plan of an hour that no other test has: without ``groups`` it has five commands to three cohorts."""
    fridges = called(name, "fridge", (0, 1), (0, 30), (45, 60))
    content = {
        "region": "Sfax",
        "program": "emergency",
        "target_kw": 2.0,
        "start_ms": START_MS,
        "end_ms": START_MS + 60 * MINUTE_MS,
        "approve_by_ms": START_MS,
        "control_group": {"cohort": 9},
        "groups": list(groups) or [fridges, called(name, "freezer", (2,), (0, 45))],
        "expected_kw": [{"start": utc(START_MS + 5 * MINUTE_MS * step), "p50": 2.0} for step in range(12)],
    }
    return {"id": f"plan-{content_hash(content)[:12]}", **content}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A Kafka of this module's own."""
    with running_stack(tmp_path_factory.mktemp("dispatch"), "kafka") as running:
        yield running


@pytest.fixture(scope="module")
def kafka(stack: Stack) -> Kafka:
    return stack.config.kafka


@pytest.fixture
def clock() -> Clock:
    """Later with every test, as ledgers want it."""
    return Clock(NOW_S)


def expected(kafka: Kafka, event_id: str, content: Mapping[str, Any]) -> list[Command]:
    """What an event's commands must be; when they were given follows from the ledger."""
    shared_ledger, _ = dispatcher_of(kafka, Clock(NOW_S))
    shared_ledger.open()
    event = shared_ledger.ledger.events[event_id]
    return sorted(commands_of(event, content), key=lambda one: one.command_id)


def without_time(commands: list[Command]) -> list[Command]:
    return [replace(one, event_time_ms=0) for one in commands]


def states(kafka: Kafka, event_id: str) -> list[str]:
    assert verify(read_ledger(kafka)) is None
    return [record.what["action"] for record in read_ledger(kafka) if record.what["event_id"] == event_id]


def answer(kafka: Kafka, command: Command, results: Mapping[str, Result]) -> None:
    """Publish an answer of each appliance, named by its house."""
    names = ("command_id", "event_id", "version", "region", "feeder", "appliance", "cohort")
    values = {name: getattr(command, name) for name in names}
    rows = [
        asdict(
            CommandResult(**values, event_time_ms=START_MS, house_id=house, appliance_id=f"{house}-1", result=result)
        )
        for house, result in results.items()
    ]
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    for value in encode_dicts(written_schema(feed("command_results")), rows):
        producer.produce("command_results", value)
    assert producer.flush(10) == 0


def test_approved_event__lives_its_life_and_its_commands_are_there_once(kafka: Kafka, clock: Clock) -> None:
    shared_ledger, dispatcher = dispatcher_of(kafka, clock)
    plan = planned("life")
    approve(shared_ledger, "life", plan)
    assert [record.what["action"] for record in dispatcher.step()] == ["schedule"]
    assert without_time(commands_on(kafka, "life")) == without_time(expected(kafka, "life", plan))
    assert dispatcher.step() == []
    clock.now_s = START_MS / 1000
    assert [record.what["action"] for record in dispatcher.step()] == ["start"]
    clock.now_s = (START_MS + 60 * MINUTE_MS + SPREAD_MS) / 1000
    assert [record.what["action"] for record in dispatcher.step()] == ["complete"]
    assert len(commands_on(kafka, "life")) == 5
    clock.now_s = NOW_S
    assert states(kafka, "life") == ["draft", "propose", "approve", "schedule", "start", "complete"]


@pytest.mark.parametrize("step", STEPS)
def test_kill__gives_out_no_command_twice_and_leaves_none_out(kafka: Kafka, clock: Clock, step: str) -> None:
    event_id = f"killed-{step.replace(' ', '-')}"
    plan = planned(event_id)
    shared_ledger, dispatcher = dispatcher_of(kafka, clock)
    approve(shared_ledger, event_id, plan)
    environ = os.environ | {"GRIDFLEX_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers}
    command = [sys.executable, "-m", "tests.support.dispatching", step, str(clock.now_s)]
    died = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=90, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr
    found = len(commands_on(kafka, event_id))
    assert found in ({0, 5} if step == "during commit" else {5} if step == "after commit" else {0})
    wait_until(lambda: dispatcher_states(shared_ledger, dispatcher, event_id) is State.SCHEDULED, 30)
    assert without_time(commands_on(kafka, event_id)) == without_time(expected(kafka, event_id, plan))
    assert states(kafka, event_id).count("schedule") == 1


def dispatcher_states(shared_ledger: Any, dispatcher: Any, event_id: str) -> State:
    dispatcher.step()
    return shared_ledger.ledger.events[event_id].state


def test_two_dispatchers_and_a_silent_kafka__schedule_each_event_once(stack: Stack, kafka: Kafka, clock: Clock) -> None:
    shared_ledger, first = dispatcher_of(kafka, clock)
    _, second = dispatcher_of(kafka, clock)
    names = [f"both-{number}" for number in range(4)]
    for name in names:
        approve(shared_ledger, name, planned(name))
    with halted(stack, "kafka"):
        first.start()
        second.start()
        threading.Event().wait(4)
    try:
        wait_until(lambda: all(states(kafka, name)[-1] == "schedule" for name in names), 60)
    finally:
        first.stop()
        second.stop()
    for name in names:
        assert states(kafka, name).count("schedule") == 1
        assert without_time(commands_on(kafka, name)) == without_time(expected(kafka, name, planned(name)))


def test_cancelled_event__is_restored_in_the_same_transaction(kafka: Kafka, clock: Clock) -> None:
    shared_ledger, dispatcher = dispatcher_of(kafka, clock)
    approve(shared_ledger, "stopped", planned("stopped"))
    dispatcher.step()
    about = shared_ledger.ledger.events["stopped"]
    cancel = Change(
        action=Action.CANCEL, event_id="stopped", actor=AMIRA, time_ms=0, reason="a line is down"
    )  # fmt: skip
    shared_ledger.change(cancel, lambda snapshot: dispatcher.messages(cancel, about, snapshot.newest["stopped"]))
    restores = [one for one in commands_on(kafka, "stopped") if one.action is CommandAction.RESTORE]
    assert sorted(one.key for one in restores) == [
        "Sfax|F-stopped|freezer|2", "Sfax|F-stopped|fridge|0", "Sfax|F-stopped|fridge|1",
    ]  # fmt: skip
    assert dispatcher.messages(cancel, shared_ledger.ledger.events["stopped"], planned("stopped")) == {}


def test_plan_that_no_rule_allows__is_cancelled_and_commands_nothing(kafka: Kafka, clock: Clock) -> None:
    shared_ledger, dispatcher = dispatcher_of(kafka, clock)
    plan = planned("forbidden", called("forbidden", "medical", (0,), (0, 10)))
    approve(shared_ledger, "forbidden", plan)
    (record,) = dispatcher.step()
    assert (record.what["action"], record.who["name"]) == ("cancel", "gridflex")
    assert "F-forbidden/medical must not be called" in record.why
    assert commands_on(kafka, "forbidden") == []


def test_refusals__are_counted_and_make_a_top_up_be_proposed_once(kafka: Kafka, clock: Clock) -> None:
    top_up = planned("more", called("more", "fridge", (5,), (0, 30)))
    shared_ledger, dispatcher = dispatcher_of(kafka, clock, top_up)
    approve(shared_ledger, "short", planned("short"))
    dispatcher.step()
    (command, *_) = commands_on(kafka, "short")
    houses = [f"{house_of(0)}x{number}" for number in range(4)]
    answer(kafka, command, dict.fromkeys(houses[:3], Result.REFUSED) | {houses[3]: Result.ACCEPTED})
    report = wait_until(lambda: _told(dispatcher, "short"), 30)
    assert (report["results"]["refused"], report["results"]["accepted"]) == (3, 1)
    assert report["short_share"] > 0.1
    (event_id,) = [
        name for name, found in shared_ledger.snapshot.histories.items() if found[0].why.startswith("tops up short:")
    ]
    assert shared_ledger.ledger.events[event_id].state is State.PROPOSED
    again_book, again = dispatcher_of(kafka, clock, top_up)
    wait_until(lambda: _told(again, "short"), 30)
    assert sum(found[0].why.startswith("tops up short:") for found in again_book.snapshot.histories.values()) == 1


def test_opt_out__on_the_topic_of_enrolments_lowers_what_is_expected_though_no_appliance_answers(
    kafka: Kafka, clock: Clock
) -> None:
    shared_ledger, dispatcher = dispatcher_of(kafka, clock)
    approve(shared_ledger, "left", planned("left", called("left", "freezer", (3,), (0, 60))))
    dispatcher.step()
    houses = [f"redd-{number}" for number in range(900, 904)]
    answer(kafka, commands_on(kafka, "left")[0], dict.fromkeys([f"{house}-0" for house in houses], Result.ACCEPTED))
    wait_until(lambda: _results(dispatcher, "left").get("accepted") == 4, 30)
    assert dispatcher.results("left")["outlook"][0]["expected_kw"] == 2.0
    out, gone, away, until = (Enrolment(house_id=house, source="test") for house in houses)
    said = [
        replace(out, opted_out=True),
        replace(gone, enrolled=False),
        replace(away, reachable=False),
        replace(until, opted_out=True, until_ms=round(NOW_S * 1000) - 1),
    ]
    publish(kafka, said)
    wait_until(lambda: _results(dispatcher, "left").get("opted_out") == 2, 30)
    assert [one["expected_kw"] for one in dispatcher.results("left")["outlook"]] == [1.0] * 12
    assert dispatcher.results("left")["short_share"] == 0.5


def _results(dispatcher: Any, event_id: str) -> Any:
    dispatcher.step()
    return dispatcher.results(event_id).get("results", {})


def _told(dispatcher: Any, event_id: str) -> Any:
    dispatcher.step()
    report = dispatcher.results(event_id)
    return report if "proposed" in report.get("top_up", "") else None


AWAY_S, SHORT_AWAY_S = 60.0, 20.0
"""How long Kafka is away; shorter in a run that samples."""
WAYS = {"stands still": halted, "is killed": killed}


def away_s(sampler: Sampler) -> float:
    return AWAY_S if sampler.seed is None else SHORT_AWAY_S


def stop(shared_ledger: SharedLedger, dispatcher: Dispatcher, event_id: str) -> None:
    """A person takes an event back."""
    change = Change(action=Action.CANCEL, event_id=event_id, actor=AMIRA, time_ms=0, reason="a line is down")
    shared_ledger.change(change, lambda snapshot: dispatcher.messages(
        change, snapshot.ledger.events[event_id], snapshot.newest[event_id]))  # fmt: skip


def tell(what: str, seconds: float) -> None:
    sys.stderr.write(f"\n{what}: {seconds:.1f} s after Kafka is back\n")


@pytest.mark.timeout(600)
@pytest.mark.sampled(1, pool="Kafka away during dispatch")
@pytest.mark.parametrize("way", WAYS)
def test_kafka_away_between_approval_and_schedule__gives_out_each_command_once(
    stack: Stack, kafka: Kafka, clock: Clock, sampler: Sampler, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    event_id = f"approved, then Kafka {way}"
    plan = planned(event_id)
    shared_ledger, dispatcher = dispatcher_of(kafka, clock)
    approve(shared_ledger, event_id, plan)
    with WAYS[way](stack, "kafka"):
        dispatcher.start()
        time.sleep(away_s(sampler))
        assert shared_ledger.ledger.events[event_id].state is State.APPROVED
    back_s = time.monotonic()
    try:
        wait_until(lambda: shared_ledger.ledger.events[event_id].state is State.SCHEDULED, 90, "it is scheduled")
    finally:
        dispatcher.stop()
    tell("scheduled", time.monotonic() - back_s)
    assert not [line for line in caplog.messages if "rdkafka#consumer" in line]  # who only listens is silent meanwhile
    assert states(kafka, event_id).count("schedule") == 1
    assert without_time(commands_on(kafka, event_id)) == without_time(expected(kafka, event_id, plan))


@pytest.mark.timeout(600)
@pytest.mark.sampled(1, pool="Kafka away during dispatch")
@pytest.mark.parametrize("way", WAYS)
def test_kafka_away_while_events_run__ends_one_in_time_and_lets_a_person_stop_the_other(
    stack: Stack, kafka: Kafka, clock: Clock, sampler: Sampler, way: str
) -> None:
    ends, stopped = f"ends while Kafka {way}", f"to be stopped while Kafka {way}"
    shared_ledger, dispatcher = dispatcher_of(kafka, clock)
    approve(shared_ledger, ends, planned(ends))
    approve(shared_ledger, stopped, planned(stopped, called(stopped, "freezer", (1, 2), (45, 85))))
    dispatcher.step()
    clock.now_s = START_MS / 1000
    dispatcher.step()
    clock.now_s += 60 * 60 - 60
    given = {event_id: commands_on(kafka, event_id) for event_id in (ends, stopped)}
    with WAYS[way](stack, "kafka"):
        dispatcher.start()
        gone_s = time.monotonic()
        with pytest.raises(ServiceError, match=r"did not answer|busy|did not come back"):
            stop(shared_ledger, dispatcher, stopped)
        told_s = time.monotonic() - gone_s
        clock.now_s += 60 + SPREAD_MS / 1000
        time.sleep(max(0.0, away_s(sampler) - told_s))
    back_s = time.monotonic()
    sys.stderr.write(f"\na person who stops an event is told that it failed after {told_s:.1f} s\n")
    try:
        wait_until(lambda: shared_ledger.ledger.events[ends].state is State.COMPLETED, 90, "it is completed")
        tell("completed", time.monotonic() - back_s)
    finally:
        dispatcher.stop()
    shared_ledger.open()
    if shared_ledger.ledger.events[stopped].state is not State.CANCELLED:
        stop(shared_ledger, dispatcher, stopped)
    clock.now_s = NOW_S
    for event_id, last in ((ends, "complete"), (stopped, "cancel")):
        assert states(kafka, event_id) == ["draft", "propose", "approve", "schedule", "start", last]
        found = commands_on(kafka, event_id)
        assert [one for one in found if one.action is CommandAction.OFF] == given[event_id]
    restores = [one.key for one in commands_on(kafka, stopped) if one.action is CommandAction.RESTORE]
    assert sorted(restores) == [f"Sfax|F-{stopped}|freezer|{cohort}" for cohort in (1, 2)]
    assert len(commands_on(kafka, ends)) == len(given[ends])
