"""Houses that respond on the real stack, two people who look after them, and what the topics say of their events."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gridflex.adapters.avro import decode
from gridflex.adapters.events.client import EventsClient
from gridflex.adapters.events.tokens import read_tokens
from gridflex.config import ROOT, Config
from gridflex.config.event_users import TOKEN_VARIABLE
from gridflex.contracts.flexibility import load_rules
from gridflex.domain.curtailment import Command, CommandAction, Holds, Plug, cohort_of
from gridflex.errors import ServiceError
from gridflex.instants import instant_ms
from ingestion.premises import load_premises
from tests.support.flow import gridflex
from tests.support.responding_town import LiveTown
from tests.support.stack import wait_until
from tests.support.topics import SCHEMAS, messages_of, read_records

S_MS, MIN_MS = 1000, 60_000
STEP_MS = 5 * MIN_MS
Json = dict[str, Any]


@dataclass(frozen=True)
class Loop:
    """Houses that respond, and two people who look after them."""

    config: Config
    environment: dict[str, str]
    town: LiveTown
    truth: Path
    planner: EventsClient
    approver: EventsClient
    feeders: dict[str, str]
    """By house."""

    def records(self, topic: str) -> list[Json]:
        """All committed records of a topic."""
        return read_records(self.config.kafka.bootstrap_servers, topic)

    def commands(self, event_id: str) -> list[Command]:
        """Of an event."""
        found = [one for one in self.records("commands") if one["event_id"] == event_id]
        return [Command(**one | {"action": CommandAction(one["action"])}) for one in found]

    def results(self, event_id: str) -> list[Json]:
        """Answers to an event's commands."""
        return [one for one in self.records("command_results") if one["event_id"] == event_id]

    def readings(self, since_ms: int, of: Collection[str] = ()) -> list[Json]:
        """Of the town or some of its appliances, of instants from ``since_ms`` on.

        Other tests have left what is no reading on this topic.
        """
        kafka, wanted = self.config.kafka, {one.encode() for one in of or self.town.power_w}
        messages = messages_of(kafka.bootstrap_servers, kafka.topic_readings, since_ms)
        own = [decode(one.value(), SCHEMAS) for one in messages if one.key() in wanted]
        return [one for one in own if one["event_time_ms"] >= since_ms]

    def truths(self, event_id: str) -> list[Json]:
        """Lines of the truth file about an event."""
        lines = [json.loads(line) for line in self.truth.read_text(encoding="utf-8").splitlines()]
        return [one for one in lines if one["event_id"] == event_id]

    def state(self, event_id: str) -> str:
        """Of an event, as the service tells it."""
        return str(self.planner.event(event_id)["state"])

    def called(self, command: Command) -> list[str]:
        """Appliances that a command is for."""
        return [one for one, name in self.town.appliance.items() if name == command.appliance
                and cohort_of(house_of(one)) == command.cohort and self.feeder(one) == command.feeder]  # fmt: skip

    def feeder(self, appliance_id: str) -> str:
        """Of an appliance."""
        return self.feeders[house_of(appliance_id)]

    def plug(self, appliance_id: str) -> Plug:
        """How the domain knows an appliance."""
        return Plug(region=self.town.site.region, feeder=self.feeder(appliance_id), house_id=house_of(appliance_id),
                    appliance=self.town.appliance[appliance_id], appliance_id=appliance_id)  # fmt: skip

    def flexible_kw(self) -> dict[str, float]:
        """P50 of half an hour by feeder, of the minute just told; empty until the stream tells of nearly everybody."""
        asked = ("curtail", "flex", "--region", self.town.site.region, "--json")
        try:
            rows = gridflex(self.environment, *asked)
        except AssertionError:  # not even the region is known yet
            return {}
        rows = [row for row in rows if row["feeder"] in self.town.site.feeders]
        fridges = {row["feeder"]: row["fresh_share"] for row in rows if row["appliance"] == "fridge"}
        if fridges.keys() != set(self.town.site.feeders) or min(fridges.values()) < 0.95:
            return {}
        found: Counter[str] = Counter()
        for row in rows:
            if row["horizon_min"] == 30:
                found[row["feeder"]] += row["p50_kw"]
        return dict(found)


def house_of(appliance_id: str) -> str:
    """The house of an appliance."""
    return appliance_id.rpartition("-")[0]


def now_ms() -> int:
    """UTC epoch."""
    return time.time_ns() // 1_000_000


@contextmanager
def responding(
    config: Config, environment: dict[str, str], folder: Path, town: LiveTown, name: str, live_within_s: float
) -> Iterator[Loop]:
    """The houses of a town respond, up to the present. ``name``: of the replay."""
    truth = folder / "truth.jsonl"
    command = [sys.executable, "-m", "ingestion", "replay", "redd", "--path", str(town.path), "--align", "today",
               "--replay-id", name, "--respond", "--truth", str(truth)]  # fmt: skip
    own = environment | {"GRIDFLEX_REPLAY_PREMISES": str(town.premises)}
    replay = subprocess.Popen(command, env=own, cwd=ROOT, stdout=subprocess.DEVNULL)
    tokens = read_tokens(config)["users"]
    people = [EventsClient(config, {TOKEN_VARIABLE: tokens[name]}) for name in ("operator", "admin")]
    status = config.state_dir / "replay" / f"{name}.json"
    try:
        wait_until(lambda: _is_live(status), live_within_s, "the houses are live")
        premises = load_premises(town.premises)
        places = {house_of(one): premises.place("redd", one.split("-")[1], 0).feeder for one in town.power_w}
        yield Loop(config, environment, town, truth, people[0], people[1], places)
    finally:
        replay.terminate()
        replay.wait(60)


def _is_live(status: Path) -> bool:
    told = json.loads(status.read_text(encoding="utf-8")) if status.is_file() else {}
    return now_ms() - (told.get("event_time_ms") or 0) < 15 * S_MS


def approved(loop: Loop, drafted: Json) -> str:
    """Propose what one person has drafted, and let another approve it; the event's id."""
    event_id, about = drafted["event_id"], {"content_hash": drafted["content_hash"]}
    loop.planner.act(event_id, "propose", **about)
    with pytest.raises(ServiceError, match="cannot approve"):
        loop.planner.act(event_id, "approve", **about)
    loop.approver.act(event_id, "approve", **about)
    return str(event_id)


def assert_commands_are_the_plans(commands: Sequence[Command], plan: Json) -> None:
    """Each off-run of each cohort that the plan calls is there once, nothing else is, and the control group is not."""
    expected = Counter(
        (group["feeder"], group["appliance"], cohort, *(instant_ms("plan", run[end]) for end in ("start", "end")))
        for group in plan["groups"]
        for cohort in group["cohorts"]
        for run in group["off"]
    )
    found = Counter((one.feeder, one.appliance, one.cohort, one.start_ms, one.end_ms) for one in commands)
    assert found == expected
    assert len({one.command_id for one in commands}) == len(commands)
    assert {one.action for one in commands} == {CommandAction.OFF}
    assert plan["control_group"]["cohort"] not in {one.cohort for one in commands}


def holds_of(commands: Sequence[Command], opt_outs_ms: Mapping[str, int]) -> Holds:
    """When appliances are off, after all that was said to them. ``opt_outs_ms``: by appliance."""
    holds = Holds({rule.appliance: rule for rule in load_rules().rows if not rule.dataset})
    for command in commands:
        holds.take(command)
    for appliance_id, time_ms in opt_outs_ms.items():
        holds.opt_out(appliance_id, time_ms)
    return holds
