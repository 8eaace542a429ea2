"""The closed loop on the real stack: plan, proposal, approval by another person, dispatch, response, completion."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from gridflex.adapters.events.tokens import read_tokens
from gridflex.adapters.kafka.enrolment import publish
from gridflex.adapters.openadr import Event, OpenAdrClient, Program, Report, Role, Ven, open_client
from gridflex.config import ROOT
from gridflex.config.event_users import TOKEN_VARIABLE
from gridflex.config.variables import VEN_APPROVER_TOKEN
from gridflex.domain.curtailment import COHORTS, Command, CommandAction
from gridflex.domain.enrolment import Enrolment
from gridflex.domain.openadr import (
    Place,
    ReportedInterval,
    event_name,
    read_report,
    report_document,
    target_of,
)
from gridflex.operations.checks.events import events_checks
from gridflex.operations.checks.runner import run_checks
from tests.e2e.conftest import Running
from tests.support.closed_loop import (
    MIN_MS,
    S_MS,
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
from tests.support.flow import GRIDFLEX, gridflex, wait_for
from tests.support.openadr import need_vtn
from tests.support.responding_town import FEEDERS, REGION, write_live_town
from tests.support.stack import wait_until
from tests.support.vtn_events import vtn_event

pytestmark = pytest.mark.e2e

FEEDER, VTN_FEEDER = FEEDERS
HOUSES, BEFORE_S, AFTER_S = 24, 3600, 900
"""An hour, for a fridge that was never on says nothing."""


@pytest.fixture(scope="module")
def loop(running: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    """Few houses, which are live at once; ``test_whole_loop`` has many."""
    folder = tmp_path_factory.mktemp("closed-loop")
    running.stack.up(["events"])
    town = write_live_town(folder / "town", HOUSES, now_s=int(time.time()), before_s=BEFORE_S, after_s=AFTER_S)
    with responding(running.config, running.environment, folder, town, "closed-loop", 300) as found:
        yield found


@dataclass(frozen=True)
class Asked:
    """A utility's event at its VTN, and ours that our VEN has made of it."""

    utility: OpenAdrClient
    event: Event
    event_id: str
    plan: Json
    commands: list[Command]


@pytest.fixture(scope="module")
def asked(
    request: pytest.FixtureRequest, running: Running, loop: Loop, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Asked]:
    """Ten minutes on one feeder, by live flexibility. The houses of the other have time for other events."""
    need_vtn(request)
    running.stack.up(["openadr"])
    flexible_kw = wait_until(loop.flexible_kw, 240, "flexibility of the minute", pause_s=2)
    folder = tmp_path_factory.mktemp("ven")
    with open_client(loop.config, Role.BUSINESS) as utility, ven(loop, folder):
        start_ms = (now_ms() + 85 * S_MS) // MIN_MS * MIN_MS
        event = ask(loop, utility, start_ms, kw=round(flexible_kw[VTN_FEEDER] / 3, 3))
        found = wait_until(lambda: dispatched(loop, event), 60, "the VEN has it planned and approved", pause_s=1)
        assert now_ms() < start_ms
        yield Asked(utility, event, found["event_id"], found["content"], loop.commands(found["event_id"]))


def control_cohort(loop: Loop) -> int:
    """The cohort that other events compare with: it may not be called; the first if there are none."""
    live = [one["event_id"] for one in loop.planner.events(region=REGION) if one["state"] in {"scheduled", "active"}]
    return int(loop.planner.event(live[0])["content"]["control_group"]["cohort"]) if live else 0


def short_plan(appliance: str, start_ms: int, off_s: int, control: int) -> Json:
    """All cohorts but one of a feeder are off once."""
    run = {"start": utc(start_ms), "end": utc(start_ms + off_s * S_MS)}
    groups = [{"region": REGION, "feeder": FEEDER, "appliance": appliance, "cohorts": called_but(control),
               "off": [run]}]  # fmt: skip
    times = {"start_ms": start_ms, "end_ms": start_ms + off_s * S_MS, "approve_by_ms": start_ms}
    plan = handed_plan(groups=groups, control_group={"cohort": control}, **times)
    return {name: value for name, value in plan.items() if name != "id"}


def called_but(control: int) -> list[int]:
    return [cohort for cohort in range(COHORTS) if cohort != control]


def assert_off_while_held(loop: Loop, commands: list[Command], left: dict[str, int], *others: str) -> None:
    """Each called appliance is off in all of its off-run, and none of another class on the feeder does anything else.

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
    here = [one for one in loop.town.power_w if loop.feeder(one) == FEEDER]
    for reading in loop.readings(min(start for start, _ in runs.values()), here):
        one, time_ms, power_w = reading["appliance_id"], reading["event_time_ms"], reading["power_w"]
        start_ms, end_ms = runs.get(one, (0, 0))
        if start_ms + 3 * S_MS <= time_ms < end_ms:
            held += 1
            assert power_w == 0, (reading, start_ms, end_ms)
        elif loop.town.appliance[one] not in touched:
            assert power_w == pytest.approx(loop.town.would_w(one, time_ms), abs=0.01)
    assert held > len(runs)


def test_openadr__event_of_a_vtn_is_planned_on_live_flexibility_and_dispatched(loop: Loop, asked: Asked) -> None:
    """The VEN proposes what the planner made of it, another user approves. The event runs while the next test does."""
    plan, event_id = asked.plan, asked.event_id
    assert (plan["origin"]["event_id"], plan["program"], plan["feeder"]) == (asked.event.id, "emergency", VTN_FEEDER)
    assert [row["p50"] >= plan["target_kw"] for row in plan["expected_kw"]] == [True, True]
    history = [(one["action"], one["who"]) for one in loop.planner.event(event_id)["history"]]
    assert history[:3] == [("draft", "operator"), ("propose", "operator"), ("approve", "admin")]
    assert history[3][0] == "schedule"
    assert_commands_are_the_plans(asked.commands, plan)
    called = Counter((command.command_id, one) for command in asked.commands for one in loop.called(command))
    assert called
    wait_for("everybody has answered", lambda: told(loop, event_id, "accepted"), called, 60)


def test_closed_loop__dispatches_once_honours_an_opt_out_and_a_cancellation(loop: Loop) -> None:
    start_ms = now_ms() // S_MS * S_MS + 10 * S_MS
    control = control_cohort(loop)
    fridges = approved(loop, loop.planner.draft(short_plan("fridge", start_ms, 40, control)))
    washers = approved(loop, loop.planner.draft(short_plan("washer_dryer", start_ms, 240, control)))
    wait_for("both run", lambda: [loop.state(one) for one in (fridges, washers)], ["active", "active"], 60)
    commands = loop.commands(fridges)
    assert Counter(one.command_id for one in commands) == Counter({one.command_id: 1 for one in commands})
    assert Counter((one.feeder, one.cohort) for one in commands) == Counter(
        {(FEEDER, cohort): 1 for cohort in called_but(control)}
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
    publish(loop.config.kafka, [out_of_it])
    event_id = commands[0].event_id
    out = wait_until(lambda: [one for one in loop.results(event_id) if one["result"] == "opted_out"], 30, "opted out")
    assert said_ms <= out[0]["event_time_ms"] < said_ms + 10 * S_MS
    assert {house_of(one["appliance_id"]) for one in out} == {house_of(first)}
    return [one for one in own if house_of(one) == house_of(first)]


def test_openadr__reports_stand_beside_measurements_and_the_vtns_cancellation_ends_the_event(
    loop: Loop, asked: Asked
) -> None:
    """What the VEN made of it went to the VTN, too, as an event of our own program: another VEN reports on it."""
    utility, event_id = asked.utility, asked.event_id
    wait_for("it runs", lambda: loop.state(event_id), "active", 90)
    seen_ms = asked.plan["start_ms"] + 20 * S_MS
    rows = wait_until(lambda: running_rows(utility, asked.event, seen_ms), 90, "reports of a running event")
    (checked,) = [one for one in run_checks(events_checks(loop.config, 30), 30) if one.name == "openadr"]
    assert (checked.state, "signed in as gridflex-business" in checked.detail) == ("ok", True)
    name = event_name(event_id, 1)
    (own,) = [one for one in utility.events() if one.event_name == name]
    with open_client(loop.config, Role.VEN) as other:
        other.put_report(Report.model_validate(report_document({"id": own.id}, "aggregator", "r", rows)))
    assert_beside(loop, asked.plan, rows, gridflex(ven_environment(loop), "openadr", "reports", event_id, "--json"))
    utility.cancel_event(asked.event)
    wait_for("the VTN's cancellation ends it", lambda: loop.state(event_id), "cancelled", 30)
    accepted = told(loop, event_id, "accepted")
    wait_for("all of it is taken back", lambda: told(loop, event_id, "restored"), accepted, 60)
    assert_off_when_held(loop, event_id)
    wait_until(lambda: [one.is_cancelled for one in utility.events() if one.event_name == name] == [True], 30)
    assert loop.planner.event(event_id)["history"][-1]["why"] == "the VTN cancelled it"


@contextmanager
def ven(loop: Loop, folder: Path) -> Iterator[None]:
    """``gridflex openadr ven`` in a process of its own; it ends when it is told to."""
    log = folder / "ven.log"
    with log.open("w") as told_to:
        process = subprocess.Popen(
            [str(GRIDFLEX), "openadr", "ven"], env=ven_environment(loop), cwd=ROOT, stdout=told_to, stderr=told_to
        )
        try:
            yield
            process.terminate()
            assert process.wait(30) == 0, log.read_text()
        finally:
            process.kill()
            sys.stderr.write(log.read_text())


def ven_environment(loop: Loop) -> dict[str, str]:
    tokens = read_tokens(loop.config)["users"]
    return loop.environment | {
        TOKEN_VARIABLE: tokens["operator"], VEN_APPROVER_TOKEN: tokens["admin"], "GRIDFLEX_OPENADR_VEN_POLL_S": "1",
        "GRIDFLEX_OPENADR_VEN_PROGRAMS": "utility", "GRIDFLEX_OPENADR_VEN_CURTAILMENT_PROGRAM": "emergency",
    }  # fmt: skip


def ask(loop: Loop, utility: OpenAdrClient, start_ms: int, kw: float) -> Event:
    targets = (target_of(Place(REGION, VTN_FEEDER)),)
    utility.ensure_ven(Ven(ven_name="gridflex", client_id=loop.config.openadr.ven_client_id, targets=targets))
    program = utility.ensure_program(Program(program_name="utility"))
    document = vtn_event(-kw, -kw, start_ms=start_ms, programID=program.id, targets=targets)
    return utility.put_event(Event.model_validate(document))


def dispatched(loop: Loop, asked: Event) -> Json | None:
    """Our one event that comes from the VTN's, once it is scheduled."""
    own = [one for one in loop.planner.events(from_vtn="true") if one["origin"]["event_id"] == asked.id]
    assert len(own) <= 1
    return loop.planner.event(own[0]["event_id"]) if own and own[0]["state"] == "scheduled" else None


def running_rows(utility: OpenAdrClient, asked: Event, since_ms: int) -> list[ReportedInterval]:
    """What our VEN has reported to the utility at ``since_ms`` or later, when it had a reading."""
    if now_ms() < since_ms:
        return []
    found = [row for report in utility.reports(asked.id)
             for row in read_report(report.model_dump(mode="json", by_alias=True, exclude_none=True))]  # fmt: skip
    return found if found and found[0].reading_kw is not None and found[-1].state == "RUNNING_CURTAILED" else []


def assert_beside(loop: Loop, plan: Json, rows: list[ReportedInterval], beside: Json) -> None:
    """A report says what was measured here, and that what the readings say."""
    assert [(one["start_ms"], one["client"], one["reading_kw"], one["baseline_kw"]) for one in beside["reported"]] == [
        (one.start_ms, loop.config.openadr.ven_client_id, one.reading_kw, one.baseline_kw) for one in rows
    ]
    assert beside["problems"] == []
    first, start_ms = beside["measured"][0], plan["start_ms"]
    assert first["start_ms"] == rows[0].start_ms == start_ms
    assert first["setpoint_kw"] <= -plan["target_kw"]
    assert rows[0].available_kw is not None
    slices = {(one["feeder"], one["appliance"]) for one in plan["groups"]}
    ids = [one for one, appliance in loop.town.appliance.items() if (loop.feeder(one), appliance) in slices]
    readings = loop.readings(start_ms - 30 * MIN_MS, ids)
    before_kw = mean_kw([one for one in readings if one["event_time_ms"] < start_ms])
    since_kw = mean_kw([one for one in readings if one["event_time_ms"] >= start_ms])
    assert (first["baseline_kw"], rows[0].baseline_kw) == pytest.approx((before_kw, before_kw), rel=0.03)
    assert (first["measured_kw"], rows[0].reading_kw) == pytest.approx((since_kw, since_kw), rel=0.5, abs=0.05)


def mean_kw(readings: list[Json]) -> float:
    """Mean power of all appliances together."""
    power_w: dict[str, list[float]] = defaultdict(list)
    for one in readings:
        power_w[one["appliance_id"]].append(one["power_w"])
    return sum(sum(one) / len(one) for one in power_w.values()) / 1000


def assert_off_when_held(loop: Loop, event_id: str) -> None:
    """Each appliance that an event called is off whenever it is held, after all that all events said to it."""
    event_ids = {one["event_id"] for one in loop.records("commands")}
    out_ms = {one["appliance_id"]: one["event_time_ms"] for one in loop.records("command_results")
              if one["result"] == "opted_out"}  # fmt: skip
    holds = holds_of([command for one in event_ids for command in loop.commands(one)], out_ms)
    commands, held = loop.commands(event_id), 0
    runs = {one: holds.of(loop.plug(one)) for command in commands for one in loop.called(command)}
    for reading in loop.readings(min(command.start_ms for command in commands), runs):
        own, time_ms = runs[reading["appliance_id"]], reading["event_time_ms"]
        if any(one.start_ms + 3 * S_MS <= time_ms < one.end_ms for one in own):
            held += 1
            assert reading["power_w"] == 0, (reading, own)
    assert held


def told(loop: Loop, event_id: str, *results: str) -> Counter[tuple[str, str]]:
    """Commands and appliances that have answered so."""
    found = loop.results(event_id)
    return Counter((one["command_id"], one["appliance_id"]) for one in found if one["result"] in results)
