"""What a read_committed reader finds in a topic."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from gridflex.adapters.avro import decode
from gridflex.contracts.feeds import feeds
from gridflex.contracts.schemas import accepted_schemas

SCHEMAS = {schema.schema_id: schema for feed in feeds() for schema in accepted_schemas(feed)}


def read_messages(bootstrap_servers: str, topic: str) -> list[Message]:
    """All committed messages of a topic."""
    return list(messages_of(bootstrap_servers, topic))


def messages_of(bootstrap_servers: str, topic: str, since_ms: int | None = None) -> Iterator[Message]:
    """Committed messages of a topic up to its end, one after the other; ``since_ms``: those written from then on."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "tests",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 50,
        }
    )
    partitions = consumer.list_topics(topic, 10).topics[topic].partitions
    places = [TopicPartition(topic, partition, since_ms or 0) for partition in partitions]
    consumer.assign(places if since_ms is None else consumer.offsets_for_times(places, 30))
    ended: set[int] = set()
    while len(ended) < len(partitions):
        for message in consumer.consume(10_000, 1.0):
            error = message.error()
            if error is None:
                yield message
            elif error.code() == KafkaError._PARTITION_EOF:
                ended.add(message.partition())
            else:
                raise AssertionError(error.str())
    consumer.close()


def read_records(bootstrap_servers: str, topic: str) -> list[dict[str, Any]]:
    """All committed records of a topic, decoded."""
    return [decode(message.value(), SCHEMAS) for message in read_messages(bootstrap_servers, topic)]
