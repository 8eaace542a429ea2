"""Servers are killed with -9 while houses are played; not one reading more or less comes out."""

import os
import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from gridflex.adapters.kafka.topics import held_topics
from tests.e2e.conftest import Running
from tests.support.energy import redd_energy_wh
from tests.support.flow import (
    GRIDFLEX,
    ROOT,
    base_days_of,
    expected_flexibility,
    expected_rows,
    gridflex,
    number,
    sums_by_appliance,
    told_flexibility,
    told_rows,
    wait_for,
)
from tests.support.sampling import Sampler
from tests.support.stack import wait_until

pytestmark = pytest.mark.e2e

HOUSES = ("501", "502")
KILLED = ("replay", "kafka", "druid-indexer", "spark", "zookeeper")
PLAY_S = 400


@pytest.fixture(scope="module")
def houses(running: Running, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two generated houses over a day, under numbers of their own."""
    path = tmp_path_factory.mktemp("kills")
    gridflex(running.environment, "generate", "redd", "--out", str(path), "--houses", "2", "--days", "1", "--seed", "7",
             "--json")  # fmt: skip
    for number_, house in enumerate(HOUSES, start=1):
        (path / "low_freq" / f"house_{number_}").rename(path / "low_freq" / f"house_{house}")
    return path


def start_replay(running: Running, path: Path) -> subprocess.Popen[bytes]:
    speed = str(86_400 / PLAY_S)
    command = [str(GRIDFLEX), "replay", "redd", "--path", str(path), "--speed", speed, "--replay-id", "kills"]
    return subprocess.Popen(command, env=running.environment, cwd=ROOT, stdout=subprocess.DEVNULL)


def sent(running: Running) -> int:
    """Messages in the readings' topic."""
    topic = running.config.kafka.topic_readings
    return sum(held_topics(running.config.kafka, [topic], 10)[topic].end.values())


def kill_server(running: Running, name: str) -> None:
    pid = next(service.pid for service in running.stack.status() if service.name == name)
    assert pid is not None, f"{name} is not running"
    os.kill(pid, signal.SIGKILL)


def test_pipeline__kills_of_every_server_change_no_figure(running: Running, houses: Path, sampler: Sampler) -> None:
    """In an order and at times of chance, which the seed repeats."""
    chance = random.Random(os.environ.get("KILLS_SEED", sampler.seed or "15"))
    killed = sampler.draw("killed while houses are played", KILLED, 1)
    before, replay = sent(running), start_replay(running, houses)
    wait_until(lambda: sent(running) > before, what="the replay plays")
    for name in chance.sample(killed, len(killed)):
        time.sleep(chance.uniform(0.5, 2.9))
        if name == "replay":
            replay.kill()
        else:
            kill_server(running, name)
        running.stack.up()
        if replay.poll() is not None:
            replay = start_replay(running, houses)
    replay.kill()
    replay.wait()
    done = gridflex(running.environment, "replay", "redd", "--path", str(houses), "--replay-id", "kills", "--json")
    assert done["complete"]
    assert done["resumed_at"] > 0
    assert_undisturbed(running, houses, done["delivered"])


def assert_undisturbed(running: Running, houses: Path, delivered: int) -> None:
    ids = ", ".join(f"'redd-{house}-0'" for house in HOUSES)
    query = f'SELECT SUM("count") FROM powerraw WHERE house_id IN ({ids})'
    wait_for("readings in Druid", lambda: number(running.druid, query), delivered)
    found = sums_by_appliance(running.druid, "redd")
    for house in HOUSES:
        for channel, energy_wh in redd_energy_wh(houses / "low_freq" / f"house_{house}").items():
            assert found[f"redd-{house}-0-{channel}"][1] == pytest.approx(energy_wh, rel=1e-9, abs=1e-9)
    base = base_days_of(running.config, "redd", HOUSES)
    expected = expected_rows(running.config, "redd", houses, HOUSES, base)
    own = {row[0] for row in expected}

    def told() -> Counter[tuple[object, ...]]:
        rows = told_rows(running.config, "redd")
        return Counter({row: count for row, count in rows.items() if row[0] in own})

    wait_for("rows of the stream", lambda: told() == expected, True)
    query = f"SELECT COUNT(*) FROM dutycycle WHERE house_id IN ({ids})"
    wait_for("rows of the stream in Druid", lambda: number(running.druid, query), expected.total())
    flexible = expected_flexibility(running.config, "redd", houses, HOUSES, base)
    mine = {row[0] for row in flexible}

    def told_flexible() -> Counter[tuple[object, ...]]:
        rows = told_flexibility(running.config, "redd")
        return Counter({row: count for row, count in rows.items() if row[0] in mine})

    wait_for("flexibility of the stream", lambda: told_flexible() == flexible, True)
