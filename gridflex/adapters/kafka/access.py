"""Who may do what in Kafka: each service its own topics, groups and transactions, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from gridflex import config

USERS = ("replay", "spark", "druid", "batch", "check")
"""Kafka's users; Terraform makes a password for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One user may do some things with one resource, or with all whose names begin so."""

    user: str
    resource: Literal["topic", "group", "transactional-id"]
    name: str
    operations: tuple[str, ...]
    prefixed: bool = False

    def arguments(self) -> list[str]:
        """What ``kafka-acls.sh`` takes."""
        words = ["--add", "--force", "--allow-principal", f"User:{self.user}", f"--{self.resource}", self.name]
        words += [word for operation in self.operations for word in ("--operation", operation)]
        return [*words, "--resource-pattern-type", "prefixed" if self.prefixed else "literal"]


def grants(kafka: config.Kafka) -> tuple[Grant, ...]:
    """Every grant. What is not granted is refused."""
    readings, dead = kafka.topic_readings, kafka.topic_dead_letters
    made = (kafka.topic_duty_cycles, kafka.topic_flexibility, dead)
    everything = topic_names(kafka)
    return (
        *_topics("replay", (readings, dead), "Write", "Describe"),
        # A position is kept as an offset of the readings' topic, which Kafka lets only its readers commit.
        *_topics("replay", (readings,), "Read"),
        *_own_transactions("replay", "replay-"),
        *_topics("spark", (readings,), "Read", "Describe"),
        *_topics("spark", made, "Write", "Describe"),
        *_own_transactions("spark", "stream-"),
        _group("spark", "spark-kafka-source-"),
        *_topics("druid", everything, "Read", "Describe"),
        _group("druid", "kafka-supervisor-"),
        *_topics("batch", everything, "Read", "Describe"),
        _group("batch", "gridflex-batch"),
        # `gridflex deploy check`: looks at every topic, sends a canary, sees what the stream makes of it.
        *_topics("check", everything, "Read", "Describe"),
        *_topics("check", (readings,), "Write"),
        _group("check", "check"),
    )


def topic_names(kafka: config.Kafka) -> tuple[str, ...]:
    """Every topic."""
    return (kafka.topic_readings, kafka.topic_duty_cycles, kafka.topic_dead_letters, kafka.topic_flexibility)


def topic_arguments(kafka: config.Kafka) -> list[list[str]]:
    """What ``kafka-topics.sh`` takes to make each topic, if it is not there."""
    shape = ["--partitions", str(kafka.partitions), "--replication-factor", str(kafka.replication_factor)]
    safe = ["--config", f"min.insync.replicas={max(1, kafka.replication_factor - 1)}"]
    return [["--create", "--if-not-exists", "--topic", name, *shape, *safe] for name in topic_names(kafka)]


def allows(granted: Iterable[Grant], user: str, operation: str, resource: str, name: str) -> bool:
    """Whether one of the grants lets the user do it."""
    return any(
        grant.user == user
        and grant.resource == resource
        and operation in grant.operations
        and (name.startswith(grant.name) if grant.prefixed else name == grant.name)
        for grant in granted
    )


def _topics(user: str, topics: Sequence[str], *operations: str) -> list[Grant]:
    return [Grant(user=user, resource="topic", name=topic, operations=operations) for topic in topics]


def _own_transactions(user: str, prefix: str) -> tuple[Grant, Grant]:
    mine = Grant(user=user, resource="transactional-id", name=prefix, operations=("Write", "Describe"), prefixed=True)
    return (mine, _group(user, prefix))


def _group(user: str, prefix: str) -> Grant:
    return Grant(user=user, resource="group", name=prefix, operations=("Read", "Describe"), prefixed=True)
