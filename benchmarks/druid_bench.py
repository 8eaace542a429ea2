"""(d) Rows a second of one Druid ingestion task, against a plain consumer of the same topic."""

from __future__ import annotations

import time

from confluent_kafka import Consumer, TopicPartition

from benchmarks.measure import RUNS, Figure
from gridflex.adapters.druid.client import Druid
from gridflex.adapters.druid.specs import supervisor_specs
from gridflex.config import Config

_POLL_S = 0.1


def run(config: Config, readings: int) -> list[Figure]:
    """The topic holds ``readings`` of them; each run ingests all of it anew into a data source of its own."""
    _wait_until_idle(config, readings)
    ratios = []
    rates = []
    for number in range(RUNS):
        rate, peer = _ingest(config, readings, f"bench_druid_{number}"), _consume(config)
        rates.append(rate)
        ratios.append(rate / peer)
    middle = len(rates) // 2
    return [
        Figure(name=f"Druid, one task, {readings:,} readings", value=sorted(rates)[middle], unit="rows/s"),
        Figure(name="Druid / plain consumer", value=sorted(ratios)[middle], unit=""),
    ]


def _wait_until_idle(config: Config, readings: int) -> None:
    """The stack's own supervisor has read the topic too and is not in the way."""
    druid = Druid(config.druid)
    while sum(druid.row_counts(config.kafka.topic_readings).values()) < readings:
        time.sleep(_POLL_S)


def _ingest(config: Config, readings: int, source: str) -> float:
    """From the first row that is counted to the last."""
    druid = Druid(config.druid)
    spec = supervisor_specs(config)[config.kafka.topic_readings]
    spec["spec"]["dataSchema"]["dataSource"] = source
    druid.submit_supervisor(spec)
    first: tuple[float, int] | None = None
    while True:
        counts = druid.row_counts(source)
        done = counts.get("processed", 0) + counts.get("thrownAway", 0) + counts.get("unparseable", 0)
        if done and first is None:
            first = (time.monotonic(), done)
        if done >= readings and first is not None:
            rate = (done - first[1]) / max(time.monotonic() - first[0], 1e-6)
            druid.terminate_supervisor(source)
            return rate
        time.sleep(_POLL_S)


def _consume(config: Config) -> float:
    """Messages a second that a plain consumer takes from the topic."""
    topic = config.kafka.topic_readings
    consumer = Consumer({"bootstrap.servers": config.kafka.bootstrap_servers, "group.id": "bench",
                         "enable.auto.commit": False, "isolation.level": "read_committed",
                         "enable.partition.eof": True})  # fmt: skip
    partitions = consumer.list_topics(topic, 10).topics[topic].partitions
    consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
    count = ended = 0
    started = time.monotonic()
    while ended < len(partitions):
        for message in consumer.consume(10_000, 1.0):
            if message.error() is None:
                count += 1
            else:
                ended += 1
    consumer.close()
    return count / (time.monotonic() - started)
