"""The whole stack, once for all end-to-end tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gridflex.adapters.druid.client import Druid
from gridflex.config import ROOT, Config, load_config
from gridflex.operations.local.stack import Stack
from tests.support.stack import leftovers, stack_environ

SHARED = ROOT.parent / "shared" / "data"
RECOVERIES = "recoveries of the whole stack"


@dataclass(frozen=True, slots=True)
class Running:
    """A stack that is up, and the environment in which commands find it."""

    stack: Stack
    environment: dict[str, str]

    @property
    def config(self) -> Config:
        """Its configuration."""
        return self.stack.config

    @property
    def druid(self) -> Druid:
        """Its Druid."""
        return Druid(self.config.druid)


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Kafka, Druid and Spark on free ports; afterwards not one process is left."""
    environ = stack_environ(tmp_path_factory.mktemp("e2e"))
    stack = Stack(load_config(environ=environ), print)
    try:
        stack.up()
        yield Running(stack, os.environ | environ)
    finally:
        stack.down()
    assert leftovers(stack) == []


@pytest.fixture
def shared_data() -> Path:
    """Real data sets, where they are at hand."""
    if not SHARED.is_dir():
        pytest.skip(f"no real data sets at {SHARED}")
    return SHARED
