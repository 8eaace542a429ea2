"""Checks that Kafka accepts this client and that the topics are as configured."""

from __future__ import annotations

from functools import partial
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from gridflex.adapters.kafka.client import client_settings, refuse_at_once
from gridflex.adapters.kafka.connection_errors import DENIED, authorization_error
from gridflex.adapters.kafka.feed_topics import partitions_of, topic_names
from gridflex.config import Kafka
from gridflex.contracts.feeds import Feed, feeds
from gridflex.operations.checks.runner import Check, TroubleError

KAFKA = "kafka"
_CALL_S = 10.0
_MAKE = "make it: `gridflex up kafka` here; on a cluster `systemctl start gridflex-boot` on the Airflow machine"


def kafka_checks(kafka: Kafka) -> list[Check]:
    """The brokers, then each topic."""
    reach = "is it up, and does this network reach it (kafka.bootstrap_servers)? docs/security.md for its refusals"
    topics = [
        Check(name=topic_check(topic), ask=partial(_topic, kafka, feed, topic), needs=(KAFKA,), remedy=_MAKE)
        for feed, topic in zip(feeds(), topic_names(kafka), strict=True)
    ]
    return [Check(name=KAFKA, ask=partial(_brokers, kafka), remedy=reach), *topics]


def topic_check(topic: str) -> str:
    """The name of a topic's check."""
    return f"topic {topic}"


def _brokers(kafka: Kafka) -> str:
    refuse_at_once(kafka)
    found = _told(kafka)
    how = "signed in" if kafka.security_protocol == "SASL_SSL" else kafka.security_protocol
    if len(found.brokers) < kafka.replication_factor:
        raise TroubleError(
            f"{len(found.brokers)} broker(s) at {kafka.bootstrap_servers}, kafka.replication_factor is "
            f"{kafka.replication_factor}",
            "bring back the brokers that are missing",
        )
    return f"{len(found.brokers)} broker(s) at {kafka.bootstrap_servers}, {how}"


def _topic(kafka: Kafka, feed: Feed, name: str) -> str:
    topic = _told(kafka, name).topics[name]
    if topic.error is not None:
        if topic.error.code() in DENIED:
            raise authorization_error(kafka, f"look at topic {name}", topic.error)
        raise TroubleError(f"{topic.error.str()}", _MAKE)
    partitions = topic.partitions.values()
    right = partitions_of(kafka, feed)
    if len(partitions) != right:
        source = "kafka.partitions" if feed.partitions is None else f"that of feed {feed.name}"
        raise TroubleError(
            f"{len(partitions)} partitions, {source} is {right}",
            f"partitions are part of the data: set {source} to what the topic has, or begin with new topics",
        )
    replicas = {len(one.replicas) for one in partitions}
    if replicas != {kafka.replication_factor}:
        told = " and ".join(map(str, sorted(replicas)))
        raise TroubleError(
            f"{told} replica(s) of each partition, kafka.replication_factor is {kafka.replication_factor}",
            "spread it by kafka-reassign-partitions.sh, or set kafka.replication_factor to what it has",
        )
    behind = [one.id for one in partitions if one.leader < 0 or len(one.isrs) < len(one.replicas)]
    if behind:
        raise TroubleError(f"partitions {behind} have no leader, or not all replicas in sync", "bring the brokers back")
    return f"{len(partitions)} partitions, {kafka.replication_factor} replica(s), all in sync"


def _told(kafka: Kafka, topic: str | None = None) -> Any:
    client = AdminClient({**client_settings(kafka), "log_level": 0, "allow.auto.create.topics": False})
    try:
        return client.list_topics(topic, _CALL_S) if topic else client.list_topics(timeout=_CALL_S)
    except KafkaException as problem:
        raise TroubleError(f"no answer from {kafka.bootstrap_servers}: {problem.args[0].str()}") from None
