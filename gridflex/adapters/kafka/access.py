"""Grants each service its own topics, groups and transactions in Kafka, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from gridflex import config
from gridflex.adapters.kafka.feed_topics import position_topic, topic_of
from gridflex.contracts.feeds import KafkaUser, feeds

USERS: tuple[KafkaUser, ...] = get_args(KafkaUser)
_TRANSACTIONS: dict[KafkaUser, str] = {"replay": "replay-", "spark": "stream-", "events": "ledger"}
"""How the names of their transactions, and of the groups beside them, begin, of those who write so."""
_NOTE_POSITIONS: frozenset[KafkaUser] = frozenset({"replay", "spark"})
"""Those whose transactions note a position."""
_GROUPS: dict[KafkaUser, str] = {
    "spark": "spark-kafka-source-",
    "druid": "kafka-supervisor-",
    "batch": "gridflex-batch",
    "check": "check",
    "events": "gridflex-batch",
}
"""How the names of their consumer groups begin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Allows one user some operations on one resource, or on all whose names begin with its name."""

    user: str
    resource: Literal["topic", "group", "transactional-id"]
    name: str
    operations: tuple[str, ...]
    prefixed: bool = False

    def arguments(self) -> list[str]:
        """The grant as arguments of ``kafka-acls.sh``."""
        words = ["--add", "--force", "--allow-principal", f"User:{self.user}", f"--{self.resource}", self.name]
        words += [word for operation in self.operations for word in ("--operation", operation)]
        return [*words, "--resource-pattern-type", "prefixed" if self.prefixed else "literal"]


def grants(kafka: config.Kafka) -> tuple[Grant, ...]:
    """All grants; whatever is not granted is refused."""
    return (
        *(grant for user in USERS for grant in _topics(kafka, user)),
        *(grant for user, prefix in _TRANSACTIONS.items() for grant in _own_transactions(user, prefix)),
        *(_group(user, prefix) for user, prefix in _GROUPS.items()),
    )


def allows(granted: Iterable[Grant], user: str, operation: str, resource: str, name: str) -> bool:
    """Whether one of the grants lets the user do it."""
    return any(
        grant.user == user
        and grant.resource == resource
        and operation in grant.operations
        and (name.startswith(grant.name) if grant.prefixed else name == grant.name)
        for grant in granted
    )


def _topics(kafka: config.Kafka, user: KafkaUser) -> Iterator[Grant]:
    """The grants of a user for each topic that a feed's row lets it read or write."""
    positions = {position_topic(kafka)} if user in _NOTE_POSITIONS else set()
    for feed in feeds():
        topic = topic_of(kafka, feed)
        # A position is kept as an offset of a topic, which Kafka lets only the topic's readers commit.
        reads = ("Read",) if user in feed.readers or topic in positions else ()
        writes = ("Write",) if user in feed.writers else ()
        if reads or writes:
            yield Grant(user=user, resource="topic", name=topic, operations=(*reads, *writes, "Describe"))


def _own_transactions(user: str, prefix: str) -> tuple[Grant, Grant]:
    mine = Grant(user=user, resource="transactional-id", name=prefix, operations=("Write", "Describe"), prefixed=True)
    return (mine, _group(user, prefix))


def _group(user: str, prefix: str) -> Grant:
    return Grant(user=user, resource="group", name=prefix, operations=("Read", "Describe"), prefixed=True)
