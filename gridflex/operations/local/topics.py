"""Creates Kafka's topics."""

from __future__ import annotations

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from gridflex.adapters.kafka.access import topic_names
from gridflex.adapters.kafka.client import client_settings, refuse_at_once
from gridflex.config import Config
from gridflex.errors import ServiceError

_TIMEOUT_S = 30


def create_topics(config: Config) -> None:
    """Create the configured topics where they lack. Raises ``ServiceError`` if one has another number of partitions,
    or if Kafka refuses.

    The number of partitions is part of the data: an appliance's readings are in order only within one.
    """
    server = f"{config.launcher.host}:{config.launcher.kafka_port}"
    kafka = config.kafka.model_copy(update={"bootstrap_servers": server})
    refuse_at_once(kafka)
    client = AdminClient({**client_settings(kafka), "log_level": 0})
    names = topic_names(kafka)
    try:
        found = client.list_topics(timeout=_TIMEOUT_S).topics
        for name in names:
            partitions = len(found[name].partitions) if name in found else kafka.partitions
            if partitions != kafka.partitions:
                raise ServiceError(
                    f"topic {name} has {partitions} partitions, kafka.partitions is {kafka.partitions}: "
                    f"put it back to {partitions}, or delete all state with `gridflex reset`"
                )
        _create(client, [name for name in names if name not in found], config)
    except KafkaException as problem:
        raise ServiceError(f"cannot create the topics on {server}: {problem.args[0].str()}") from None


def _create(client: AdminClient, names: list[str], config: Config) -> None:
    if not names:
        return
    replicas = config.kafka.replication_factor
    topics = [
        NewTopic(
            name,
            num_partitions=config.kafka.partitions,
            replication_factor=replicas,
            config={"min.insync.replicas": str(max(1, replicas - 1))},
        )
        for name in names
    ]
    for made in client.create_topics(topics, operation_timeout=_TIMEOUT_S).values():
        try:
            made.result()
        except KafkaException as problem:
            if problem.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
