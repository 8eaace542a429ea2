"""The closed loop with many houses, planned on live flexibility: what is really shed, and opt-outs of a hundred.

It takes half an hour and runs if ``CLOSED_LOOP=HOUSES:MINUTES`` says how many houses and how long an event, as
``make test-nightly`` does. The houses' clocks stand at a summer's evening, whenever it runs.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pytest

from gridflex.adapters.avro import decode
from gridflex.adapters.kafka.enrolment import publish
from gridflex.contracts.flexibility import load_rules
from gridflex.domain.curtailment import COHORTS, Command, Holds
from gridflex.domain.enrolment import Enrolment
from gridflex.domain.flexibility import Handling
from gridflex.instants import instant_ms
from tests.e2e.conftest import Running
from tests.support.closed_loop import (
    MIN_MS,
    S_MS,
    STEP_MS,
    Json,
    Loop,
    approved,
    assert_commands_are_the_plans,
    holds_of,
    house_of,
    now_ms,
    responding,
)
from tests.support.events import handed_plan, utc
from tests.support.flow import wait_for
from tests.support.responding_town import STEP_S, Site, write_live_town
from tests.support.stack import wait_until
from tests.support.topics import SCHEMAS, read_messages

SIZE = os.environ.get("CLOSED_LOOP", "")
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not SIZE, reason="CLOSED_LOOP=200:15 is not set: it takes half an hour"),
]

HOUSES, EVENT_MIN = map(int, SIZE.split(":")) if SIZE else (0, 0)
EVENING_S = int(datetime(2011, 7, 5, 17, tzinfo=UTC).timestamp())
SITE = Site(region="Gabes", feeders=tuple(f"GAB-F1{n}" for n in range(1, 5)), first_house=3001, clock_s=EVENING_S)
BEFORE_S, AFTER_S = 4 * 3600, 2 * 3600
TARGET_SHARE = 0.4
OPT_OUTS = max(2, HOUSES // 2)
OPT_OUT_OFF_MIN = 30
WOULD_MS = 5 * MIN_MS
"""So long a fridge that is on must take power."""
PAUSE_S = 0.5
"""Between two households that opt out."""
LAST_OFF_MIN = 32
"""After an event's end its last appliances are on again."""

DEFERRED = frozenset(rule.appliance for rule in load_rules().rows if rule.handling is Handling.DEFER)


@dataclass(frozen=True)
class Planned:
    """An event on one feeder, dispatched."""

    event_id: str
    plan: Json
    commands: list[Command]


def say(line: str) -> None:
    """A figure, told even if the test passes."""
    sys.stderr.write(f"\n{line}\n")


@pytest.fixture(scope="module")
def loop(running: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    """Houses that have been read every ten seconds for hours."""
    folder, started_s = tmp_path_factory.mktemp("whole-loop"), time.monotonic()
    running.stack.up(["events"])
    town = write_live_town(
        folder / "town", HOUSES, now_s=int(time.time()), before_s=BEFORE_S, after_s=AFTER_S, site=SITE
    )
    with responding(running.config, running.environment, folder, town, "whole-loop", 900) as found:
        live_s = time.monotonic() - started_s
        say(f"{HOUSES} houses, {len(town.power_w):,} appliances and mains, live after {live_s:.0f} s")
        yield found


@pytest.fixture(scope="module")
def events(loop: Loop) -> list[Planned]:
    """An event on each feeder, planned on live flexibility, approved by another person, dispatched, and over."""
    started_s = time.monotonic()
    flexible_kw = wait_until(loop.flexible_kw, 900, "flexibility of the minute", pause_s=5)
    say(f"flexible by feeder, kW: {flexible_kw}; known {time.monotonic() - started_s:.0f} s after the houses were live")
    start_ms = -(-(now_ms() + 120 * S_MS) // STEP_MS) * STEP_MS
    planned = [plan_one(loop, feeder, flexible_kw[feeder] * TARGET_SHARE, start_ms) for feeder in SITE.feeders]
    assert now_ms() < start_ms
    begun = ["active"] * len(planned)
    wait_for("all run", lambda: [loop.state(one.event_id) for one in planned], begun, (start_ms - now_ms()) / S_MS + 60)
    end_ms = start_ms + EVENT_MIN * MIN_MS
    wait_until(lambda: now_ms() >= end_ms, EVENT_MIN * 60 + 60, "the event's end", pause_s=1)
    return planned


def plan_one(loop: Loop, feeder: str, target_kw: float, start_ms: int) -> Planned:
    asked = {"region": SITE.region, "feeder": feeder, "target_kw": round(target_kw, 3), "start": utc(start_ms),
             "duration": f"{EVENT_MIN}m", "program": "emergency"}  # fmt: skip
    drafted = loop.planner.draft_plan(asked)
    event_id = approved(loop, drafted)
    wait_for("it is dispatched", lambda: loop.state(event_id), "scheduled", 30)
    commands = loop.commands(event_id)
    assert_commands_are_the_plans(commands, drafted["plan"])
    return Planned(event_id, drafted["plan"], commands)


def test_events__shed_what_was_planned(loop: Loop, events: list[Planned]) -> None:
    told_ms = events[0].plan["end_ms"] + 2 * MIN_MS
    wait_until(lambda: now_ms() >= told_ms, 180, "truth of the last interval, which waits for late readings", pause_s=1)
    inside = [interval for event in events for interval in compared(loop, event)]
    share = sum(inside) / len(inside)
    say(f"true shed within P10-P90 in {sum(inside)} of {len(inside)} intervals: {share:.0%}")
    assert len(inside) == len(SITE.feeders) * EVENT_MIN * MIN_MS // STEP_MS
    assert share >= 0.75


def compared(loop: Loop, event: Planned) -> list[bool]:
    """Whether each interval's true shed is within the plan's P10 to P90; told line by line."""
    end_ms = event.plan["end_ms"]
    lines = [one for one in loop.truths(event.event_id) if instant_ms("truth", one["interval_start"]) < end_ms]
    assert len({(line["appliance_id"], line["interval_start"]) for line in lines}) == len(lines)
    true_kw: Counter[int] = Counter()
    for line in lines:
        shed_wh = line["true_shed_w"] * line["observed_s"] / 3600
        assert shed_wh == pytest.approx(line["would_wh"] - line["used_wh"], abs=1e-3)
        true_kw[instant_ms("truth", line["interval_start"])] += line["true_shed_w"] / 1000
    inside = []
    for one in event.plan["expected_kw"]:
        found_kw = true_kw[instant_ms("plan", one["start"])]
        inside.append(bool(one["p10"] <= found_kw <= one["p90"]))
        expected = f"P10 {one['p10']:.2f} P50 {one['p50']:.2f} P90 {one['p90']:.2f}"
        place = "" if inside[-1] else "  OUTSIDE"
        say(f"{event.plan['feeder']} {one['start']}: target {event.plan['target_kw']:.2f} kW, {expected}, "
            f"true {found_kw:.2f}{place}")  # fmt: skip
    return inside


@dataclass(frozen=True)
class OptOuts:
    """Households that said no while their fridges were off."""

    event_id: str
    commands: list[Command]
    said_ms: dict[str, int]
    """By fridge: when the message was on the topic."""


@pytest.fixture(scope="module")
def opt_outs(loop: Loop, events: list[Planned]) -> OptOuts:
    """Right after the planned events all fridges are called, and every other household says no, one after the other."""
    start_ms = now_ms() // S_MS * S_MS + 15 * S_MS
    end_ms = start_ms + OPT_OUT_OFF_MIN * MIN_MS
    groups = [{"region": SITE.region, "feeder": feeder, "appliance": "fridge", "cohorts": list(range(1, COHORTS)),
               "off": [{"start": utc(start_ms), "end": utc(end_ms)}]} for feeder in SITE.feeders]  # fmt: skip
    plan = handed_plan(region=SITE.region, groups=groups, start_ms=start_ms, end_ms=end_ms, approve_by_ms=start_ms)
    event_id = approved(loop, loop.planner.draft({name: value for name, value in plan.items() if name != "id"}))
    wait_for("fridges are called", lambda: loop.state(event_id), "active", 60)
    commands = loop.commands(event_id)
    everything = [*commands, *(one for event in events for one in event.commands)]
    holds, asked = holds_of(everything, {}), list[str]()
    deadline, fridges = time.monotonic() + OPT_OUT_OFF_MIN * 60, fridges_called(loop, commands)
    while len(asked) < OPT_OUTS:
        assert time.monotonic() < deadline, f"only {len(asked)} fridges were off"
        one = next((name for name in fridges if name not in asked
                    and is_seen_off(loop, holds, name, now_ms())), None)  # fmt: skip
        if one is not None:
            said = Enrolment(house_id=house_of(one), opted_out=True, event_time_ms=now_ms(), source="the household")
            publish(loop.config.kafka, [said])
            asked.append(one)
        time.sleep(PAUSE_S)
    return OptOuts(event_id, commands, said_at_ms(loop, asked))


def fridges_called(loop: Loop, commands: Sequence[Command]) -> list[str]:
    return sorted({one for command in commands for one in loop.called(command)})


def is_seen_off(loop: Loop, holds: Holds, fridge: str, time_ms: int) -> bool:
    """Whether it has been off for three readings and stays so, and would take power for some minutes.

    So a reading of 0 W says that it is off, and any other that it is on.
    """
    off = any(
        one.start_ms + 3 * STEP_S * S_MS < time_ms < one.end_ms - 3 * MIN_MS for one in holds.of(loop.plug(fridge))
    )
    return off and all(loop.town.would_w(fridge, at_ms) > 0 for at_ms in instants(time_ms, time_ms + WOULD_MS))


def instants(start_ms: int, end_ms: int) -> range:
    """Of readings."""
    step_ms = STEP_S * S_MS
    return range(-(-start_ms // step_ms) * step_ms, end_ms, step_ms)


def said_at_ms(loop: Loop, fridges: Sequence[str]) -> dict[str, int]:
    """When Kafka was given each household's message."""
    by_house = {house_of(one): one for one in fridges}
    found = {}
    for message in read_messages(loop.config.kafka.bootstrap_servers, "enrolment"):
        fridge = by_house.get(decode(message.value(), SCHEMAS)["house_id"])
        if fridge is not None:
            found[fridge] = message.timestamp()[1]
    assert found.keys() == set(fridges)
    return found


def test_opt_outs__are_honoured_within_ten_seconds_and_fridges_are_on_again(loop: Loop, opt_outs: OptOuts) -> None:
    said_ms = opt_outs.said_ms
    wait_for("every household's no is answered", lambda: said_ms.keys() <= answered_ms(loop).keys(), True, 60)
    answered, waited_s = answered_ms(loop), defaultdict[str, list[float]](list)
    readings = readings_after(loop, said_ms, max(answered.values()))
    for fridge, at_ms in said_ms.items():
        own = readings[fridge]
        on_ms = min(time_ms for time_ms, power_w in own.items() if time_ms > at_ms and power_w > 0)
        off_ms = max(time_ms for time_ms in own if time_ms < on_ms)
        assert own[off_ms] == 0
        waited_s["the answer is on the topic"].append((answered[fridge] - at_ms) / S_MS)
        waited_s["its last reading of 0 W"].append(max(0, off_ms - at_ms) / S_MS)
        waited_s["its first reading on"].append((on_ms - at_ms) / S_MS)
        stays = [power_w for time_ms, power_w in own.items() if on_ms <= time_ms < at_ms + WOULD_MS]
        assert min(stays) > 0, fridge
    for what, waited in waited_s.items():
        say(f"{len(waited)} opt-outs, from the message to {what}: p50 {np.quantile(waited, 0.5):.2f} s, "
            f"p95 {np.quantile(waited, 0.95):.2f} s, worst {max(waited):.2f} s")  # fmt: skip
    assert np.quantile(waited_s["the answer is on the topic"], 0.95) < 10
    assert np.quantile(waited_s["its last reading of 0 W"], 0.95) < 10
    assert np.quantile(waited_s["its first reading on"], 0.95) < 10 + STEP_S


def readings_after(loop: Loop, said_ms: Mapping[str, int], after_ms: int) -> dict[str, dict[int, float]]:
    """Readings of the fridges from a minute before the first message, once each has one of later than ``after_ms``."""
    since_ms, found = min(said_ms.values()) - MIN_MS, dict[str, dict[int, float]]()

    def told() -> bool:
        nonlocal found
        found = by_appliance(loop.readings(since_ms, said_ms))
        return found.keys() == said_ms.keys() and min(max(own) for own in found.values()) > after_ms

    wait_until(told, 3 * STEP_S + 30, "a reading of each fridge after the last answer", pause_s=2)
    return found


def answered_ms(loop: Loop) -> dict[str, int]:
    """When the first ``opted_out`` of each appliance was on the topic."""
    found: dict[str, int] = {}
    for message in read_messages(loop.config.kafka.bootstrap_servers, "command_results"):
        record = decode(message.value(), SCHEMAS)
        if record["result"] == "opted_out":
            time_ms = message.timestamp()[1]
            found[record["appliance_id"]] = min(time_ms, found.get(record["appliance_id"], time_ms))
    return found


def by_appliance(readings: Sequence[Json]) -> dict[str, dict[int, float]]:
    """Power by instant; a reading that is there twice is a fault."""
    found: dict[str, dict[int, float]] = defaultdict(dict)
    for one in readings:
        own = found[one["appliance_id"]]
        assert one["event_time_ms"] not in own, one
        own[one["event_time_ms"]] = one["power_w"]
    return found


def test_events__are_completed_once_all_that_was_off_is_on_again(
    loop: Loop, events: list[Planned], opt_outs: OptOuts
) -> None:
    completed = ["completed"] * len(events)
    wait_for("all are done", lambda: [loop.state(one.event_id) for one in events], completed, LAST_OFF_MIN * 60)
    planned = [command for event in events for command in event.commands]
    since_ms = min(command.start_ms for command in planned)
    out_ms = {one["appliance_id"]: one["event_time_ms"] for one in loop.records("command_results")
              if one["result"] == "opted_out"}  # fmt: skip
    holds = holds_of([*planned, *opt_outs.commands], out_ms)
    called = {one for command in planned for one in loop.called(command)}
    readings, held, on = by_appliance(loop.readings(since_ms, called)), 0, 0
    for appliance_id in called:
        own = holds.of(loop.plug(appliance_id))
        for time_ms, power_w in readings[appliance_id].items():
            if any(one.start_ms + 3 * S_MS <= time_ms < one.end_ms for one in own):
                held += 1
                assert power_w == 0, (appliance_id, time_ms, own)
            elif not any(one.start_ms <= time_ms < one.end_ms + 3 * S_MS for one in own):
                would_w = loop.town.would_w(appliance_id, time_ms)
                on += power_w > 0
                assert power_w > 0 or would_w == 0 or loop.town.appliance[appliance_id] in DEFERRED
    say(f"{held:,} readings of appliances that were held: all 0 W; {on:,} of them on before and afterwards")
    assert held
    results = [one for event in events for one in loop.results(event.event_id) if one["result"] != "opted_out"]
    answered = Counter((one["command_id"], one["appliance_id"], one["result"]) for one in results)
    expected = Counter((command.command_id, one, result) for command in planned for one in loop.called(command)
                       for result in ("accepted", "restored"))  # fmt: skip
    assert answered == expected
