"""Determines the topics of the feeds in this installation: names, partitions, settings."""

from __future__ import annotations

from gridflex import config
from gridflex.contracts.feeds import Feed, feeds, position_feed
from gridflex.errors import ConfigError

_MS_PER_H = 3_600_000


def topic_of(kafka: config.Kafka, feed: Feed) -> str:
    """The name of a feed's topic: the configuration's, or its row's if no key of the configuration names it.

    >>> from gridflex.contracts.feeds import feed
    >>> topic_of(config.Kafka(topic_readings="mine"), feed("readings"))
    'mine'
    """
    return feed.topic if feed.topic_setting is None else str(getattr(kafka, feed.topic_setting))


def topic_names(kafka: config.Kafka) -> tuple[str, ...]:
    """Every topic. Raises ``ConfigError`` if two feeds have one topic."""
    names = tuple(topic_of(kafka, feed) for feed in feeds())
    if len(set(names)) < len(names):
        raise ConfigError(f"topics of the feeds: found {', '.join(names)}; allowed: each name once")
    return names


def position_topic(kafka: config.Kafka) -> str:
    """The topic with whose offsets transactional writers note their positions."""
    return topic_of(kafka, position_feed())


def partitions_of(kafka: config.Kafka, feed: Feed) -> int:
    """How many partitions a feed's topic has."""
    return feed.partitions or kafka.partitions


def topic_settings(kafka: config.Kafka, feed: Feed) -> dict[str, str]:
    """What a feed's topic sets other than the brokers do."""
    settings = {"min.insync.replicas": str(max(1, kafka.replication_factor - 1))}
    if feed.retention_h == "forever":
        settings |= {"retention.ms": "-1", "retention.bytes": "-1"}
    elif feed.retention_h is not None:
        settings["retention.ms"] = str(round(feed.retention_h * _MS_PER_H))
    if feed.cleanup != "delete":
        settings["cleanup.policy"] = feed.cleanup
    if feed.max_message_bytes is not None:
        settings["max.message.bytes"] = str(feed.max_message_bytes)
    return settings


def topic_arguments(kafka: config.Kafka) -> list[list[str]]:
    """What ``kafka-topics.sh`` takes to make each topic, if it is not there."""
    return [_arguments(kafka, feed, name) for feed, name in zip(feeds(), topic_names(kafka), strict=True)]


def _arguments(kafka: config.Kafka, feed: Feed, name: str) -> list[str]:
    shape = ["--partitions", str(partitions_of(kafka, feed)), "--replication-factor", str(kafka.replication_factor)]
    settings = [f"{key}={value}" for key, value in topic_settings(kafka, feed).items()]
    extra = [word for setting in settings for word in ("--config", setting)]
    return ["--create", "--if-not-exists", "--topic", name, *shape, *extra]
