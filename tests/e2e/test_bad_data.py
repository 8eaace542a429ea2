"""Garbage among good readings: nothing stops, all is kept with reason and offset, the sums are those of the good."""

import math
import random
import struct
import time
from typing import Any

import pytest
from confluent_kafka import Message, Producer

from gridflex.adapters.avro import encode_dicts
from gridflex.contracts.schemas import reading_schema
from tests.e2e.conftest import Running
from tests.support.flow import number, wait_for
from tests.support.topics import read_records

pytestmark = pytest.mark.e2e

HOUSE = "bad-1-0"
START_MS = (int(time.time()) - 86_400) // 60 * 60_000
GOOD = 2_000


def reading(index: int, **changes: Any) -> bytes:
    record = {"event_time_ms": START_MS + index * 3000, "source_time_ms": START_MS, "dataset": "bad", "region": "Tunis",
              "feeder": "TUN-F01", "house_id": HOUSE, "appliance_id": f"{HOUSE}-1", "appliance": "fridge",
              "power_w": 120.0, "observed_s": 3.0}  # fmt: skip
    return encode_dicts(reading_schema(), [record | changes])[0]


def bad_values() -> list[tuple[str, bytes]]:
    chance = random.Random(1)
    frame = reading_schema().frame
    garbage = [chance.randbytes(chance.randint(0, 200)) for _ in range(GOOD // 100)]
    unknown = b"\x01" + struct.pack(">i", 77) + reading(1)[5:]
    absurd = {"power_w": 10e6}
    return [
        *(("unknown_schema", value) for value in garbage),
        ("unknown_schema", unknown),
        ("undecodable", frame),
        ("undecodable", frame + b"\xff" * 30),
        ("undecodable", reading(1)[:40]),
        ("not_finite", reading(1, power_w=math.nan)),
        ("not_finite", reading(1, power_w=math.inf)),
        ("negative_power", reading(1, power_w=-5.0)),
        ("absurd_power", reading(1, **absurd)),
        ("bad_observed", reading(1, observed_s=-1.0)),
        ("bad_time", reading(1, event_time_ms=int(time.time()))),
        ("future_time", reading(1, event_time_ms=(int(time.time()) + 86_400) * 1000)),
    ]


def test_bad_data__is_kept_with_reason_and_offset_and_changes_no_sum(running: Running) -> None:
    values = [("", reading(index)) for index in range(GOOD)]
    chance = random.Random(2)
    for bad in bad_values():
        values.insert(chance.randrange(len(values)), bad)
    sent: dict[tuple[int, int], tuple[str, bytes]] = {}

    def note(reason: str, value: bytes, message: Message) -> None:
        if reason:
            sent[message.partition(), message.offset()] = reason, value

    producer = Producer({"bootstrap.servers": running.config.kafka.bootstrap_servers})
    for reason, value in values:
        producer.produce(
            running.config.kafka.topic_readings, value, HOUSE.encode(),
            on_delivery=lambda error, message, reason=reason, value=value: note(reason, value, message),
        )  # fmt: skip
    producer.flush()
    assert len(sent) == len(bad_values())

    def kept() -> dict[tuple[int, int], tuple[str, bytes]]:
        records = read_records(running.config.kafka.bootstrap_servers, running.config.kafka.topic_dead_letters)
        places = [((r["kafka_partition"], r["kafka_offset"]), (r["reason"], r["raw"])) for r in records]
        return {place: what for place, what in places if place in sent}

    wait_for("dead letters", kept, sent)
    where = f"FROM powerraw WHERE house_id = '{HOUSE}'"
    wait_for("good readings", lambda: number(running.druid, f'SELECT SUM("count") {where}'), GOOD)
    assert number(running.druid, f"SELECT SUM(energy_wh) {where}") == pytest.approx(GOOD * 120 * 3 / 3600, rel=1e-9)
    assert number(running.druid, f"SELECT MAX(power_w_max) {where}") == 120
    assert all(service.healthy for service in running.stack.status())
