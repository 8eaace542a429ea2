"""TLS, SCRAM and ACLs on a broker of this module's own: who is let in, and what each may do there."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition

from gridflex.adapters.druid.client import Druid
from gridflex.adapters.druid.specs import supervisor_specs
from gridflex.adapters.kafka.access import USERS, allows, grants
from gridflex.adapters.kafka.client import client_settings
from gridflex.adapters.kafka.command_messages import ResultsInbox
from gridflex.adapters.kafka.enrolment import follow_enrolment
from gridflex.adapters.kafka.enrolment import publish as write_enrolments
from gridflex.adapters.kafka.ledger import LedgerWriter, read_ledger
from gridflex.adapters.kafka.reader import Topic
from gridflex.adapters.kafka.writer import TransactionalWriter
from gridflex.config import KAFKA_LOGIN, ROOT, Kafka, token_file
from gridflex.domain.enrolment import Enrolment
from gridflex.errors import ServiceError
from gridflex.operations.checks.canary_path import CanaryChecks
from gridflex.operations.checks.kafka import kafka_checks
from gridflex.operations.checks.runner import Finding, run_checks
from gridflex.operations.local.stack import Stack
from gridflex.operations.local.topics import create_topics
from tests.support.curtailment import LIFE
from tests.support.secure_kafka import ADMIN, SecureKafka, secure_kafka
from tests.support.spark.samples import publish, readings
from tests.support.stack import stays_true, wait_until

pytestmark = pytest.mark.component

TOPICS = ("powerraw", "dutycycle", "deadletter", "flexibility", "commands")
WRITERS = {"replay": "replay-acl", "spark": "stream-acl"}
"""Who writes at all, and how its transactions begin."""
GROUPS = {
    "replay": "replay-test",
    "spark": "spark-kafka-source-test",
    "druid": "kafka-supervisor-test",
    "batch": "gridflex-batch",
    "check": "check",
    "events": "gridflex-batch",
}
READINGS = 2_000


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    """The broker, with the topics, users and ACLs of a cluster."""
    with secure_kafka(tmp_path_factory.mktemp("secure")) as running:
        yield running


def write(kafka: Kafka, name: str = "replay-test", topic: str = "powerraw") -> None:
    with TransactionalWriter(kafka, name) as writer:
        writer.commit({topic: [(b"key", b"value")]}, "1")


def read(kafka: Kafka, topic: str = "powerraw") -> list[Message]:
    found: list[Message] = []
    asked = Topic(kafka, topic)
    wait_until(lambda: asked.end_offsets() == asked.written_offsets(), what="the end marks of transactions")
    asked.visit(asked.first_offsets(), asked.end_offsets(), found.append)
    return found


def fetch(kafka: Kafka, group: str, topic: str) -> bytes | int | None:
    """The value of a topic's last message whose key is ``key``, or the code of the error that Kafka sends instead."""
    consumer = Consumer({**client_settings(kafka), "group.id": group, "enable.partition.eof": True})
    found: bytes | int | None = None
    try:
        known = consumer.list_topics(topic, 10).topics[topic]
        if known.error is not None:
            return known.error.code()
        partitions = known.partitions
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
        ended = 0
        while ended < len(partitions):
            (message,) = consumer.consume(1, 30)
            error = message.error()
            if error is None:
                found = message.value() if message.key() == b"key" else found
            elif error.code() == KafkaError._PARTITION_EOF:
                ended += 1
            else:
                return error.code()
    finally:
        consumer.close()
    return found


def end(broker: SecureKafka, topic: str) -> int:
    """Offsets of a topic, end marks of aborted transactions among them."""
    with broker.signed_in(ADMIN):
        return sum(Topic(broker.config.kafka, topic).end_offsets().values())


CLIENTS: dict[str, Callable[[SecureKafka, Kafka], None]] = {
    "writer": lambda broker, kafka: write(kafka),
    "reader": lambda broker, kafka: read(kafka) and None,
    "topics": lambda broker, kafka: create_topics(broker.config.model_copy(update={"kafka": kafka})),
}
every_client = pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)


@every_client
@pytest.mark.timeout(600)
def test_no_credentials__are_missed_before_kafka_is_asked(
    broker: SecureKafka, client: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in KAFKA_LOGIN:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ServiceError, match=r"requires user and password.*USERNAME and .*PASSWORD missing"):
        client(broker, broker.config.kafka)


@every_client
@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SSL"])
@pytest.mark.timeout(600)
def test_no_credentials__are_refused_by_kafka(broker: SecureKafka, client: Callable[..., None], protocol: str) -> None:
    kafka = broker.config.kafka.model_copy(update={"security_protocol": protocol})
    with pytest.raises(
        ServiceError,
        match=f"Kafka at {kafka.bootstrap_servers} refused a client without user: .*{protocol} is not what it uses",
    ):
        client(broker, kafka)


@every_client
@pytest.mark.parametrize(("user", "password"), [("replay", "wrong-word"), ("nobody", "wrong-word")])
@pytest.mark.timeout(600)
def test_wrong_credentials__are_refused_by_name(
    broker: SecureKafka, client: Callable[..., None], user: str, password: str
) -> None:
    kafka = broker.config.kafka
    with broker.signed_in(user, password), pytest.raises(ServiceError) as problem:
        client(broker, kafka)
    message = str(problem.value)
    assert f"Kafka at {kafka.bootstrap_servers} refused user {user}:" in message
    assert "SCRAM-SHA-512" in message
    assert password not in message


@every_client
@pytest.mark.timeout(600)
def test_wrong_authority__is_not_trusted(broker: SecureKafka, client: Callable[..., None]) -> None:
    kafka = broker.config.kafka.model_copy(update={"ca_file": str(broker.other_ca)})
    with broker.signed_in(ADMIN), pytest.raises(ServiceError, match=r"is not trusted: .*other\.pem .*verify failed"):
        client(broker, kafka)


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("user", USERS)
@pytest.mark.timeout(600)
def test_acls__let_a_service_read_its_own_topics_alone(broker: SecureKafka, user: str, topic: str) -> None:
    kafka = broker.config.kafka
    with broker.signed_in(ADMIN):
        write(kafka, "admin", topic)
    with broker.signed_in(user):
        told = fetch(kafka, GROUPS[user], topic)
    may = allows(grants(kafka), user, "Read", "topic", topic)
    assert told == (b"value" if may else KafkaError.TOPIC_AUTHORIZATION_FAILED)


def test_acls__refuse_a_reader_by_name(broker: SecureKafka) -> None:
    with broker.signed_in(ADMIN):
        write(broker.config.kafka, "admin", "deadletter")
    with broker.signed_in("replay"), pytest.raises(ServiceError, match="not let user replay read topic deadletter: "):
        read(broker.config.kafka, "deadletter")


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("user", WRITERS)
@pytest.mark.timeout(600)
def test_acls__let_a_service_write_its_own_topics_alone(broker: SecureKafka, user: str, topic: str) -> None:
    kafka = broker.config.kafka
    # A position is kept as an offset of the readings' topic.
    before = end(broker, topic)
    with broker.signed_in(user):
        if allows(grants(kafka), user, "Write", "topic", topic):
            write(kafka, WRITERS[user], topic)
        else:
            with pytest.raises(ServiceError, match=f"does not let user {user} write .*authorization"):
                write(kafka, WRITERS[user], topic)
    assert (end(broker, topic) > before) == allows(grants(kafka), user, "Write", "topic", topic)


@pytest.mark.parametrize(("user", "name"), [("replay", "stream-1"), ("spark", "replay-1"), ("druid", "replay-1")])
@pytest.mark.timeout(600)
def test_acls__keep_transactions_apart(broker: SecureKafka, user: str, name: str) -> None:
    with broker.signed_in(user), pytest.raises(ServiceError, match=f"does not let user {user} write as {name}: "):
        write(broker.config.kafka, name)


@pytest.mark.timeout(600)
def test_ledger__is_written_by_the_events_service_alone(broker: SecureKafka) -> None:
    kafka = broker.config.kafka
    for user in set(USERS) - {"events"}:
        with broker.signed_in(user), pytest.raises(ServiceError, match=f"not let user {user} write the ledger: "):
            LedgerWriter(kafka)
    with broker.signed_in("events"), LedgerWriter(kafka) as writer:
        with pytest.raises(ServiceError, match="not let user events write to topic powerraw"):
            writer.append(LIFE[0], {"powerraw": [(b"key", b"value")]})
        writer.append(LIFE[0], {"commands": [(b"key", b"value")]})
    with broker.signed_in("batch"):
        assert [record.change() for record in read_ledger(kafka)] == [LIFE[0]]


@pytest.mark.sampled(1, pool="servers that sign in by their environment")
def test_supervisor__reads_as_druids_user_and_holds_no_secret(broker: SecureKafka, tmp_path: Path) -> None:
    """Druid's own consumer takes user and password from its process's environment."""
    local = broker.config.launcher.model_copy(update={"state_dir": tmp_path / "druid"})
    config = broker.config.model_copy(update={"launcher": local})
    token = {"token_file": str(token_file(config))}
    config = config.model_copy(update={"druid": config.druid.model_copy(update=token)})
    sent = readings(appliances=3, steps=40)
    with broker.signed_in("replay"):
        publish(config.kafka, sent, name="replay-druid")
    stack, druid = Stack(config, print), Druid(config.druid)
    try:
        with broker.signed_in("druid"):
            stack.up(["druid"])
        druid.submit_supervisor(supervisor_specs(config)["powerraw"])
        total = "SELECT SUM(\"count\") AS n FROM powerraw WHERE house_id = 'redd-0-0'"
        wait_until(lambda: druid.has_table("powerraw") and druid.sql(total)[0]["n"] == len(sent), 120, total)
        held = json.dumps(druid.supervisor_spec("powerraw"))
    finally:
        stack.down()
    logs = [path.read_text(errors="replace") for path in config.state_dir.rglob("*") if path.is_file()]
    assert "SASL_SSL" in held
    assert not [secret for secret in broker.passwords.values() if secret in held + "".join(logs)]


def replay(folder: Path, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "gridflex"), "replay", "redd", "--path", str(folder)]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def houses(tmp_path: Path) -> Path:
    """A house with two circuits."""
    folder = tmp_path / "low_freq" / "house_902"
    folder.mkdir(parents=True)
    (folder / "labels.dat").write_text("1 mains\n3 refrigerator\n4 microwave\n")
    for channel in (3, 4):
        lines = [f"{1_300_000_000 + second * 3} {100 + second % 7}.00\n" for second in range(READINGS // 2)]
        (folder / f"channel_{channel}.dat").write_text("".join(lines))
    return tmp_path


def test_replay__delivers_once_as_its_own_user(broker: SecureKafka, houses: Path) -> None:
    environ = broker.environ("replay")

    first, again = replay(houses, environ), replay(houses, environ)

    assert first.returncode == 0, first.stderr
    assert f"read {READINGS:,} = delivered {READINGS:,} + rejected 0" in first.stdout
    assert "already complete" in again.stdout
    with broker.signed_in("batch"):
        found = [message for message in read(broker.config.kafka) if b"redd-902-0" in (message.key() or b"")]
    assert len(found) == len({(message.key(), message.value()) for message in found}) == READINGS
    logs = [path.read_text(errors="replace") for path in broker.config.state_dir.rglob("*.log") if path.is_file()]
    told = "".join((first.stdout, first.stderr, again.stdout, again.stderr, *logs))
    assert not [user for user in USERS if broker.passwords[user] in told]


@pytest.mark.sampled(1)
@pytest.mark.parametrize("user", ["spark", "druid", "batch"])
def test_replay__ends_with_one_line_when_it_signs_in_as_another(broker: SecureKafka, houses: Path, user: str) -> None:
    done = replay(houses, broker.environ(user))
    assert done.returncode == 1
    (error,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert f"does not let user {user} write" in error


def test_replay__ends_with_one_line_when_the_password_is_wrong(broker: SecureKafka, houses: Path) -> None:
    done = replay(houses, broker.environ("replay", "wrong-word"))
    assert done.returncode == 1
    (error,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert "refused user replay" in error
    assert "wrong-word" not in done.stderr


def findings(broker: SecureKafka) -> dict[str, Finding]:
    """What `gridflex deploy check` says of Kafka, by check."""
    checks = [*kafka_checks(broker.config.kafka), CanaryChecks(broker.config, 20).checks()[0]]
    return {finding.name: finding for finding in run_checks(checks, 30)}


def test_check__is_happy_as_its_own_user(broker: SecureKafka) -> None:
    before = end(broker, "powerraw")
    with broker.signed_in("check"):
        found = findings(broker)
    assert {finding.state for finding in found.values()} == {"ok"}, found
    assert found["topic dutycycle"].detail == "6 partitions, 1 replica(s), all in sync"
    assert end(broker, "powerraw") == before + 7


def test_check__tells_who_was_not_let_in_and_prints_no_password(broker: SecureKafka) -> None:
    with broker.signed_in("check", "sesame"):
        found = findings(broker)
    assert found["kafka"].state == "failed"
    assert "refused user check" in found["kafka"].detail
    assert "sesame" not in repr(found)
    assert {finding.state for name, finding in found.items() if name != "kafka"} == {"skipped"}


def test_check__tells_what_its_user_may_not_do(broker: SecureKafka) -> None:
    with broker.signed_in("batch"):
        found = findings(broker)
    assert found["canary sent"].state == "failed"
    assert "does not let user batch write to topic powerraw" in found["canary sent"].detail
    with broker.signed_in("replay"):
        found = findings(broker)
    assert {name: finding.state for name, finding in found.items()} == {
        **dict.fromkeys(("kafka", "topic powerraw", "topic deadletter", "canary sent"), "ok"),
        **dict.fromkeys(("topic commands", "topic command_results", "topic enrolment"), "ok"),
        **dict.fromkeys(("topic dutycycle", "topic flexibility", "topic curtailment"), "failed"),
    }
    assert "does not let user replay look at topic dutycycle" in found["topic dutycycle"].detail


@pytest.mark.timeout(600)
def test_enrolment__is_written_by_the_events_service_and_followed_by_who_needs_it(broker: SecureKafka) -> None:
    kafka, out = broker.config.kafka, Enrolment(house_id="redd-5", opted_out=True)
    with broker.signed_in("events"):
        write_enrolments(kafka, [out])
    for user in ("events", "spark", "replay"):
        with broker.signed_in(user), follow_enrolment(kafka) as following:
            assert following.participation.rows == {out.key: out}, user
            stays_true(lambda following=following: not following.problem, 2.5)  # that it may not use a group is none
    with broker.signed_in("spark"), pytest.raises(ServiceError, match="not let user spark write to topic enrolment"):
        write_enrolments(kafka, [out])
    with broker.signed_in("druid"), pytest.raises(ServiceError, match="not let user druid read topic enrolment"):
        follow_enrolment(kafka)


@pytest.mark.timeout(600)
def test_answers__to_commands_are_read_by_the_events_service(broker: SecureKafka) -> None:
    with broker.signed_in("events"), closing(ResultsInbox(broker.config.kafka, since_ms=0)) as inbox:
        until = time.monotonic() + 5
        while time.monotonic() < until:
            assert list(inbox.take()) == []
            time.sleep(0.05)
