"""The commands and the SQL of README and runbook on the running stack."""

from __future__ import annotations

import json
import re
import shlex
import subprocess

import pytest

from gridflex.adapters.druid.tables import empty_table, table_specs
from gridflex.config import ROOT
from tests.e2e.conftest import Running
from tests.support.doc_commands import shown_commands
from tests.support.flow import GRIDFLEX
from tests.support.stack import wait_until

pytestmark = pytest.mark.e2e

TEXTS = {shown.text for shown in shown_commands()}
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")


def run(running: Running, words: list[str]) -> str:
    done = subprocess.run([str(GRIDFLEX), *words], env=running.environment, cwd=ROOT, capture_output=True, text=True,
                          check=False, timeout=120)  # fmt: skip
    assert done.returncode == 0, f"{words}: {done.stdout}\n{done.stderr}"
    return done.stdout


def test_status__has_the_fields_that_the_runbook_names(running: Running) -> None:
    assert "gridflex status [--json]" in TEXTS
    found = json.loads(run(running, ["status", "--json"]))
    assert found["problems"] == []
    assert {"kafka", "zookeeper", "spark"} <= {service["name"] for service in found["services"]}


def test_logs__prints_the_lines_of_a_service(running: Running) -> None:
    assert "gridflex logs SERVICE" in TEXTS
    assert run(running, ["logs", "spark", "-n", "5"]).strip()


def test_documented_queries__run_in_druid(running: Running) -> None:
    table = "deadletter"
    if not running.druid.has_table(table):  # without a row it does not exist to Druid
        running.druid.submit_task(empty_table(table_specs()[table]))
    wait_until(lambda: running.druid.has_table(table), 120, f"table {table}")
    commands = [text for text in TEXTS if text.startswith("gridflex sql ") and "..." not in text]
    assert commands
    for text in commands:
        assert run(running, [*shlex.split(text)[1:], "--json"]).startswith("[")
    spans = [" ".join(span.split()) for span in re.findall(r"`(SELECT [^`]+)`", RUNBOOK)]
    assert len(spans) >= 2
    for query in spans:
        assert isinstance(running.druid.sql(query), list)
