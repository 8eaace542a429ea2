"""What `gridflex deploy check` says of a real Airflow, and of what is none."""

from __future__ import annotations

import pytest

from gridflex.config import Config
from gridflex.operations.checks.runner import Finding, run_checks
from gridflex.operations.checks.web import web_checks
from gridflex.operations.local.airflow_service import AIRFLOW_SCHEDULER
from gridflex.operations.local.stack import Stack
from tests.support.stack import free_ports, halted, wait_until

pytestmark = pytest.mark.component


def findings(config: Config) -> dict[str, Finding]:
    return {found.name: found for found in run_checks(web_checks(config), 30)}


def elsewhere(config: Config, url: str) -> Config:
    return config.model_copy(update={"airflow": config.airflow.model_copy(update={"url": url})})


def test_check__finds_a_healthy_airflow_and_that_superset_was_not_started(stack: Stack) -> None:
    found = findings(stack.config)
    assert found["airflow"].state == "ok", found["airflow"].detail
    assert found["airflow"].detail.endswith("metadatabase, scheduler, dag_processor healthy")
    assert found["superset"].state == "skipped"
    assert "gridflex up superset" in found["superset"].detail


def test_check__finds_a_scheduler_that_stands_still(stack: Stack) -> None:
    with halted(stack, AIRFLOW_SCHEDULER):
        sick = wait_until(lambda: failed(stack.config), 120, "a failed check", pause_s=1)
    assert sick.detail.endswith("scheduler is unhealthy")
    assert "gridflex logs airflow" in sick.remedy
    wait_until(lambda: failed(stack.config) is None, 60, "a healthy Airflow again", pause_s=1)


def test_check__tells_what_answers_instead_of_airflow(stack: Stack) -> None:
    wrong = findings(elsewhere(stack.config, stack.config.druid.router_url))["airflow"]
    assert (wrong.state, wrong.detail) == ("failed", f"{stack.config.druid.router_url}/api/v2/monitor/health: HTTP 404")
    nowhere = f"http://127.0.0.1:{free_ports(1)[0]}"
    silent = findings(elsewhere(stack.config, nowhere))["airflow"]
    assert (silent.state, silent.detail) == ("failed", f"nobody answers at {nowhere}/api/v2/monitor/health")


def failed(config: Config) -> Finding | None:
    found = findings(config)["airflow"]
    return found if found.state == "failed" else None
