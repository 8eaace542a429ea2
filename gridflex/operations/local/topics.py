"""Creates Kafka's topics."""

from __future__ import annotations

from collections.abc import Mapping

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from gridflex.adapters.kafka.answers import answer
from gridflex.adapters.kafka.client import client_settings, refuse_at_once
from gridflex.adapters.kafka.feed_topics import partitions_of, topic_names, topic_settings
from gridflex.config import Config, Kafka
from gridflex.contracts.feeds import Feed, feeds
from gridflex.errors import ServiceError

_TIMEOUT_S = 30


def create_topics(config: Config) -> None:
    """Create the feeds' topics where they are missing. Raises ``ServiceError`` if one has another number of partitions,
    or if Kafka refuses.

    The number of partitions is part of the data: an appliance's readings are in order only within one.
    """
    server = f"{config.launcher.host}:{config.launcher.kafka_port}"
    kafka = config.kafka.model_copy(update={"bootstrap_servers": server})
    refuse_at_once(kafka)
    client = AdminClient({**client_settings(kafka), "log_level": 0})
    wanted = dict(zip(topic_names(kafka), feeds(), strict=True))
    try:
        found = client.list_topics(timeout=_TIMEOUT_S).topics
        for name, feed in wanted.items():
            right = partitions_of(kafka, feed)
            partitions = len(found[name].partitions) if name in found else right
            if partitions != right:
                source = "kafka.partitions" if feed.partitions is None else f"that of feed {feed.name}"
                raise ServiceError(
                    f"topic {name} has {partitions} partitions, {source} is {right}: "
                    f"put it back to {partitions}, or delete all state with `gridflex reset`"
                )
        _create(client, {name: feed for name, feed in wanted.items() if name not in found}, kafka)
    except KafkaException as problem:
        raise ServiceError(f"cannot create the topics on {server}: {problem.args[0].str()}") from None


def _create(client: AdminClient, wanted: Mapping[str, Feed], kafka: Kafka) -> None:
    if not wanted:
        return
    topics = [
        NewTopic(
            name,
            num_partitions=partitions_of(kafka, feed),
            replication_factor=kafka.replication_factor,
            config=topic_settings(kafka, feed),
        )
        for name, feed in wanted.items()
    ]
    for made in client.create_topics(topics, operation_timeout=_TIMEOUT_S).values():
        try:
            answer(made)
        except KafkaException as problem:
            if problem.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
