"""A topic of Druid and the streaming job is deleted and created again: the loss is reported, `recover` repairs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time

import psutil
import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from gridflex.adapters.avro import encode_dicts
from gridflex.config import ROOT
from gridflex.contracts.schemas import reading_schema
from gridflex.domain.readings import MS_PER_DAY
from tests.component.test_druid_ingestion import GOOD, produce
from tests.e2e.conftest import RECOVERIES, Running
from tests.support.flow import GRIDFLEX, number
from tests.support.stack import halted, pids, wait_until

pytestmark = pytest.mark.e2e

LOST = ("supervisor powerraw", "spark")


def command(running: Running, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(GRIDFLEX), *words], env=running.environment, cwd=ROOT, capture_output=True, text=True, check=False,
        timeout=400,
    )  # fmt: skip


def problems(running: Running) -> dict[str, dict[str, str]]:
    done = command(running, "status", "--json")
    found = json.loads(done.stdout)["problems"]
    assert done.returncode == bool(found), done.stderr
    return {problem["service"]: problem for problem in found}


def losses(running: Running) -> dict[str, dict[str, str]] | None:
    """The problems, once all losses are among them."""
    found = problems(running)
    return found if found.keys() >= set(LOST) else None


def play(running: Running, dataset: str, minutes: int) -> None:
    """A minute's readings after the other, of an appliance that is on: windows come of them."""
    start_ms = int(time.time() * 1000) // MS_PER_DAY * MS_PER_DAY - MS_PER_DAY
    readings = [
        GOOD | {"dataset": dataset, "event_time_ms": start_ms + 3000 * i, "house_id": dataset, "appliance_id": dataset}
        for i in range(20 * minutes)
    ]
    produce(running.stack, running.config.kafka.topic_readings, encode_dicts(reading_schema(), readings))


def counted(running: Running, dataset: str) -> tuple[int, int]:
    where = f"WHERE dataset = '{dataset}'"
    readings = number(running.druid, f'SELECT SUM("count") FROM powerraw {where}')
    windows = number(running.druid, f"SELECT COUNT(*) FROM dutycycle {where} AND kind = 'window'")
    return int(readings), int(windows)


@pytest.mark.sampled(1, pool=RECOVERIES)
def test_topic_made_anew__is_told_as_loss_and_recover_reads_it_once(running: Running) -> None:
    kafka = running.config.kafka
    play(running, "old-topic", 40)
    wait_until(lambda: counted(running, "old-topic")[0] == 800 and counted(running, "old-topic")[1] >= 25, 240)
    before = counted(running, "old-topic")
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    admin.delete_topics([kafka.topic_readings])[kafka.topic_readings].result(30)
    wait_until(lambda: kafka.topic_readings not in admin.list_topics(timeout=10).topics, what="the topic is gone")
    admin.create_topics([NewTopic(kafka.topic_readings, kafka.partitions, 1)])[kafka.topic_readings].result(30)
    play(running, "new-topic", 20)

    found = wait_until(lambda: losses(running), what="both losses are told")
    for name, reader in zip(LOST, ("powerraw", "spark"), strict=True):
        assert "was deleted and created again" in found[name]["problem"]
        assert f"`gridflex recover {reader}`" in found[name]["remedy"]
    assert "400 messages in it are not read" in found["supervisor powerraw"]["problem"]
    up = command(running, "up")
    assert up.returncode == 1
    assert "`gridflex recover" in up.stderr
    done = command(running, "deploy", "check", "--no-canary", "--json")
    checks = {finding["name"]: finding for finding in json.loads(done.stdout)["checks"]}
    assert checks["supervisor powerraw"]["state"] == "failed"
    assert "400 messages in it are not read" in checks["supervisor powerraw"]["detail"]

    recovered = command(running, "recover", "--yes")
    assert recovered.returncode == 0, recovered.stdout + recovered.stderr
    assert "recovered: spark, powerraw" in recovered.stdout
    wait_until(lambda: counted(running, "new-topic")[0] == 400 and counted(running, "new-topic")[1] >= 5, 240)
    assert counted(running, "old-topic") == before
    assert counted(running, "new-topic")[0] == 400
    assert problems(running) == {}
    assert command(running, "up").returncode == 0


def test_frozen_stream__is_told_and_so_is_a_frozen_jvm_of_it(running: Running) -> None:
    with halted(running.stack, "spark"):
        assert "a signal has stopped its pid" in problems(running)["spark"]["problem"]
    driver = pids(running.stack)["spark"]
    assert driver
    jvm = wait_until(lambda: _java_below(driver))
    os.kill(jvm, signal.SIGSTOP)
    try:
        assert problems(running)["spark"]["remedy"] == f"`kill -CONT {jvm}` lets it go on"
    finally:
        os.kill(jvm, signal.SIGCONT)
    wait_until(lambda: not problems(running), what="the stream is well again")


def _java_below(pid: int) -> int | None:
    found = [child.pid for child in psutil.Process(pid).children(recursive=True) if child.name() == "java"]
    return found[0] if found else None
