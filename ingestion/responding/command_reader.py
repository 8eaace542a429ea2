"""Reads the topic of commands from a position that the caller keeps; it never waits for more."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from gridflex.adapters.avro import decode
from gridflex.adapters.kafka.client import client_settings
from gridflex.adapters.kafka.connection_errors import DENIED, authorization_error
from gridflex.adapters.kafka.feed_topics import topic_of
from gridflex.config import Kafka
from gridflex.contracts.feeds import feed
from gridflex.contracts.schemas import accepted_schemas
from gridflex.domain.curtailment import Command
from gridflex.errors import SchemaError, ServiceError
from ingestion.responding.accepted_commands import command_of

logger = logging.getLogger(__name__)

_FEED = "commands"
_START_S = 60.0
_CALL_S = 10.0
_PAUSE_S = 0.1
_MOST = 10_000


class CommandReader:
    """Reads the commands of an installation. ``position``: the next offset by partition, after all that were taken.

    Raises ``ServiceError`` when the topic cannot be read; while Kafka is away nothing comes, and nothing is raised.
    """

    def __init__(self, kafka: Kafka, group: str, position: Mapping[int, int]) -> None:
        self._kafka = kafka
        self._topic = topic_of(kafka, feed(_FEED))
        self._schemas = {schema.schema_id: schema for schema in accepted_schemas(feed(_FEED))}
        self._consumer = Consumer(
            {
                **client_settings(kafka),
                "group.id": group,
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",  # what retention has removed is over
                "fetch.wait.max.ms": 50,
                "log_level": 0,  # else it writes some 18 lines a second while Kafka is away
            }
        )
        partitions = self._partitions()
        self.position = {number: position.get(number, 0) for number in partitions}
        self._behind = set(partitions)
        self._consumer.assign(
            [TopicPartition(self._topic, number, position.get(number, OFFSET_BEGINNING)) for number in partitions]
        )

    def _partitions(self) -> list[int]:
        try:
            found = self._consumer.list_topics(self._topic, _CALL_S).topics[self._topic]
        except KafkaException as problem:
            raise self._refused(problem.args[0]) from None
        if found.error is not None:
            raise self._refused(found.error)
        return sorted(found.partitions)

    def read_to_end(self) -> list[Command]:
        """All commands up to now."""
        deadline, commands = time.monotonic() + _START_S, list[Command]()
        while self._behind:
            commands += self._take(_PAUSE_S)
            if self._behind and time.monotonic() > deadline:
                raise ServiceError(f"Kafka, topic {self._topic}: not read to its end within {_START_S:.0f} s")
        return commands

    def take(self) -> list[Command]:
        """The commands that have arrived since the last call."""
        return self._take(0)

    def _take(self, wait_s: float) -> list[Command]:
        commands = []
        for message in self._consumer.consume(_MOST, wait_s):
            problem, partition, offset = message.error(), message.partition() or 0, message.offset() or 0
            if problem is None:
                commands += self._command(message)
                self.position[partition] = offset + 1
            elif problem.code() == KafkaError._PARTITION_EOF:
                self._behind.discard(partition)
            elif problem.code() in DENIED or problem.fatal():
                raise self._refused(problem)
        return commands

    def _command(self, message: Message) -> list[Command]:
        """Parse a command; ``None`` if the message is not one: it is logged and ignored."""
        value = message.value()
        try:
            return [command_of(decode(value if isinstance(value, bytes) else b"", self._schemas))]
        except (SchemaError, ValueError, TypeError, KeyError) as problem:
            where = f"{message.topic()}/{message.partition()}/{message.offset()}"
            logger.warning("command=ignored position=%s reason=%s", where, str(problem)[:200])
            return []

    def _refused(self, problem: KafkaError) -> ServiceError:
        if problem.code() in DENIED:
            return authorization_error(self._kafka, f"read topic {self._topic}", problem)
        return ServiceError(f"Kafka at {self._kafka.bootstrap_servers}, topic {self._topic}: {problem.str()}")

    def close(self) -> None:
        """Close the connection."""
        self._consumer.close()
