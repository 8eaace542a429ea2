"""Responding houses on the real Kafka: exactly once, and through kills as if nothing had happened."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from gridflex.adapters.avro import encode_dicts
from gridflex.config import ROOT, Kafka
from gridflex.contracts.feeds import feed
from gridflex.contracts.schemas import written_schema
from gridflex.domain.curtailment import COHORTS, Command, CommandAction
from gridflex.operations.local.stack import Stack
from ingestion.premises import load_premises
from ingestion.replay.timeline import Align, Span, base_days
from tests.support.stack import wait_until
from tests.support.topics import read_records

pytestmark = pytest.mark.component

DAY_S = 86_400
FIRST_S = 1_303_084_800
HOUSE = "901"
CLASSES = {"mains": "mains", "refrigerator": "fridge", "dishwaser": "dishwasher", "electric_heat": "electric_heat"}
TOPIC = "responding"
PLACE = load_premises(ROOT / "ingestion" / "premises.csv").place("redd", HOUSE, 0)
Environment = dict[str, str]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A house with a reading every ten seconds, whose last one lies so that no day shift changes within hours."""
    folder = tmp_path_factory.mktemp("responding") / "low_freq" / f"house_{HOUSE}"
    folder.mkdir(parents=True)
    (folder / "labels.dat").write_text("".join(f"{n} {name}\n" for n, name in enumerate(CLASSES, start=1)))
    seconds = np.arange(0, DAY_S + (int(time.time()) + DAY_S // 2) % DAY_S, 10)
    minute = seconds // 60
    loads = [
        np.where(minute % 57 < 20, 120, 4),
        np.where(minute % 240 < 90, 1800, 1),
        np.where(minute % 138 < 20, 1000, 0),
    ]
    for channel, power_w in enumerate([60 + sum(loads), *loads], start=1):
        lines = [
            f"{FIRST_S + second} {watts}.00\n" for second, watts in zip(seconds.tolist(), power_w.tolist(), strict=True)
        ]
        (folder / f"channel_{channel}.dat").write_text("".join(lines))
    return folder.parent.parent


@pytest.fixture(scope="module")
def day_ms(data: Path) -> int:
    """The event time of the data's first second."""
    lines = (data / "low_freq" / f"house_{HOUSE}" / "channel_1.dat").read_text().splitlines()
    span = Span(first_ms=FIRST_S * 1000, last_ms=int(lines[-1].split()[0]) * 1000)
    return (FIRST_S + base_days(span, Align.PAST, int(time.time() * 1000)) * DAY_S) * 1000


@pytest.fixture(scope="module")
def environment(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """For replays of small transactions into a topic of their own."""
    folder = tmp_path_factory.mktemp("state")
    (folder / "config.ini").touch()
    admin = AdminClient({"bootstrap.servers": stack.config.kafka.bootstrap_servers})
    admin.create_topics([NewTopic(TOPIC, 3, 1)])[TOPIC].result(30)
    return os.environ | {
        "GRIDFLEX_CONFIG": str(folder / "config.ini"),
        "GRIDFLEX_LAUNCHER_STATE_DIR": str(folder),
        "GRIDFLEX_KAFKA_BOOTSTRAP_SERVERS": stack.config.kafka.bootstrap_servers,
        "GRIDFLEX_KAFKA_TOPIC_READINGS": TOPIC,
        "GRIDFLEX_REPLAY_TRANSACTION_READINGS": "400",
        "GRIDFLEX_RESPONDING_LATENCY_S": "30",
    }


@pytest.fixture(scope="module")
def commands(stack: Stack, day_ms: int) -> list[Command]:
    """Off for 20 minutes of every hour of the first day, one event each, to all cohorts of three classes."""
    given = [
        Command(
            event_time_ms=day_ms + hour * 3_600_000 - 60_000,
            command_id=f"event-{hour}/1/{name}-{cohort}",
            event_id=f"event-{hour}",
            version=1,
            region=PLACE.region,
            feeder=PLACE.feeder,
            appliance=name,
            cohort=cohort,
            action=CommandAction.OFF,
            start_ms=day_ms + hour * 3_600_000,
            end_ms=day_ms + hour * 3_600_000 + 1_200_000,
            start_spread_ms=60_000,
            end_spread_ms=60_000,
            offset_seed="seed",
        )
        for hour in range(1, 24)
        for name in list(CLASSES.values())[1:]
        for cohort in range(COHORTS)
    ]
    publish(stack.config.kafka, given)
    return given


def publish(kafka: Kafka, commands: list[Command]) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    values = encode_dicts(written_schema(feed("commands")), [asdict(one) for one in commands])
    for one, value in zip(commands, values, strict=True):
        producer.produce("commands", value, one.key.encode())
    producer.produce("commands", b"no command", b"nobody")
    assert producer.flush(30) == 0


def argv(data: Path, name: str, truth: Path) -> list[str]:
    return [sys.executable, "-m", "ingestion", "replay", "redd", "--path", str(data), "--replay-id", name, "--respond",
            "--truth", str(truth), "--json"]  # fmt: skip


def finish(data: Path, name: str, truth: Path, environment: Environment) -> dict[str, Any]:
    done = subprocess.run(argv(data, name, truth), env=environment, cwd=ROOT, capture_output=True, text=True,
                          timeout=240, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    values: dict[str, Any] = json.loads(done.stdout)
    return values


def lines_of(truth: Path) -> list[str]:
    return sorted(truth.read_text(encoding="utf-8").splitlines())


def wait_for_truth(replay: subprocess.Popen[bytes], truth: Path, size: int) -> None:
    """Until the file is larger, or the replay is over."""
    wait_until(lambda: (truth.is_file() and truth.stat().st_size > size) or replay.poll() is not None, 120,
               "the truth grows", pause_s=0.002)  # fmt: skip


def seen(stack: Stack) -> tuple[Counter[tuple[object, ...]], Counter[tuple[object, ...]]]:
    """Readings and results."""
    servers = stack.config.kafka.bootstrap_servers
    readings = Counter(
        (one["appliance_id"], one["event_time_ms"], one["power_w"]) for one in read_records(servers, TOPIC)
    )
    results = Counter(
        tuple(one.values()) for one in read_records(servers, "command_results") if one["house_id"] == f"redd-{HOUSE}-0"
    )
    return readings, results


def test_replay__killed_during_events_ends_like_one_that_was_not(
    stack: Stack, data: Path, day_ms: int, commands: list[Command], environment: Environment, tmp_path: Path
) -> None:
    whole, killed = tmp_path / "whole.jsonl", tmp_path / "killed.jsonl"
    done = finish(data, "whole", whole, environment)
    readings, results = seen(stack)
    assert sum(readings.values()) == done["delivered"]
    assert set(readings.values()) == set(results.values()) == {1}
    assert len(results) == 2 * 23 * (len(CLASSES) - 1)
    shed_w = [json.loads(line)["true_shed_w"] for line in lines_of(whole)]
    assert max(shed_w) > 1500
    assert min(shed_w) < -500

    kills = 0
    for share in (0.2, 0.4, 0.6, 0.8):
        replay = subprocess.Popen(argv(data, "killed", killed), env=environment, cwd=ROOT, stdout=subprocess.DEVNULL)
        size = round(whole.stat().st_size * share)
        wait_for_truth(replay, killed, size)
        kills += replay.poll() is None
        replay.kill()
        replay.wait()
    assert kills >= 3
    assert finish(data, "killed", killed, environment)["resumed_at"] > 0
    assert lines_of(killed) == lines_of(whole)
    twice = seen(stack)
    assert twice[0] == Counter(dict.fromkeys(readings, 2))
    assert twice[1] == Counter(dict.fromkeys(results, 2))


def test_replay__without_respond_goes_not_on_in_the_middle_of_an_event(
    data: Path, commands: list[Command], environment: Environment, tmp_path: Path
) -> None:
    truth = tmp_path / "truth.jsonl"
    replay = subprocess.Popen(argv(data, "halted", truth), env=environment, cwd=ROOT, stdout=subprocess.DEVNULL)
    wait_for_truth(replay, truth, 0)
    replay.kill()
    replay.wait()
    plain = [word for word in argv(data, "halted", truth) if word not in {"--respond", "--truth", str(truth)}]
    done = subprocess.run(plain, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode != 0
    assert "replay halted was stopped while its houses responded to an event" in done.stderr
    assert "Traceback" not in done.stderr
