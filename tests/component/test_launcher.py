"""The launcher on real servers: up, status, killed services, taken ports, down."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from gridflex.adapters.avro import encode_dicts
from gridflex.adapters.druid.client import Druid
from gridflex.config import ROOT
from gridflex.contracts.schemas import reading_schema
from gridflex.errors import ServiceError
from gridflex.operations.local.log_rotation import older, shorten
from gridflex.operations.local.process import died
from gridflex.operations.local.services import find
from gridflex.operations.local.spark_service import config_environ
from gridflex.operations.local.stack import Stack
from tests.component.test_druid_ingestion import GOOD, produce, summed
from tests.support.stack import crowding, leftovers, pids, running_stack, stack_environ, wait_until

pytestmark = pytest.mark.component

SERVICES = (
    "zookeeper",
    "kafka",
    "druid-coordinator",
    "druid-historical",
    "druid-indexer",
    "druid-broker",
    "druid-router",
)
OUTAGES = "outages of the stack"
WITHIN_S = 55
"""Druid looks once a minute for an indexer for tasks that wait; `up` makes it look at once."""


def gridflex(environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gridflex.operations.local", *arguments],
        cwd=ROOT,
        env=os.environ | environ,
        capture_output=True,
        text=True,
        check=False,
    )


def kill(running: dict[str, int | None], name: str) -> None:
    pid = running[name]
    assert pid, f"{name} is not healthy"
    psutil.Process(pid).kill()


def test_up__is_idempotent(stack: Stack, druid: Druid) -> None:
    before = pids(stack)
    tasks = {task["id"] for task in druid.running_tasks()}
    stack.up(["kafka", "druid"])
    assert pids(stack) == before
    assert all(before[name] for name in SERVICES)
    assert {task["id"] for task in druid.running_tasks()} == tasks


def test_status__tells_health_pid_port_and_memory(stack: Stack) -> None:
    found = {service.name: service for service in stack.status()}
    for name in SERVICES:
        service = found[name]
        assert (service.healthy, service.detail) == (True, "")
        assert service.pid is not None
        assert service.rss_mb == pytest.approx(psutil.Process(service.pid).memory_info().rss / 1e6, rel=0.2)
        listening = {c.laddr.port for c in psutil.Process(service.pid).net_connections("tcp") if c.status == "LISTEN"}
        assert service.port in listening
    assert sum(service.rss_mb for service in found.values()) < 6000


def test_every_port__is_bound_to_the_loopback(stack: Stack) -> None:
    for pid in filter(None, pids(stack).values()):
        for connection in psutil.Process(pid).net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN:
                assert connection.laddr.ip in {"127.0.0.1", "::ffff:127.0.0.1"}, psutil.Process(pid).cmdline()[-1]


def test_supervisors__are_told_with_their_lag_and_rows(stack: Stack) -> None:
    found = {one.name: one for one in stack.supervisors()}
    assert set(found) == {"powerraw", "dutycycle", "deadletter", "flexibility"}
    assert {(one.state, one.tasks) for one in found.values()} == {("RUNNING", 1)}


def _is_told_in_one_line_by_every_command(stack: Stack) -> None:
    """That Druid answers no query: the router then sends a page of HTML."""
    gridflex, batch = (str(Path(sys.executable).with_name("gridflex")),), (sys.executable, "-m", "batch")
    commands = (
        (*gridflex, "sql", "SELECT 1"),
        (*gridflex, "curtail", "flex"),
        (*batch, "history", "--from", "2023-11-16", "--to", "2023-11-17"),
    )
    for arguments in commands:
        done = subprocess.run(
            arguments,
            cwd=ROOT,
            env=os.environ | config_environ(stack.config),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1, arguments
        assert done.stdout == ""
        assert "is its broker up? see `gridflex status`" in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert "<" not in done.stderr


@pytest.mark.sampled(1)
@pytest.mark.parametrize("name", SERVICES)
def test_killed_service__is_back_after_up_and_nothing_is_lost(stack: Stack, druid: Druid, name: str) -> None:
    dataset = f"killed-{name}"
    values = encode_dicts(reading_schema(), [GOOD | {"dataset": dataset, "power_w": float(i)} for i in range(500)])
    produce(stack, "powerraw", values)
    before = pids(stack)
    kill(before, name)
    wait_until(lambda: died(stack.runtime, find(stack.services, name)), what=f"{name} is gone")
    (problem,) = [problem for problem in stack.report().problems if problem.service == name]
    assert problem.problem.startswith("died; its last words: ")
    assert f"`gridflex up {name}` starts it again" in problem.remedy
    if name == "druid-broker":
        _is_told_in_one_line_by_every_command(stack)
    stack.up(["kafka", "druid"])
    after = pids(stack)
    assert after[name] not in (None, before[name])
    assert {one: after[one] for one in SERVICES if one != name} == {one: before[one] for one in SERVICES if one != name}
    produce(stack, "powerraw", values)
    found = summed(druid, dataset, 1000)
    assert (found["n"], found["observed_s"]) == (1000, 3000.0)
    assert found["energy_wh"] == pytest.approx(2 * sum(range(500)) * 3 / 3600, rel=1e-12)


@pytest.mark.sampled(1, pool=OUTAGES)
def test_indexer_killed_for_long__loses_nothing_though_the_overlord_believes_in_its_tasks(
    stack: Stack, druid: Druid
) -> None:
    values = encode_dicts(reading_schema(), [GOOD | {"dataset": "long-dead"}] * 200)
    produce(stack, "powerraw", values)
    assert summed(druid, "long-dead", 200)["n"] == 200
    kill(pids(stack), "druid-coordinator")
    stack.up(["kafka", "druid"])
    kill(pids(stack), "druid-indexer")
    workers = f"{stack.config.druid.router_url}/druid/indexer/v1/workers"
    wait_until(lambda: requests.get(workers, timeout=10).json() == [], what="the overlord gave the indexer up")
    stack.up(["kafka", "druid"])
    produce(stack, "powerraw", values)
    found = summed(druid, "long-dead", 400)
    assert (found["n"], found["observed_s"]) == (400, 1200.0)


@pytest.mark.sampled(1, pool=OUTAGES)
def test_all_services_killed_at_once__are_back_after_up(stack: Stack, druid: Druid) -> None:
    produce(stack, "powerraw", encode_dicts(reading_schema(), [GOOD | {"dataset": "all-killed"}] * 300))
    assert summed(druid, "all-killed", 300)["n"] == 300
    for pid in pids(stack).values():
        if pid:
            psutil.Process(pid).kill()
    stack.up(["kafka", "druid"])
    assert summed(druid, "all-killed", 300)["n"] == 300


@pytest.mark.sampled(1, pool=OUTAGES)
def test_down_and_up__keep_every_reading(stack: Stack, druid: Druid) -> None:
    produce(stack, "powerraw", encode_dicts(reading_schema(), [GOOD | {"dataset": "kept"}] * 300))
    assert summed(druid, "kept", 300)["n"] == 300
    assert set(stack.down()) == set(SERVICES)
    assert leftovers(stack) == []
    lines: list[str] = []
    Stack(stack.config, lines.append).up(["kafka", "druid"])
    (made,) = [line for line in lines if line.startswith("supervisors: made")]
    assert int(made.split()[-2]) < WITHIN_S * crowding(), (
        "the tasks that were there before have waited for Druid's next look"
    )
    assert summed(druid, "kept", 300)["n"] == 300


def test_command_line__starts_tells_and_ends_kafka(tmp_path: Path) -> None:
    environ = stack_environ(tmp_path)
    try:
        up = gridflex(environ, "up", "kafka")
        assert (up.returncode, up.stderr) == (0, "")
        told_up = [line for line in up.stdout.splitlines() if not line.startswith("waiting for ")]
        assert told_up[0].startswith("kafka: healthy, pid ")
        told = json.loads(gridflex(environ, "status", "--json").stdout)
        (kafka,) = [service for service in told["services"] if service["name"] == "kafka"]
        assert {"name", "healthy", "pid", "port", "rss_mb"} <= set(kafka)
        assert kafka["healthy"] is True
        assert kafka["port"] == int(environ["GRIDFLEX_LAUNCHER_KAFKA_PORT"])
        assert json.loads((tmp_path / "state" / "up.json").read_text()) == ["kafka"]
        logs = gridflex(environ, "logs", "kafka", "-n", "3")
        assert len(logs.stdout.splitlines()) == 3
    finally:
        down = gridflex(environ, "down")
    assert down.stdout.startswith("kafka: stopped")
    assert not psutil.pid_exists(kafka["pid"])
    assert gridflex(environ, "down").stdout == "nothing is running\n"
    reset = gridflex(environ, "reset", "--yes")
    assert (reset.returncode, (tmp_path / "state").exists()) == (0, False)


def test_command_line__refuses_an_unknown_service_as_wrong_usage(tmp_path: Path) -> None:
    done = gridflex(stack_environ(tmp_path), "up", "kafak")
    assert done.returncode == 2
    assert done.stderr.startswith("error: no service 'kafak'; allowed: ")


def test_up__refuses_a_port_that_another_stack_holds(stack: Stack, tmp_path: Path) -> None:
    taken = stack.config.launcher.kafka_port
    done = gridflex(stack_environ(tmp_path, launcher_kafka_port=taken), "up", "kafka")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: port {taken} of kafka is taken by pid {pids(stack)['kafka']} (java: ")


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A Kafka of two partitions a topic, which is killed."""
    with running_stack(tmp_path_factory.mktemp("narrow"), "kafka", kafka_partitions=2) as running:
        yield running


def test_killed_kafka__keeps_topics_and_messages_and_writes_on_to_a_log_that_was_cut(narrow: Stack) -> None:
    server = {"bootstrap.servers": narrow.config.kafka.bootstrap_servers}
    producer = Producer(server)
    for i in range(1000):
        producer.produce("powerraw", value=str(i), partition=0)
    assert producer.flush(30) == 0
    kill(pids(narrow), "kafka")
    narrow.up(["kafka"])
    log = narrow.runtime.log_file(find(narrow.services, "kafka"))
    assert log in shorten(log.parent, 1, 1)
    admin = AdminClient(server)
    admin.create_topics([NewTopic("another", num_partitions=1)])["another"].result(60)
    wait_until(lambda: log.stat().st_size > 0, what="the broker goes on writing to the log that was cut")
    assert b"\0" not in log.read_bytes()
    assert older(log, 1).stat().st_size > 10_000
    consumer = Consumer(server | {"group.id": "count"})
    assert wait_until(lambda: consumer.get_watermark_offsets(TopicPartition("powerraw", 0))) == (0, 1000)
    consumer.close()


def test_up__refuses_another_number_of_partitions_than_the_topics_have(narrow: Stack) -> None:
    other = narrow.config.model_copy(update={"kafka": narrow.config.kafka.model_copy(update={"partitions": 3})})
    with pytest.raises(ServiceError, match=r"^topic powerraw has 2 partitions, kafka.partitions is 3"):
        Stack(other, print).up(["kafka"])
