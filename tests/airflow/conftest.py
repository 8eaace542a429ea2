"""One stack for the Airflow tests: Kafka, Druid and Airflow, started by the launcher, with a small town's readings."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gridflex.adapters.druid.client import Druid
from gridflex.operations.local.airflow_service import missing_airflow
from gridflex.operations.local.stack import Stack
from tests.support.airflow.client import AirflowClient
from tests.support.airflow.town import TOWN
from tests.support.batch_demand import CLASSES, produce_town
from tests.support.stack import own_config, running_stack, wait_until


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Kafka, Druid and Airflow, healthy, on free ports."""
    folder = tmp_path_factory.mktemp("airflow")
    if lacks := missing_airflow(own_config(folder)):
        pytest.skip(lacks)
    settings = {
        "airflow_retry_delay_s": 1,
        "baselines_history_days": 42,
        "forecast_history_days": 21,
        "forecast_backtest_days": 2,
    }
    with running_stack(folder, "kafka", "druid", "airflow", **settings) as running:
        yield running


@pytest.fixture(scope="package")
def druid(stack: Stack) -> Druid:
    """The stack's Druid, with the town's readings in it."""
    druid = Druid(stack.config.druid)
    expected = produce_town(stack.config, TOWN) * (len(CLASSES) + 1) // len(CLASSES)  # with mains
    query = 'SELECT SUM("count") AS n FROM powerraw'
    wait_until(lambda: druid.has_table("powerraw") and druid.sql(query)[0]["n"] == expected, 240, "the town in Druid")
    return druid


@pytest.fixture(scope="package")
def airflow(stack: Stack) -> AirflowClient:
    """Airflow's own API, signed in as its user."""
    return AirflowClient(stack)
