"""One Spark session and one Kafka for the streaming job's tests; topics of each test's own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewTopic
from pyspark.sql import SparkSession

from gridflex.config import Config
from gridflex.operations.local.stack import Stack
from stream_processing.jobs.session import open_session, ship_code
from tests.support.stack import running_stack

_NUMBERS = itertools.count()
_TOPICS = ("readings", "duty_cycles", "dead_letters", "flexibility")
OwnTopics = Callable[..., Config]


@pytest.fixture(scope="package")
def kafka_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A Kafka, healthy, on free ports."""
    with running_stack(tmp_path_factory.mktemp("kafka"), "kafka") as running:
        yield running


@pytest.fixture(scope="package")
def spark(kafka_stack: Stack) -> Iterator[SparkSession]:
    """The job's session on two threads."""
    session = open_session(kafka_stack.config, master="local[2]")
    ship_code(session, kafka_stack.config.state_dir / "spark")
    yield session
    session.stop()


@pytest.fixture
def own_topics(kafka_stack: Stack, tmp_path: Path) -> OwnTopics:
    """Gives the configuration with new topics and a state folder of the test's own."""

    def make(**spark: object) -> Config:
        number = next(_NUMBERS)
        settings = kafka_stack.config
        names = {f"topic_{name}": f"{name}-{number}" for name in _TOPICS}
        kafka = settings.kafka.model_copy(update=names)
        admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
        for made in admin.create_topics([NewTopic(name, 3, 1) for name in names.values()]).values():
            made.result(30)
        launcher = settings.launcher.model_copy(update={"state_dir": tmp_path})
        return settings.model_copy(
            update={"kafka": kafka, "launcher": launcher, "spark": settings.spark.model_copy(update=spark)}
        )

    return make
