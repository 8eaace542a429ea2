"""The closed loop on the real stack: plan, proposal, approval by another person, dispatch, response, completion."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gridflex.adapters.avro import decode
from gridflex.adapters.events.client import EventsClient
from gridflex.adapters.events.tokens import read_tokens
from gridflex.adapters.kafka.enrolment import publish
from gridflex.config import ROOT
from gridflex.config.event_users import TOKEN_VARIABLE
from gridflex.domain.curtailment import COHORTS, Command, CommandAction, cohort_of
from gridflex.domain.enrolment import Enrolment
from gridflex.errors import ServiceError
from ingestion.premises import load_premises
from tests.e2e.conftest import Running
from tests.support.events import handed_plan, utc
from tests.support.flow import wait_for
from tests.support.responding_town import FEEDERS, REGION, LiveTown, write_live_town
from tests.support.stack import wait_until
from tests.support.topics import SCHEMAS, read_messages, read_records

pytestmark = pytest.mark.e2e

S_MS = 1000
HOUSES, BEFORE_S, AFTER_S = 24, 300, 900
Json = dict[str, Any]


@dataclass(frozen=True)
class Loop:
    """Houses that respond, and two people who look after them."""

    running: Running
    town: LiveTown
    truth: Path
    planner: EventsClient
    approver: EventsClient
    feeders: dict[str, str]
    """By house."""

    def records(self, topic: str) -> list[Json]:
        return read_records(self.running.config.kafka.bootstrap_servers, topic)

    def commands(self, event_id: str) -> list[Command]:
        found = [one for one in self.records("commands") if one["event_id"] == event_id]
        return [Command(**one | {"action": CommandAction(one["action"])}) for one in found]

    def results(self, event_id: str) -> list[Json]:
        return [one for one in self.records("command_results") if one["event_id"] == event_id]

    def readings(self, since_ms: int) -> list[Json]:
        """Of the town; other tests have left what is no reading on this topic."""
        topic = self.running.config.kafka.topic_readings
        messages = read_messages(self.running.config.kafka.bootstrap_servers, topic)
        own = [decode(one.value(), SCHEMAS) for one in messages if (one.key() or b"").decode() in self.town.power_w]
        return [one for one in own if one["event_time_ms"] >= since_ms]

    def state(self, event_id: str) -> str:
        return str(self.planner.event(event_id)["state"])

    def called(self, command: Command) -> list[str]:
        """Appliances that a command is for."""
        return [one for one, name in self.town.appliance.items() if name == command.appliance
                and cohort_of(house_of(one)) == command.cohort and self.feeder(one) == command.feeder]  # fmt: skip

    def feeder(self, appliance_id: str) -> str:
        return self.feeders[house_of(appliance_id)]


def house_of(appliance_id: str) -> str:
    return appliance_id.rpartition("-")[0]


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture(scope="module")
def loop(running: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    folder = tmp_path_factory.mktemp("closed-loop")
    running.stack.up(["events"])
    town = write_live_town(folder / "town", HOUSES, now_s=int(time.time()), before_s=BEFORE_S, after_s=AFTER_S)
    truth = folder / "truth.jsonl"
    command = [sys.executable, "-m", "ingestion", "replay", "redd", "--path", str(town.path), "--align", "today",
               "--replay-id", "closed-loop", "--respond", "--truth", str(truth)]  # fmt: skip
    environment = running.environment | {"GRIDFLEX_REPLAY_PREMISES": str(town.premises)}
    replay = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL)
    tokens = read_tokens(running.config)["users"]
    people = [EventsClient(running.config, {TOKEN_VARIABLE: tokens[name]}) for name in ("operator", "admin")]
    status = running.config.state_dir / "replay" / "closed-loop.json"
    try:
        wait_until(lambda: is_live(status), 300, "the houses are live")
        premises = load_premises(town.premises)
        places = {house_of(one): premises.place("redd", one.split("-")[1], 0).feeder for one in town.power_w}
        yield Loop(running, town, truth, people[0], people[1], places)
    finally:
        replay.terminate()
        replay.wait(60)


def is_live(status: Path) -> bool:
    told = json.loads(status.read_text(encoding="utf-8")) if status.is_file() else {}
    return now_ms() - (told.get("event_time_ms") or 0) < 15 * S_MS


def approved(loop: Loop, plan: Json) -> str:
    """An event of a plan, proposed by one person and approved by another."""
    event_id = str(plan.get("event_id") or loop.planner.draft(plan)["event_id"])
    about = {"content_hash": loop.planner.event(event_id)["content_hash"]}
    loop.planner.act(event_id, "propose", **about)
    with pytest.raises(ServiceError):
        loop.planner.act(event_id, "approve", **about)
    loop.approver.act(event_id, "approve", **about)
    return event_id


def short_plan(appliance: str, start_ms: int, off_s: int) -> Json:
    """All cohorts but the first of both feeders are off once."""
    run = {"start": utc(start_ms), "end": utc(start_ms + off_s * S_MS)}
    groups = [{"region": REGION, "feeder": feeder, "appliance": appliance, "cohorts": list(range(1, COHORTS)),
               "off": [run]} for feeder in FEEDERS]  # fmt: skip
    times = {"start_ms": start_ms, "end_ms": start_ms + off_s * S_MS, "approve_by_ms": start_ms}
    plan = handed_plan(groups=groups, **times)
    return {name: value for name, value in plan.items() if name != "id"}


def assert_off_while_held(loop: Loop, commands: list[Command], left: dict[str, int], *others: str) -> None:
    """Each called appliance is off in all of its off-run, and no appliance of another class does anything else.

    ``left``: since when an appliance is not called any more; ``others``: classes that another event calls.
    """
    touched = {"mains", *others, *(command.appliance for command in commands)}
    runs: dict[str, tuple[int, int]] = {}
    for command in commands:
        if command.action is CommandAction.OFF:
            for one in loop.called(command):
                start_ms, end_ms = command.own_run_ms(one)
                runs[one] = start_ms, min(end_ms, left.get(one, end_ms))
    assert runs
    held = 0
    for reading in loop.readings(min(start for start, _ in runs.values())):
        one, time_ms, power_w = reading["appliance_id"], reading["event_time_ms"], reading["power_w"]
        start_ms, end_ms = runs.get(one, (0, 0))
        if start_ms + 3 * S_MS <= time_ms < end_ms:
            held += 1
            assert power_w == 0, (reading, start_ms, end_ms)
        elif loop.town.appliance[one] not in touched:
            assert power_w == pytest.approx(loop.town.would_w(one, time_ms), abs=0.01)
    assert held > len(runs)


def test_closed_loop__dispatches_once_honours_an_opt_out_and_a_cancellation(loop: Loop) -> None:
    start_ms = now_ms() // S_MS * S_MS + 10 * S_MS
    fridges = approved(loop, short_plan("fridge", start_ms, 40))
    washers = approved(loop, short_plan("washer_dryer", start_ms, 240))
    wait_for("both run", lambda: [loop.state(one) for one in (fridges, washers)], ["active", "active"], 60)
    commands = loop.commands(fridges)
    assert Counter(one.command_id for one in commands) == Counter({one.command_id: 1 for one in commands})
    assert Counter((one.feeder, one.cohort) for one in commands) == Counter(
        {(feeder, cohort): 1 for feeder in FEEDERS for cohort in range(1, COHORTS)}
    )

    owner = opt_out_of_a_held_one(loop, commands)
    cancelled_ms = now_ms()
    loop.planner.act(washers, "cancel", reason="the line is back")
    expected = Counter({(one, result): 1 for command in commands for one in loop.called(command)
                        for result in ("accepted", "restored")})  # fmt: skip
    expected.update({(one, "opted_out"): 1 for one in owner})
    wait_for("every fridge has answered", lambda: answers(loop, fridges), expected, 150)
    wait_for("fridges are done", lambda: loop.state(fridges), "completed", 30)
    assert loop.state(washers) == "cancelled"
    left = {one["appliance_id"]: one["event_time_ms"] for one in loop.results(fridges) if one["result"] == "opted_out"}
    assert_off_while_held(loop, commands, left, "washer_dryer")
    back = [one for one in loop.results(washers) if one["result"] == "restored"]
    called = [one for command in loop.commands(washers) if command.action is CommandAction.OFF
              for one in loop.called(command)]  # fmt: skip
    assert Counter(one["appliance_id"] for one in back) == Counter(called)
    assert max(one["event_time_ms"] for one in back) < cancelled_ms + 25 * S_MS


def answers(loop: Loop, event_id: str) -> Counter[tuple[str, str]]:
    return Counter((one["appliance_id"], one["result"]) for one in loop.results(event_id))


def opt_out_of_a_held_one(loop: Loop, commands: list[Command]) -> list[str]:
    """A household whose fridge was off first says no; its appliances that were called."""
    own = {one: command.own_run_ms(one) for command in commands for one in loop.called(command)}
    first = min(own, key=lambda one: own[one])
    wait_until(lambda: now_ms() > own[first][0] + 5 * S_MS, 90, "the first fridge is off")
    said_ms = now_ms()
    out_of_it = Enrolment(house_id=house_of(first), opted_out=True, event_time_ms=said_ms, source="the household")
    publish(loop.running.config.kafka, [out_of_it])
    event_id = commands[0].event_id
    out = wait_until(lambda: [one for one in loop.results(event_id) if one["result"] == "opted_out"], 30, "opted out")
    assert said_ms <= out[0]["event_time_ms"] < said_ms + 10 * S_MS
    assert {house_of(one["appliance_id"]) for one in out} == {house_of(first)}
    return [one for one in own if house_of(one) == house_of(first)]
