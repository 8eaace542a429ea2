"""`gridflex status` on real servers: what does not do its job is told, with what is lost and what to do."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from click.testing import CliRunner
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from gridflex.adapters.avro import encode_dicts
from gridflex.adapters.druid.client import Druid
from gridflex.adapters.kafka.topics import held_topics
from gridflex.contracts.schemas import reading_schema
from gridflex.errors import ServiceError
from gridflex.operations.local import commands
from gridflex.operations.local import recover as recovery
from gridflex.operations.local.health import HEALTH_TOPIC
from gridflex.operations.local.stack import Stack
from tests.component.test_druid_ingestion import GOOD, produce, summed
from tests.component.test_launcher import SERVICES
from tests.support.stack import crowding, halted, pids, wait_until

pytestmark = pytest.mark.component

TOLD_WITHIN_S = 60
Command = Callable[..., tuple[int, str]]


@pytest.fixture
def gridflex(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs a command of the launcher's on the shared stack; gives its exit code and what it prints."""
    for module in (commands, recovery):
        monkeypatch.setattr(module, "load_config", lambda: stack.config)

    def run(*words: str) -> tuple[int, str]:
        command = {"status": commands.status, "recover": recovery.recover}[words[0]]
        done = CliRunner().invoke(command, words[1:])
        return done.exit_code, done.output

    return run


def told(gridflex: Command) -> dict[str, dict[str, Any]]:
    """The problems by service, as a script sees them; they come in time, with an exit code that fits."""
    began = time.monotonic()
    code, output = gridflex("status", "--json")
    assert time.monotonic() - began < TOLD_WITHIN_S * crowding()
    found = json.loads(output)
    assert code == (1 if found["problems"] else 0)
    assert all(problem.keys() == {"service", "problem", "remedy"} for problem in found["problems"])
    assert all("\n" not in value for problem in found["problems"] for value in problem.values())
    return {problem["service"]: problem for problem in found["problems"]}


@pytest.fixture(autouse=True)
def _healthy(stack: Stack) -> None:
    wait_until(lambda: not stack.report().problems, what="no problem")


@pytest.mark.sampled(1)
@pytest.mark.parametrize("name", SERVICES)
def test_status__tells_a_frozen_service(stack: Stack, gridflex: Command, name: str) -> None:
    pid = pids(stack)[name]
    with halted(stack, name):
        problem = told(gridflex)[name]
        assert f"a signal has stopped its pid {pid}" in problem["problem"]
        assert problem["remedy"] == f"`kill -CONT {pid}` lets it go on"
        if name == "druid-historical":
            with pytest.raises(ServiceError, match=r"^druid-historical is frozen"):
                stack.up(["kafka", "druid"])
    wait_until(lambda: not told(gridflex), what=f"{name} is well again")


def test_health_topic__counts_nowhere(stack: Stack, druid: Druid, gridflex: Command) -> None:
    def held() -> int:
        return sum(held_topics(stack.config.kafka, [HEALTH_TOPIC], 10)[HEALTH_TOPIC].end.values())

    before, counts = held(), {one.name: one.rows.get("processed") for one in stack.supervisors()}
    assert told(gridflex) == {}
    assert held() > before
    assert {one.name: one.rows.get("processed") for one in stack.supervisors()} == counts
    assert not druid.has_table(HEALTH_TOPIC)


def test_retention_past_a_reader__is_told_as_loss_with_its_number_and_recover_reads_the_rest_once(
    stack: Stack, druid: Druid, gridflex: Command
) -> None:
    read = encode_dicts(reading_schema(), [GOOD | {"dataset": "before-the-loss"}] * 300)
    produce(stack, "powerraw", read, partition=4)
    produce(stack, "powerraw", read, partition=1)
    assert summed(druid, "before-the-loss", 600)["n"] == 600
    kafka = AdminClient({"bootstrap.servers": stack.config.kafka.bootstrap_servers})
    with _suspended(druid):
        assert "is suspended" in told(gridflex)["supervisor powerraw"]["problem"]
        produce(stack, "powerraw", encode_dicts(reading_schema(), [GOOD | {"dataset": "late"}] * 200), partition=4)
        end = held_topics(stack.config.kafka, ["powerraw"], 10)["powerraw"].end[4]
        for future in kafka.delete_records([TopicPartition("powerraw", 4, end - 50)]).values():
            future.result(30)
    problem = wait_until(lambda: _loss(told(gridflex)), what="the loss is told")
    assert "150 messages of topic powerraw were removed" in problem["problem"]
    assert "partition 4" in problem["problem"]
    assert problem["remedy"].startswith("`gridflex recover powerraw`")
    code, output = gridflex("recover", "--yes")
    assert code == 0, output
    assert "150 messages" in output
    assert told(gridflex) == {}
    assert summed(druid, "late", 50)["n"] == 50
    assert summed(druid, "before-the-loss", 600)["n"] == 600
    assert gridflex("recover")[1] == "every reader: no offset is gone; nothing to do\n"


@contextmanager
def _suspended(druid: Druid) -> Iterator[None]:
    """The readings' supervisor, without a task."""
    druid.suspend_supervisor("powerraw")
    wait_until(lambda: not [task for task in druid.running_tasks() if task["dataSource"] == "powerraw"], 120)
    yield
    druid.resume_supervisor("powerraw")


def _loss(problems: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    found = problems.get("supervisor powerraw")
    return found if found and "removed" in found["problem"] else None
