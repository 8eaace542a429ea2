"""One stack for all component tests: Kafka, ZooKeeper and Druid, started by the launcher, ended after the last test."""

from collections.abc import Iterator

import pytest

from gridflex.adapters.druid.client import Druid
from gridflex.operations.local.stack import Stack
from tests.support.stack import running_stack

ANYONE_QUERY_S = 15
"""Longer than SQL Lab's 10 s, and no longer than it takes to prove that such a query ends."""


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Kafka and Druid, healthy, on free ports; the readings' limits are the default ones."""
    folder = tmp_path_factory.mktemp("stack")
    with running_stack(folder, "kafka", "druid", launcher_anyone_query_s=ANYONE_QUERY_S) as running:
        yield running


@pytest.fixture(scope="package")
def druid(stack: Stack) -> Druid:
    """The stack's Druid."""
    return Druid(stack.config.druid)
