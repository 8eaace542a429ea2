"""`gridflex deploy check` on the whole stack: all is well, then one thing after the other is broken."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from gridflex.adapters.druid.client import Druid
from gridflex.config import ROOT
from gridflex.contracts.feeds import stored_feeds
from tests.e2e.conftest import Running
from tests.support.flow import GRIDFLEX, number
from tests.support.stack import pids, wait_until

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module", autouse=True)
def events(running: Running) -> None:
    """The events service is started by name alone."""
    running.stack.up(["events"])


Findings = dict[str, dict[str, Any]]
FAULTS = "faults that deploy check finds"
LEGS = ("canary sent", "canary in powerraw", "canary by Spark", "canary in dutycycle")
PRESENT = "__time > TIMESTAMP '2000-01-01'"


def command(running: Running, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(GRIDFLEX), "deploy", *words], env=running.environment | environ, cwd=ROOT, capture_output=True, text=True,
        check=False, timeout=240,
    )  # fmt: skip


def check(running: Running, *words: str, code: int, **environ: str) -> Findings:
    """The findings by name; the command must end with ``code``."""
    done = command(running, "check", "--json", "--timeout-s", "60", *words, **environ)
    assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
    told = json.loads(done.stdout)
    assert told["ok"] == (code == 0)
    return {finding["name"]: finding for finding in told["checks"]}


def failed(found: Findings) -> list[str]:
    return [name for name, finding in found.items() if finding["state"] == "failed"]


def without_vtn(running: Running) -> set[str]:
    """The check that is skipped if no test has started the VTN yet."""
    return set() if pids(running.stack)["openadr-vtn"] else {"openadr"}


def test_check__is_happy_with_a_healthy_stack_and_counts_nowhere(running: Running) -> None:
    late = number(running.druid, 'SELECT SUM("count") FROM deadletter')
    for _ in range(2):
        found = check(running, code=0)
        skipped = {name for name, finding in found.items() if finding["state"] == "skipped"}
        assert skipped == {"airflow", "superset", *without_vtn(running)}
        assert set(LEGS) < found.keys() - skipped
    assert found["canary in powerraw"]["detail"] == "7 readings, 20 Wh"
    assert "signed in; events: " in found["events"]["detail"]
    assert found["events ledger"]["detail"].endswith("record(s) in order")
    for table in ("powerraw", "dutycycle"):
        assert number(running.druid, f"SELECT COUNT(*) FROM {table} WHERE dataset = 'canary'") > 0
        assert number(running.druid, f"SELECT COUNT(*) FROM {table} WHERE dataset = 'canary' AND {PRESENT}") == 0
    assert number(running.druid, "SELECT COUNT(*) FROM flexibility WHERE dataset = 'canary'") == 0
    assert number(running.druid, 'SELECT SUM("count") FROM deadletter') == late


def test_check__tells_a_line_each(running: Running) -> None:
    done = command(running, "check", "--no-canary")
    assert done.returncode == 0, done.stdout + done.stderr
    *lines, summary = done.stdout.splitlines()
    skipped = len(without_vtn(running))
    openadr = "skipped" if skipped else "ok"
    assert [line.split()[0] for line in lines] == ["ok"] * 17 + ["skipped"] * 2 + ["ok"] * 2 + [openadr]
    assert summary == f"check: {20 - skipped} ok, 0 failed, {2 + skipped} skipped"


def test_status__counts_events(running: Running) -> None:
    done = subprocess.run(
        [str(GRIDFLEX), "status", "--json"], env=running.environment, cwd=ROOT, capture_output=True, text=True,
        check=False, timeout=120,
    )  # fmt: skip
    told = json.loads(done.stdout)["events"]
    assert {"scheduled", "active", "rejected"} <= told["events"].keys()
    assert (told["refused_commands"] >= 0, told["stalled"]) == (True, "")


@pytest.mark.sampled(1, pool=FAULTS)
def test_check__finds_a_topic_of_other_partitions(running: Running) -> None:
    kafka = running.config.kafka
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    admin.create_topics([NewTopic("narrow", num_partitions=2, replication_factor=1)])["narrow"].result(30)
    found = check(running, "--no-canary", code=1, GRIDFLEX_KAFKA_TOPIC_FLEXIBILITY="narrow")
    assert failed(found) == ["topic narrow", "supervisor flexibility"]
    assert found["topic narrow"]["detail"] == "2 partitions, kafka.partitions is 6"
    assert "partitions are part of the data" in found["topic narrow"]["remedy"]
    assert "another spec" in found["supervisor flexibility"]["detail"]
    found = check(running, "--no-canary", code=1, GRIDFLEX_KAFKA_REPLICATION_FACTOR="3")
    assert "1 broker(s)" in found["kafka"]["detail"]
    missing = check(running, "--no-canary", code=1, GRIDFLEX_KAFKA_TOPIC_DEAD_LETTERS="nowhere")["topic nowhere"]
    assert "make it: `gridflex up kafka`" in missing["remedy"]


@pytest.mark.sampled(1, pool=FAULTS)
def test_check__finds_a_suspended_supervisor_which_supervisors_resumes(running: Running) -> None:
    Druid(running.config.druid).suspend_supervisor("dutycycle")
    found = check(running, code=1)
    assert failed(found) == ["supervisor dutycycle"]
    assert found["supervisor dutycycle"]["detail"] == "it is suspended: nothing is read"
    assert found["canary by Spark"]["state"] == "ok"
    assert found["canary in dutycycle"]["state"] == "skipped"
    done = command(running, "supervisors")
    assert done.returncode == 0, done.stderr
    assert "supervisor dutycycle: resumed" in done.stdout
    assert "supervisor powerraw: unchanged" in done.stdout
    # The command submits all supervisors, those too that `gridflex up` leaves out.
    wait_until(
        lambda: all(running.druid.supervisor_status(feed.table).get("activeTasks") for feed in stored_feeds()),
        120,
        "a task of each that reads",
    )
    assert set(LEGS) < {name for name, finding in check(running, code=0).items() if finding["state"] == "ok"}


@pytest.mark.sampled(1, pool=FAULTS)
def test_check__finds_a_dead_streaming_job(running: Running) -> None:
    spark = pids(running.stack)["spark"]
    assert spark
    os.kill(spark, signal.SIGKILL)
    try:
        done = command(running, "check", "--timeout-s", "12")
    finally:
        running.stack.up()
    assert done.returncode == 1
    lines = {line[9:31].strip(): line for line in done.stdout.splitlines()}
    assert lines["canary in powerraw"].startswith("ok")
    assert "no duty cycle of it in topic dutycycle within 12 s; do: is the streaming job up" in lines["canary by Spark"]
    assert lines["canary in dutycycle"].startswith("skipped")
    skipped = len(without_vtn(running))
    told = f"check: {22 - skipped} ok, 1 failed, {3 + skipped} skipped: canary by Spark"
    assert done.stdout.splitlines()[-1] == told
    assert failed(check(running, code=0)) == []
