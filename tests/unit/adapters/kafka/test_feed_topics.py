from __future__ import annotations

import pytest

from gridflex.adapters.kafka.feed_topics import partitions_of, topic_arguments, topic_names, topic_of, topic_settings
from gridflex.config import Kafka
from gridflex.contracts.feeds import Feed, feed, feeds
from gridflex.errors import ConfigError


def test_topics__need_all_but_one_replica_in_sync() -> None:
    calls = [" ".join(words) for words in topic_arguments(Kafka(partitions=24, replication_factor=3))]
    assert len(calls) == len(feeds())
    assert all("--replication-factor 3 --config min.insync.replicas=2" in call for call in calls)
    ordered = ("--topic curtailment ", "--topic enrolment ")
    for call in calls:
        assert f"--partitions {1 if any(name in call for name in ordered) else 24} " in call


def test_ledger_and_enrolment__are_kept_for_ever() -> None:
    ledger, enrolment = feed("curtailment"), feed("enrolment")
    assert partitions_of(Kafka(partitions=24), ledger) == 1
    kept = {"retention.ms": "-1", "retention.bytes": "-1", "max.message.bytes": "16000000"}
    assert topic_settings(Kafka(), ledger) == {"min.insync.replicas": "1"} | kept
    assert topic_settings(Kafka(), enrolment)["cleanup.policy"] == "compact"


@pytest.mark.parametrize(
    ("changes", "settings"),
    [
        ({}, {}),
        ({"retention_h": "forever"}, {"retention.ms": "-1", "retention.bytes": "-1"}),
        ({"retention_h": 1.5}, {"retention.ms": "5400000"}),
        ({"cleanup": "compact"}, {"cleanup.policy": "compact"}),
    ],
    ids=str,
)
def test_topic_settings__keep_messages_as_the_row_says(changes: dict[str, object], settings: dict[str, str]) -> None:
    row = Feed.model_validate(feed("flexibility").model_dump() | changes)
    assert topic_settings(Kafka(), row) == {"min.insync.replicas": "1"} | settings


def test_topic_of__is_the_rows_without_a_key_of_the_configuration() -> None:
    row = feed("readings").model_copy(update={"topic_setting": None})
    assert topic_of(Kafka(topic_readings="mine"), row) == "powerraw"
    assert topic_of(Kafka(topic_readings="mine"), feed("readings")) == "mine"


def test_topic_names__refuse_one_topic_for_two_feeds() -> None:
    with pytest.raises(ConfigError, match=r"found powerraw, powerraw, .*; allowed: each name once"):
        topic_names(Kafka(topic_duty_cycles="powerraw"))
