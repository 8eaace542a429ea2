"""Reads the topics of the ledger and of the commands by itself, and finds what must never be there.

Nothing of the product is imported: messages are decoded by the schemas' files.
"""

from __future__ import annotations

import io
import json
from typing import Any

import fastavro
from confluent_kafka import Consumer, KafkaError, TopicPartition

from tests.support.ledger_judge import Judge
from tests.support.ledger_rules import ROOT

SCHEMAS = {"curtailment": "curtailment_record", "commands": "command"}


class Watch(Judge):
    """Follows both topics from their first message."""

    def __init__(self, bootstrap_servers: str, zone: str = "UTC") -> None:
        super().__init__(zone)
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": "watch",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 5,
            }
        )
        self._partitions = [
            (topic, number)
            for topic in SCHEMAS
            for number in self._consumer.list_topics(topic, 10).topics[topic].partitions
        ]
        self._consumer.assign([TopicPartition(topic, number, 0) for topic, number in self._partitions])
        self._schemas = {
            topic: fastavro.parse_schema(json.loads((ROOT / "schemas" / f"{name}.avsc").read_text()))
            for topic, name in SCHEMAS.items()
        }
        self._read_to: dict[tuple[str, int], int] = {}

    def close(self) -> None:
        """Close the connection."""
        self._consumer.close()

    def look(self, records: int) -> None:
        """Read what there is, at least so many records of the ledger in all; judge it."""
        for wait_s in (0.0, *[0.02] * 1000):
            self._take(self._consumer.consume(1000, wait_s))
            if self.records >= records:
                break
        else:
            self.faults.append(f"the ledger has {self.records} records; {records} were answered to be written")
        self.judge_commands()

    def finish(self) -> None:
        """Read to the ends of both topics; then nothing may be missing, either."""
        ends = {one: self._consumer.get_watermark_offsets(TopicPartition(*one), 10)[1] for one in self._partitions}
        for _ in range(1000):
            if all(self._read_to.get(one, 0) >= end for one, end in ends.items()):
                break
            self._take(self._consumer.consume(1000, 0.1))
        else:
            self.faults.append(f"nobody can read to the end: {self._read_to}, {ends}")
        super().finish()

    def _take(self, messages: list[Any]) -> None:
        for message in messages:
            place, problem = (message.topic(), message.partition()), message.error()
            if problem is not None:
                assert problem.code() == KafkaError._PARTITION_EOF, problem.str()
                self._read_to[place] = message.offset()
                continue
            row = fastavro.schemaless_reader(io.BytesIO(message.value()[5:]), self._schemas[place[0]], None)
            if place[0] == "commands":
                self.command(row)
            else:
                self.record(message.key().decode(), row)
