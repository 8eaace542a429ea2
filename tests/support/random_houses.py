"""Households of a day of random events: they follow the topic of commands by the clock of the day, and answer."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from itertools import pairwise
from random import Random

import numpy as np
from confluent_kafka import Producer

from gridflex.adapters.avro import encode_dicts
from gridflex.adapters.kafka.command_messages import decode_command
from gridflex.adapters.kafka.enrolment import publish
from gridflex.adapters.kafka.reader import Topic
from gridflex.config import Kafka
from gridflex.contracts.feeds import feed
from gridflex.contracts.schemas import written_schema
from gridflex.domain.curtailment import Command, CommandAction, CommandResult, Result
from gridflex.domain.enrolment import Enrolment, Participation
from ingestion.responding.accepted_commands import AcceptedCommands, Answer
from ingestion.responding.appliances import Appliance, Fleet
from ingestion.responding.behaviour import Behaviour
from tests.support.dispatching import Clock
from tests.support.ledger_rules import MINUTE_MS, table
from tests.support.random_plans import CLASSES, REGIONS, feeders

HOUSES = 30
"""Of each region."""
_NEVER_MS = 1 << 60
_LOOKS = 40


def _fleet() -> Fleet:
    """One appliance of each class in every house."""
    return Fleet([
        Appliance(dataset="redd", region=region, feeder=feeders(region)[number % 2],
                  house_id=f"redd-{100 * place + number}-0", appliance_id=f"redd-{100 * place + number}-0-{channel}",
                  appliance=name)
        for place, region in enumerate(REGIONS, 1)
        for number in range(HOUSES)
        for channel, name in enumerate(CLASSES)
    ])  # fmt: skip


class Houses:
    """The product's own plugs; what they were off for is kept for ``house_faults``."""

    def __init__(self, kafka: Kafka, clock: Clock) -> None:
        self._kafka, self._clock = kafka, clock
        self.fleet = _fleet()
        behaviour = Behaviour(latency_s=1, unreachable_share=0.04, refusal_share=0.08, opt_out_share=0.08)
        self._commands = AcceptedCommands(self.fleet, behaviour, np.zeros(len(self.fleet), dtype=np.int64))
        self._producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "linger.ms": 1})
        self._topic = Topic(kafka, "commands")
        self._read = self._topic.end_offsets()
        self._participation = Participation()
        self.left_ms: dict[str, list[tuple[int, int]]] = defaultdict(list)
        """By house, from when to when it was opted out."""
        self.off_ms: dict[tuple[int, str], tuple[int, int]] = {}
        """By appliance and command, its off-run."""
        self.restored_ms: dict[tuple[str, int], int] = {}
        """By event and version, when it was taken back."""
        self.answers: Counter[str] = Counter()

    def close(self) -> None:
        """Nothing is left to be sent."""
        assert self._producer.flush(10) == 0

    def say(self, random: Random) -> None:
        """One household opts out, for an hour or for good, or comes back."""
        now_ms = self._now_ms()
        house = random.choice(self.fleet.appliances).house_id
        out = random.random() < 0.7
        until_ms = random.choice([0, now_ms + 60 * MINUTE_MS]) if out else 0
        said = Enrolment(house_id=house, opted_out=out, until_ms=until_ms, event_time_ms=now_ms, source="day")
        publish(self._kafka, [said])
        self._participation = self._participation.after([(said.key, said)])
        times_ms = self.left_ms[house]
        if times_ms:
            times_ms[-1] = (times_ms[-1][0], min(times_ms[-1][1], now_ms))
        if out:
            times_ms.append((now_ms, until_ms or _NEVER_MS))
        self.follow()

    def hear(self) -> None:
        """Take what was commanded just now, before the clock goes on; its transaction ends within milliseconds."""
        heard = False
        for _ in range(_LOOKS):
            now = self.follow()
            if heard and not now:
                return
            heard = heard or now

    def follow(self) -> bool:
        """Take what was commanded, do what is due, and answer; whether there was anything."""
        end = self._topic.end_offsets()
        messages = [] if end == self._read else list(self._topic.messages(self._read, end))
        commands = [decode_command(message.value() or b"") for message in messages]
        self._read = end
        for one in commands:
            if one.action is CommandAction.RESTORE:
                self.restored_ms[one.event_id, one.version] = one.start_ms
        self._commands.take(commands, self._participation, self._now_ms())
        self._commands.follow(self._participation, self._now_ms())
        for series, of_series in self._commands._open.items():
            for accepted in of_series:
                self.off_ms[series, accepted.command.command_id] = (accepted.start_ms, accepted.end_ms)
        answers = self._commands.due(self._now_ms())
        for value in encode_dicts(written_schema(feed("command_results")), [self._row(one) for one in answers]):
            self._producer.produce("command_results", value)
        self._producer.flush(10)
        self.answers.update(one.result for one in answers)
        return bool(commands or answers)

    def _row(self, one: Answer) -> dict[str, object]:
        appliance, names = self.fleet.appliances[one.series], Command.__slots__
        values = {name: getattr(one.command, name) for name in names if name in CommandResult.__slots__}
        told = {"event_time_ms": one.time_ms, "house_id": appliance.house_id, "appliance_id": appliance.appliance_id}
        return asdict(CommandResult(**(values | told), result=Result(one.result), reason=one.reason))

    def _now_ms(self) -> int:
        return round(self._clock() * 1000)


def house_faults(houses: Houses) -> Iterator[str]:
    """Off-runs of appliances that no rule, opt-out or restore allows, by the tables and by plain arithmetic."""
    rules = {row["appliance"]: row for row in table("flexibility_rules.csv") if not row["dataset"]}
    runs: dict[int, list[tuple[int, int, str]]] = defaultdict(list)
    for (series, command_id), (start_ms, end_ms) in houses.off_ms.items():
        if start_ms < end_ms:
            runs[series].append((start_ms, end_ms, command_id))
    for series, found in runs.items():
        one = houses.fleet.appliances[series]
        for what in _beyond_rule(rules[one.appliance], sorted(found)):
            yield f"{one.appliance_id}: {what}"
        for start_ms, end_ms, command_id in found:
            for left_ms, back_ms in houses.left_ms[one.house_id]:
                if start_ms < left_ms < end_ms or left_ms < start_ms < back_ms:
                    yield f"{one.appliance_id}: off by {command_id} in {start_ms}..{end_ms}, opted out at {left_ms}"
            event_id, version, _ = command_id.split("/")
            if end_ms > houses.restored_ms.get((event_id, int(version)), _NEVER_MS) + 20_000:
                yield f"{one.appliance_id}: off after {command_id} was taken back"


def _beyond_rule(rule: Mapping[str, str], runs: list[tuple[int, int, str]]) -> Iterator[str]:
    cycled = rule["handling"] == "cycle"
    if rule["handling"] == "never":
        yield "it is never off, but was"
    for start_ms, end_ms, command_id in runs:
        if cycled and end_ms - start_ms > float(rule["max_off_min"]) * MINUTE_MS:
            yield f"off for {(end_ms - start_ms) / MINUTE_MS} min by {command_id}"
    for (_, before_ms, _), (after_ms, _, command_id) in pairwise(runs):
        if after_ms - before_ms < (float(rule["min_on_min"]) * MINUTE_MS if cycled else 0):
            yield f"on for {(after_ms - before_ms) / MINUTE_MS} min before {command_id}"
