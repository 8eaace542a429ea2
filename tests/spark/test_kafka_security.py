"""Spark's own Kafka source, and the job as a process, on a broker with TLS, SCRAM and ACLs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.errors import StreamingQueryException
from pyspark.sql import SparkSession

from gridflex.adapters.kafka.reader import Topic
from gridflex.adapters.kafka.writer import TransactionalWriter
from gridflex.config import KAFKA_LOGIN, ROOT, Config
from gridflex.errors import ServiceError
from stream_processing.jobs.duty_cycles import last_words, read_messages
from tests.support.secure_kafka import SecureKafka, secure_kafka
from tests.support.spark.samples import publish, readings

pytestmark = [
    pytest.mark.spark,
    pytest.mark.component,
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),  # py4j leaves its own to the collector
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SENT = readings(appliances=3, steps=40)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    """The broker, with readings."""
    with secure_kafka(tmp_path_factory.mktemp("secure")) as running:
        with running.signed_in("replay"):
            kafka = running.config.kafka
            publish(kafka, SENT, name="replay-fill")
            with TransactionalWriter(kafka, "replay-dead") as writer:
                writer.commit({kafka.topic_dead_letters: [(b"key", b"letter")]}, "1")
        yield running


def changed(broker: SecureKafka, **kafka: object) -> Config:
    settings = broker.config
    return settings.model_copy(update={"kafka": settings.kafka.model_copy(update=kafka)})


def count(spark: SparkSession, settings: Config, folder: Path) -> int:
    """Messages that the job's own source reads until it has caught up."""
    name = f"seen_{folder.name}"
    writer = read_messages(spark, settings).writeStream.format("memory").queryName(name)
    query = writer.option("checkpointLocation", str(folder)).trigger(availableNow=True).start()
    try:
        query.awaitTermination()
    finally:
        query.stop()
    return spark.table(name).count()


def test_source__reads_as_its_own_user(spark: SparkSession, broker: SecureKafka, tmp_path: Path) -> None:
    with broker.signed_in("spark"):
        assert count(spark, broker.config, tmp_path / "own") == len(SENT)


def test_source__misses_credentials_before_kafka_is_asked(
    spark: SparkSession, broker: SecureKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in KAFKA_LOGIN:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ServiceError, match=r"requires user and password.*USERNAME and .*PASSWORD missing"):
        read_messages(spark, broker.config)


@pytest.mark.timeout(600)
@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    ("case", "password", "changes", "message"),
    [
        ("password", "wrong-word", {}, "SaslAuthenticationException: Authentication failed .*SCRAM-SHA-512"),
        ("authority", None, {"ca_file": "other"}, "SslAuthenticationException|PKIX path|unable to find valid"),
        ("topic", None, {"topic_readings": "deadletter"}, r"Not authorized to access topics: \[deadletter\]"),
    ],
)
def test_source__is_refused(
    spark: SparkSession, broker: SecureKafka, tmp_path: Path,
    case: str, password: str | None, changes: dict[str, str], message: str,
) -> None:  # fmt: skip
    changes = {name: str(broker.other_ca) if value == "other" else value for name, value in changes.items()}
    with broker.signed_in("spark", password), pytest.raises(StreamingQueryException) as problem:
        count(spark, changed(broker, **changes), tmp_path / case)
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(last_words(str(problem.value)))


def job(
    broker: SecureKafka, folder: Path, password: str | None = None, environ: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "stream_processing", "--until-caught-up", "--checkpoint", folder.as_uri()]
    environ = environ or broker.environ("spark", password)
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=240, check=False)


def test_job__reads_and_writes_as_its_own_user(broker: SecureKafka, tmp_path: Path) -> None:
    done = job(broker, tmp_path / "checkpoint")

    assert done.returncode == 0, done.stderr
    with broker.signed_in("batch"):
        told = Topic(broker.config.kafka, "dutycycle")
        assert told.count(told.first_offsets(), told.end_offsets()) > 0
    kept = [path for folder in (tmp_path, broker.config.state_dir / "spark") for path in folder.rglob("*")]
    secret = broker.passwords["spark"]
    assert secret not in done.stdout + done.stderr
    assert not [path for path in kept if path.is_file() and secret.encode() in path.read_bytes()]


@pytest.mark.sampled(1, pool="what the streaming job is refused for")
def test_job__ends_with_one_line_when_the_password_is_wrong(broker: SecureKafka, tmp_path: Path) -> None:
    done = job(broker, tmp_path / "checkpoint", "wrong-word")

    assert done.returncode == 1
    (error,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert f"Kafka at {broker.config.kafka.bootstrap_servers} refused user spark:" in error
    assert "wrong-word" not in done.stdout + done.stderr


@pytest.mark.sampled(1, pool="what the streaming job is refused for")
def test_job__ends_with_one_line_when_the_protocol_is_not_the_listeners(broker: SecureKafka, tmp_path: Path) -> None:
    kafka = broker.config.kafka
    gone = {*KAFKA_LOGIN, "GRIDFLEX_KAFKA_CA_FILE"}
    environ = {name: value for name, value in broker.environ("spark").items() if name not in gone}

    done = job(broker, tmp_path / "checkpoint", environ=environ | {"GRIDFLEX_KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"})

    assert done.returncode == 1
    (error,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    who = f"Kafka at {kafka.bootstrap_servers} refused a client without user"
    assert f"{who}: kafka.security_protocol PLAINTEXT is not what it uses" in error
    assert "Traceback" not in done.stderr
