"""Writes commands to their topic, and reads the answers to them from a time on without waiting for more."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cache

from confluent_kafka import Consumer, KafkaError, TopicPartition

from gridflex import config
from gridflex.adapters.avro import decode, encode_dicts
from gridflex.adapters.kafka.client import own_reader_settings
from gridflex.adapters.kafka.connection_errors import DENIED, authorization_error
from gridflex.adapters.kafka.feed_topics import topic_of
from gridflex.adapters.kafka.reader import Topic
from gridflex.contracts.feeds import feed
from gridflex.contracts.schemas import Schema, accepted_schemas, written_schema
from gridflex.domain.curtailment import Command, CommandAction, CommandResult, Result
from gridflex.errors import SchemaError, ServiceError

logger = logging.getLogger(__name__)

_MOST = 10_000
_LOST = {KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE}


def command_messages(kafka: config.Kafka, commands: Sequence[Command]) -> dict[str, list[tuple[bytes, bytes]]]:
    """Commands as ``{topic: [(key, value)]}``; empty without any."""
    if not commands:
        return {}
    rows = [asdict(one) | {"action": str(one.action)} for one in commands]
    values = encode_dicts(written_schema(feed("commands")), rows)
    keys = [one.key.encode() for one in commands]
    return {topic_of(kafka, feed("commands")): list(zip(keys, values, strict=True))}


def decode_command(value: bytes) -> Command:
    """Decode a command. Raises ``SchemaError`` or ``ValueError`` if the message is not one."""
    row = decode(value, _schemas("commands"))
    return Command(**{**row, "action": CommandAction(row["action"])})


def decode_result(value: bytes) -> CommandResult:
    """Decode an answer. Raises ``SchemaError`` or ``ValueError`` if the message is not one."""
    row = decode(value, _schemas("command_results"))
    return CommandResult(**{**row, "result": Result(row["result"])})


class ResultsInbox:
    """Committed answers to commands, of all partitions, in order of each.

    Raises ``ServiceError`` when the topic cannot be read. While Kafka is away nothing comes, and nothing is raised.
    """

    def __init__(self, kafka: config.Kafka, since_ms: int) -> None:
        """``since_ms``: answers that Kafka took before it are left out."""
        self._kafka = kafka
        self._name = topic_of(kafka, feed("command_results"))
        start = Topic(kafka, self._name).offsets_at(since_ms)
        self._consumer = Consumer(
            {
                **own_reader_settings(kafka),
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 50,
                "log_level": 0,  # else it writes some 18 lines a second while Kafka is away
            }
        )
        self._consumer.assign([TopicPartition(self._name, partition, at) for partition, at in start.items()])

    def take(self) -> Iterator[CommandResult]:
        """The answers that have come."""
        for message in self._consumer.consume(_MOST, 0):
            problem, value = message.error(), message.value()
            if problem is not None:
                self._check(problem)
                continue
            try:
                yield decode_result(value if isinstance(value, bytes) else b"")
            except (SchemaError, ValueError, TypeError) as fault:
                where = f"{message.topic()}/{message.partition()}/{message.offset()}"
                logger.warning("command_result=ignored position=%s reason=%s", where, str(fault)[:200])

    def close(self) -> None:
        """Close the connection."""
        self._consumer.close()

    def _check(self, problem: KafkaError) -> None:
        if problem.code() in DENIED:
            raise authorization_error(self._kafka, f"read topic {self._name}", problem)
        if problem.code() in _LOST or problem.fatal():
            raise ServiceError(f"Kafka, topic {self._name}: {problem.str()}")


@cache
def _schemas(name: str) -> Mapping[int, Schema]:
    return {schema.schema_id: schema for schema in accepted_schemas(feed(name))}
