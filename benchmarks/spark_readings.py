"""Readings for the Spark benchmarks: on a real Kafka, of as many appliances as wanted, made from one seed."""

from __future__ import annotations

import time

import numpy as np
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from gridflex import config
from gridflex.adapters.avro import Coded, StringTable, encode_columns
from gridflex.adapters.kafka.writer import TransactionalWriter
from gridflex.contracts.schemas import reading_schema
from gridflex.domain.readings import Floats, HouseId, Ints

IDENTITY = ("dataset", "region", "feeder", "house_id", "appliance_id", "appliance")
PER_HOUSE = 20
STEP_S = 3
ON_W = {
    "fridge": 110.0, "freezer": 90.0, "dishwasher": 1800.0, "washing_machine": 500.0, "microwave": 1200.0,
    "kettle": 2500.0, "oven": 2000.0, "lighting": 60.0, "tv": 120.0, "electric_heat": 1500.0, "electronics": 40.0,
    "mains": 900.0,
}  # fmt: skip
"""Power while on, of the classes that take turns."""


def fill(kafka: config.Kafka, topic: str, *, appliances: int, readings: int, seed: int = 1) -> None:
    """Write ``readings`` readings of ``appliances`` appliances to a new topic, every appliance once per 3 s."""
    create(kafka, topic)
    random = np.random.default_rng(seed)
    classes = list(ON_W)
    names = [classes[number % len(classes)] for number in range(appliances)]
    houses = [HouseId(dataset="redd", house=str(number // PER_HOUSE)) for number in range(appliances)]
    ids = [str(house.series(str(number % PER_HOUSE))) for number, house in enumerate(houses)]
    identity = [
        ("redd", f"region-{number // 5000}", f"feeder-{number // 500}", str(house), appliance_id, name)
        for number, (house, appliance_id, name) in enumerate(zip(houses, ids, names, strict=True))
    ]
    table = StringTable(identity)
    keys = np.array([row[4].encode() for row in identity], dtype=object)
    on_w = np.array([ON_W[name] for name in names])
    on = random.random(appliances) < 0.3
    start_ms = (int(time.time()) - 3600 - STEP_S * readings // appliances) * 1000
    with TransactionalWriter(kafka, f"fill-{topic}") as writer:
        for step in range(readings // appliances):
            on = on ^ (random.random(appliances) < 0.02)
            power = np.where(on, on_w, 2.0) * random.uniform(0.95, 1.05, appliances)
            values = _values(table, start_ms + step * STEP_S * 1000, power, first=step == 0)
            writer.commit({topic: list(zip(keys.tolist(), values, strict=True))}, str(step))


def create(kafka: config.Kafka, topic: str) -> None:
    """A topic with the configured partitions."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    made = admin.create_topics([NewTopic(topic, kafka.partitions, kafka.replication_factor)])
    made[topic].result(30)


def size(kafka: config.Kafka, topic: str) -> int:
    """Offsets in a topic, markers of transactions included."""
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": "size"})
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        marks = [consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=10) for number in partitions]
    finally:
        consumer.close()
    return sum(high - low for low, high in marks)


def _values(table: StringTable, time_ms: int, power_w: Floats, *, first: bool) -> list[bytes]:
    count = len(power_w)
    instants: Ints = np.full(count, time_ms)
    return encode_columns(
        reading_schema(),
        {
            "event_time_ms": instants,
            "source_time_ms": instants,
            IDENTITY: Coded(codes=np.arange(count), table=table),
            "power_w": power_w,
            "observed_s": np.full(count, 0.0 if first else float(STEP_S)),
        },
    )
