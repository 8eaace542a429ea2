from __future__ import annotations

import pytest

from gridflex.adapters.kafka.access import USERS, allows, grants
from gridflex.config import Kafka

GRANTS = grants(Kafka())


@pytest.mark.parametrize(
    ("user", "operation", "topic"),
    [
        ("replay", "Write", "powerraw"),
        ("replay", "Write", "deadletter"),
        ("spark", "Read", "powerraw"),
        ("spark", "Write", "dutycycle"),
        ("spark", "Write", "flexibility"),
        ("druid", "Read", "flexibility"),
        ("batch", "Read", "powerraw"),
        ("check", "Write", "powerraw"),
        ("check", "Read", "dutycycle"),
        ("events", "Write", "curtailment"),
        ("events", "Write", "commands"),
        ("events", "Write", "enrolment"),
        ("events", "Read", "command_results"),
        ("replay", "Read", "commands"),
        ("replay", "Write", "command_results"),
        ("spark", "Read", "enrolment"),
        ("druid", "Read", "curtailment"),
    ],
)
def test_grants__let_each_service_do_its_work(user: str, operation: str, topic: str) -> None:
    assert allows(GRANTS, user, operation, "topic", topic)


@pytest.mark.parametrize(
    ("user", "operation", "topic"),
    [
        ("replay", "Write", "dutycycle"),
        ("replay", "Read", "deadletter"),
        ("spark", "Write", "powerraw"),
        ("druid", "Write", "powerraw"),
        ("batch", "Write", "powerraw"),
        ("check", "Write", "dutycycle"),
        ("events", "Write", "command_results"),
        ("events", "Read", "powerraw"),
        ("replay", "Write", "commands"),
        ("spark", "Read", "commands"),
    ],
)
def test_grants__keep_each_service_to_its_own_topics(user: str, operation: str, topic: str) -> None:
    assert not allows(GRANTS, user, operation, "topic", topic)


def test_grants__keep_transactions_apart() -> None:
    assert allows(GRANTS, "replay", "Write", "transactional-id", "replay-demo")
    assert not allows(GRANTS, "replay", "Write", "transactional-id", "stream-1")
    assert not allows(GRANTS, "spark", "Write", "transactional-id", "replay-demo")


def test_grants__let_the_events_service_alone_write_the_ledger_and_commands() -> None:
    for topic in ("curtailment", "commands"):
        assert [user for user in USERS if allows(GRANTS, user, "Write", "topic", topic)] == ["events"]
    writers = [user for user in USERS if allows(GRANTS, user, "Write", "transactional-id", "ledger")]
    assert writers == ["events"]


def test_grants__follow_the_configured_names() -> None:
    named = grants(Kafka(topic_readings="readings"))
    assert allows(named, "replay", "Write", "topic", "readings")
    assert not allows(named, "replay", "Write", "topic", "powerraw")


def test_grants__know_every_user_and_nobody_else() -> None:
    assert {grant.user for grant in GRANTS} == set(USERS)


def test_arguments__are_those_of_kafkas_own_tool() -> None:
    transactions = next(grant for grant in GRANTS if grant.resource == "transactional-id" and grant.user == "spark")
    assert " ".join(transactions.arguments()) == (
        "--add --force --allow-principal User:spark --transactional-id stream- "
        "--operation Write --operation Describe --resource-pattern-type prefixed"
    )
