"""How a topic is read to a given end, whatever lies between its messages, and how far Druid has read it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from gridflex.adapters.avro import encode_dicts
from gridflex.adapters.druid.client import Druid
from gridflex.adapters.druid.progress import await_offsets, await_read, read_offsets, unread
from gridflex.adapters.kafka.connection_errors import connection_error
from gridflex.adapters.kafka.reader import Topic
from gridflex.contracts.schemas import reading_schema
from gridflex.errors import ServiceError
from gridflex.operations.local.stack import Stack
from tests.component.test_druid_ingestion import GOOD
from tests.support.stack import free_ports, wait_until

pytestmark = [pytest.mark.component, pytest.mark.timeout(600)]

PARTITIONS = 4


@pytest.fixture
def make_topic(stack: Stack) -> Callable[..., Topic]:
    """A topic of four partitions with settings of its own."""

    def made(**settings: str) -> Topic:
        name = f"reading-{time.time_ns()}"
        admin = AdminClient({"bootstrap.servers": stack.config.kafka.bootstrap_servers})
        admin.create_topics([NewTopic(name, PARTITIONS, 1, config=settings)])[name].result(30)
        return Topic(stack.config.kafka, name)

    return made


def send(stack: Stack, topic: str, partition: int, count: int, *, end: str = "", key: bytes | None = None) -> None:
    """Messages of one partition: plain ones, or a transaction that is ended by ``commit`` or ``abort``."""
    settings = {"bootstrap.servers": stack.config.kafka.bootstrap_servers, "queue.buffering.max.messages": 1_000_000}
    producer = Producer(settings | ({"transactional.id": f"{topic}-{partition}"} if end else {}))
    if end:
        producer.init_transactions(30)
        producer.begin_transaction()
    for number in range(count):
        producer.produce(topic, value=b"%d" % number, key=key, partition=partition)
    assert producer.flush(60) == 0
    if end == "commit":
        producer.commit_transaction(30)
    if end == "abort":
        producer.abort_transaction(30)
    if end:  # Kafka says that a transaction is over before all partitions have its end mark
        sent = Topic(stack.config.kafka, topic)
        wait_until(lambda: sent.end_offsets()[partition] == sent.written_offsets()[partition], what="the end mark")


def test_count__is_of_committed_messages_alone(stack: Stack, make_topic: Callable[..., Topic]) -> None:
    """Aborted ones at the end, nothing but aborted ones, none ever, and plain ones."""
    topic = make_topic()
    for count, end in ((5, "commit"), (6, "abort"), (4, "commit"), (9, "abort")):
        send(stack, topic.name, 0, count, end=end)
    send(stack, topic.name, 1, 8, end="abort")
    send(stack, topic.name, 3, 3)
    first, end_offsets = topic.first_offsets(), topic.end_offsets()
    send(stack, topic.name, 3, 100)
    assert end_offsets == {0: 28, 1: 9, 2: 0, 3: 3}
    assert topic.count(first, end_offsets) == 5 + 4 + 3
    assert topic.count(first, end_offsets, limit=2) == 2
    assert [message.offset() for message in topic.messages({0: 3}, {0: 15})] == [3, 4, 13, 14]


def test_messages__that_kafka_deleted_are_left_out_and_the_others_are_not(
    stack: Stack, make_topic: Callable[..., Topic]
) -> None:
    topic = make_topic()
    for partition in (0, 1):
        send(stack, topic.name, partition, 100)
    cut = [TopicPartition(topic.name, 0, 60), TopicPartition(topic.name, 1, 100)]
    admin = AdminClient({"bootstrap.servers": stack.config.kafka.bootstrap_servers})
    for done in admin.delete_records(cut).values():
        done.result(30)
    found = topic.messages({0: 0, 1: 0, 2: 0}, topic.end_offsets())
    assert [(message.partition(), message.offset()) for message in found] == [(0, at) for at in range(60, 100)]


def test_messages__that_compaction_left_are_read_to_the_end(stack: Stack, make_topic: Callable[..., Topic]) -> None:
    compacted = {"cleanup.policy": "compact", "segment.ms": "100", "min.cleanable.dirty.ratio": "0.01"}
    topic = make_topic(**compacted | {"max.compaction.lag.ms": "100"})
    send(stack, topic.name, 0, 500, key=b"same")
    time.sleep(0.2)  # older than a segment may be, so that the next message begins another
    send(stack, topic.name, 0, 1, key=b"other")
    end = topic.end_offsets()
    assert end[0] == 501
    wait_until(lambda: topic.count({0: 0}, end) == 2, 90, "compaction", pause_s=1)
    assert [message.offset() for message in topic.messages({0: 0}, end)] == [499, 500]


def test_reading__fails_when_its_time_is_over(stack: Stack, make_topic: Callable[..., Topic]) -> None:
    topic = make_topic()
    send(stack, topic.name, 0, 50_000)
    hurried = Topic(stack.config.kafka, topic.name, deadline=time.monotonic())
    with pytest.raises(ServiceError, match=rf"topic {topic.name}: the time limit was reached; not read: {{0: 50000}}"):
        hurried.count({0: 0}, {0: 50_000})


def test_unread__a_long_aborted_transaction_is_nothing_to_be_read(
    stack: Stack, make_topic: Callable[..., Topic]
) -> None:
    """So a replay that was killed again and again holds up no job."""
    topic = make_topic()
    send(stack, topic.name, 0, 3, end="commit")
    send(stack, topic.name, 0, 120_000, end="abort")
    end = topic.end_offsets()
    assert end[0] > 120_000
    assert unread(topic, {0: 3}, end) == 0
    assert unread(topic, {}, end) == 3
    send(stack, topic.name, 1, 110_000)
    assert unread(topic, {}, topic.end_offsets()) == sum(topic.end_offsets().values())


def test_offsets__that_druid_has_read_reach_the_end_of_what_was_sent(stack: Stack, druid: Druid) -> None:
    """Beyond the last message there is the end mark of its transaction, which Druid does not read."""
    kafka = stack.config.kafka
    topic = Topic(kafka, kafka.topic_readings)
    values = encode_dicts(reading_schema(), [GOOD | {"dataset": "offsets"}] * 40)
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "transactional.id": "offsets"})
    producer.init_transactions(30)
    producer.begin_transaction()
    for value in values:
        producer.produce(topic.name, value=value, partition=2)
    before = topic.end_offsets()[2]
    producer.commit_transaction(30)
    wait_until(lambda: topic.end_offsets()[2] == before + len(values) + 1, what="the transaction's end mark")
    end = topic.end_offsets()
    found = await_read(druid, "powerraw", topic, 90)
    assert found[2] >= end[2] - 1
    assert unread(topic, found, end) == 0
    assert found.keys() == end.keys()
    (row,) = druid.sql("SELECT SUM(\"count\") AS n FROM powerraw WHERE dataset = 'offsets'")
    assert row["n"] == 40
    assert unread(topic, found | {2: end[2] - 6}, end) == 5


def test_offsets__of_partitions_that_no_task_reads_are_missed(druid: Druid) -> None:
    with pytest.raises(
        ServiceError, match=r"no task of supervisor powerraw reports its offsets of partitions \[98, 99\]"
    ):
        await_offsets(druid, "powerraw", [0, 98, 99], 1)
    assert read_offsets(druid, "nobody") == {}


def test_refusal__names_the_protocol_that_is_not_the_brokers_own(stack: Stack) -> None:
    kafka = stack.config.kafka
    assert connection_error(kafka) is None
    wrong = connection_error(kafka.model_copy(update={"security_protocol": "SSL"}))
    assert f"Kafka at {kafka.bootstrap_servers} refused a client without user: kafka.security_protocol SSL" in str(
        wrong
    )


def test_refusal__is_none_where_nobody_answers(stack: Stack) -> None:
    """Whoever is not there yet has refused nobody."""
    (port,) = free_ports(1)
    assert connection_error(stack.config.kafka.model_copy(update={"bootstrap_servers": f"127.0.0.1:{port}"})) is None
