"""The transactional writer against the real Kafka."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from gridflex.adapters.kafka.writer import TransactionalWriter
from gridflex.config import ROOT, Kafka
from gridflex.errors import ReplayFencedError
from gridflex.operations.local.stack import Stack
from tests.support.sampling import Sampler
from tests.support.topics import read_messages

pytestmark = pytest.mark.component


@pytest.fixture(scope="module")
def kafka(stack: Stack) -> Kafka:
    """The stack's Kafka, with a topic of this module's own."""
    settings = stack.config.kafka.model_copy(update={"topic_readings": "writer"})
    admin = AdminClient({"bootstrap.servers": settings.bootstrap_servers})
    admin.create_topics([NewTopic("writer", 6, 1)])["writer"].result(30)
    return settings


def values(kafka: Kafka) -> list[bytes]:
    return sorted(message.value() for message in read_messages(kafka.bootstrap_servers, "writer"))


def test_commit__position_and_messages_are_there_together(kafka: Kafka) -> None:
    with TransactionalWriter(kafka, "together") as writer:
        assert writer.position is None
        writer.commit({"writer": [(b"k", b"together-1"), (b"k", b"together-2")]}, "one")
        writer.commit({}, "two")
    with TransactionalWriter(kafka, "together") as writer:
        assert writer.position == "two"
    assert [value for value in values(kafka) if value.startswith(b"together")] == [b"together-1", b"together-2"]


def test_commit__one_key_stays_in_one_partition_in_order(kafka: Kafka) -> None:
    with TransactionalWriter(kafka, "order") as writer:
        for number in range(5):
            writer.commit({"writer": [(b"order", b"order-%d" % number)]}, str(number))
    found = [m for m in read_messages(kafka.bootstrap_servers, "writer") if m.key() == b"order"]
    assert len({message.partition() for message in found}) == 1
    assert [message.value() for message in found] == [b"order-%d" % number for number in range(5)]


def test_writer__a_later_one_of_the_name_fences_the_earlier(kafka: Kafka) -> None:
    with TransactionalWriter(kafka, "fenced") as earlier:
        earlier.commit({"writer": [(b"k", b"fenced-1")]}, "1")
        with TransactionalWriter(kafka, "fenced") as later:
            assert later.position == "1"
            with pytest.raises(ReplayFencedError, match="fenced is run by another process"):
                earlier.commit({"writer": [(b"k", b"fenced-2")]}, "2")
            later.commit({"writer": [(b"k", b"fenced-3")]}, "3")
    assert [value for value in values(kafka) if value.startswith(b"fenced")] == [b"fenced-1", b"fenced-3"]


@pytest.mark.sampled(1)
@pytest.mark.parametrize("pause_s", [3.0, 7.0])
def test_commit__gives_up_a_call_that_does_not_come_back(
    stack: Stack, kafka: Kafka, pause_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kafka stands still for longer than a call may take; a new producer writes what the old one had not."""
    pid = next(service.pid for service in stack.status() if service.name == "kafka")
    assert pid is not None
    name = f"stuck{pause_s}"
    with TransactionalWriter(kafka, name) as writer:
        writer.commit({"writer": [(b"k", f"{name}-1".encode())]}, "1")
        monkeypatch.setattr("gridflex.adapters.kafka.transactions.STUCK_S", 2.0)
        os.kill(pid, signal.SIGSTOP)
        wakes = threading.Timer(pause_s, os.kill, (pid, signal.SIGCONT))
        wakes.start()
        writer.commit({"writer": [(b"k", f"{name}-2".encode())]}, "2")
        wakes.join()
        writer.commit({"writer": [(b"k", f"{name}-3".encode())]}, "3")
    with TransactionalWriter(kafka, name) as writer:
        assert writer.position == "3"
    expected = [f"{name}-{number}".encode() for number in (1, 2, 3)]
    assert [value for value in values(kafka) if value.startswith(name.encode())] == expected


def test_commit__more_than_the_queue_holds_is_written_whole(kafka: Kafka) -> None:
    batch = [(b"%d" % number, b"large-%07d" % number + b"x" * 2000) for number in range(300_000)]
    with TransactionalWriter(kafka, "large") as writer:
        writer.commit({"writer": batch}, "done")
    found = [value for value in values(kafka) if value.startswith(b"large")]
    assert len(found) == len(set(found)) == len(batch)


def test_replay__survives_kills_and_an_outage_of_kafka(stack: Stack, tmp_path: Path, sampler: Sampler) -> None:
    """The replay's own process is killed up to three times and Kafka once; every reading is there once."""
    folder = tmp_path / "low_freq" / "house_901"
    folder.mkdir(parents=True)
    (folder / "labels.dat").write_text("1 mains\n3 refrigerator\n4 microwave\n")
    for channel in (3, 4):
        lines = [f"{1_300_000_000 + second * 3} {100 + second % 7}.00\n" for second in range(60_000)]
        (folder / f"channel_{channel}.dat").write_text("".join(lines))
    environment = os.environ | {
        "GRIDFLEX_LAUNCHER_STATE_DIR": str(stack.config.state_dir),
        "GRIDFLEX_KAFKA_BOOTSTRAP_SERVERS": stack.config.kafka.bootstrap_servers,
        "GRIDFLEX_REPLAY_TRANSACTION_READINGS": "1000",
    }
    command = [str(Path(sys.executable).parent / "gridflex"), "replay", "redd", "--path", str(tmp_path)]
    for pause_s in sampler.draw("seconds before kills of the replay", (2.0, 2.3, 2.6), 1):
        started = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
        time.sleep(pause_s)
        started.kill()
        started.wait()
    started = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    pid = next(service.pid for service in stack.status() if service.name == "kafka")
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    stack.up(["kafka"])
    output, _ = started.communicate(timeout=180)
    assert started.returncode == 0, output
    assert "read 120,000 = delivered 120,000 + rejected 0" in output
    found = [m for m in read_messages(stack.config.kafka.bootstrap_servers, "powerraw") if b"redd-901-0" in m.key()]
    assert len(found) == len({(message.key(), message.value()) for message in found}) == 120_000
