"""One stack for all component tests: Kafka, ZooKeeper and Druid, started by the launcher, ended after the last test."""

from collections.abc import Iterator

import pytest

from gridflex.adapters.druid.client import Druid
from gridflex.operations.local.stack import Stack
from tests.support.stack import running_stack


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Kafka and Druid, healthy, on free ports; the readings' limits are the default ones."""
    with running_stack(tmp_path_factory.mktemp("stack"), "kafka", "druid") as running:
        yield running


@pytest.fixture(scope="package")
def druid(stack: Stack) -> Druid:
    """The stack's Druid."""
    return Druid(stack.config.druid)
