"""The release that Terraform uploads, on a cluster of processes, one of which is killed in mid-batch."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from gridflex.config import Config
from gridflex.operations.local.spark_service import config_environ
from gridflex.operations.local.stack import Stack
from tests.spark.conftest import OwnTopics
from tests.support.flow import (
    Row,
    base_days_of,
    expected_flexibility,
    expected_rows,
    gridflex,
    told_flexibility,
    told_rows,
)
from tests.support.release import Release, unpacked_release
from tests.support.spark.driver_log import DriverLog
from tests.support.spark_cluster import SparkCluster, spark_cluster
from tests.support.stack import crowding, wait_until

pytestmark = [pytest.mark.spark, pytest.mark.component]

T = TypeVar("T")
_WAIT_S = 400
_LOOK_S = 0.01
_RECOVERED_S = 60
"""Less than Spark's time-outs: the loss is noticed by itself."""
_EXECUTOR = {"GRIDFLEX_EXECUTORS": 2, "GRIDFLEX_EXECUTOR_CORES": 1, "GRIDFLEX_EXECUTOR_MEMORY": "640m"}


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """The release, unpacked."""
    return unpacked_release(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def started(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkCluster]:
    """A master with the settings that the boot script gives EMR's machines."""
    folder = tmp_path_factory.mktemp("cluster")
    with spark_cluster(folder, release.spark_home, release.settings(**_EXECUTOR)) as cluster:
        yield cluster


@pytest.fixture
def cluster(started: SparkCluster) -> SparkCluster:
    """The same with two workers."""
    started.fill_up(workers=2)
    return started


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A generated house's day in Kafka, and what the pure detector and forecaster tell of it."""

    topic: str
    duty_cycles: Counter[Row]
    flexibility: Counter[Row]


@pytest.fixture(scope="module")
def played(kafka_stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The house, played once."""
    config, path = kafka_stack.config, tmp_path_factory.mktemp("houses") / "redd"
    environ = os.environ | config_environ(config)
    where = ("--houses", "1", "--days", "1", "--seed", "11")
    gridflex(environ, "generate", "redd", "--out", str(path), *where, "--json")
    gridflex(environ, "replay", "redd", "--path", str(path), "--json")
    base = base_days_of(config, "redd")
    return Played(
        topic=config.kafka.topic_readings,
        duty_cycles=expected_rows(config, "redd", path, None, base),
        flexibility=expected_flexibility(config, "redd", path, None, base),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How the job is started: its command, its folder, and what is in its environment."""

    command: list[str]
    cwd: Path
    environ: dict[str, str]


def as_submitted(release: Release, cluster: SparkCluster, checkpoint: str) -> Way:
    """``spark-submit`` to the cluster, from elsewhere."""
    command = [str(release.spark_home / "bin" / "spark-submit"), "--master", cluster.url]
    command += ["--jars", ",".join(map(str, release.jars)), str(release.app / "stream_processing" / "__main__.py")]
    environ = {"PYTHONPATH": str(release.app), "PYSPARK_PYTHON": str(release.python)}
    return Way(command=[*command, "--checkpoint", checkpoint], cwd=cluster.folder, environ=environ)


def as_unit(release: Release, cluster: SparkCluster, checkpoint: str) -> Way:
    """The command of the unit on EMR's primary machine."""
    command = release.command(GRIDFLEX_CHECKPOINT=checkpoint)
    return Way(command=command, cwd=release.app, environ={"GRIDFLEX_SPARK_MASTER": cluster.url})


def test_environment__knows_no_project_but_the_unpacked_one(release: Release) -> None:
    command = [str(release.python), "-c", "import pyspark, gridflex; print(gridflex.__file__)"]

    elsewhere = subprocess.run(command, cwd="/", env={}, capture_output=True, text=True, check=False)
    there = subprocess.run(command, cwd=release.app, env={}, capture_output=True, text=True, check=True)

    assert "No module named 'gridflex'" in elsewhere.stderr
    assert Path(there.stdout.strip()).is_relative_to(release.app)


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    ("way", "stage"),
    [
        pytest.param(as_submitted, "ShuffleMapStage", id="spark-submit, killed while it reads"),
        pytest.param(as_unit, "ResultStage", id="unit of EMR, killed while it folds"),
    ],
)
def test_release__loses_a_worker_in_mid_batch_and_changes_no_figure(
    own_topics: OwnTopics, release: Release, cluster: SparkCluster, played: Played, tmp_path: Path,
    way: Callable[[Release, SparkCluster, str], Way], stage: str,
) -> None:  # fmt: skip
    settings = own_topics(max_offsets_per_trigger=60_000, buckets=4)
    settings = settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"topic_readings": played.topic})})
    checkpoint = tmp_path / "checkpoint"
    log = DriverLog(tmp_path / "driver.log")

    with _job(way(release, cluster, checkpoint.as_uri()), cluster, settings, log) as job:
        _wait(job, lambda: _newest(checkpoint / "commits") >= 0, "a micro-batch")
        task = _wait(job, lambda: log.running(stage), f"a task of a {stage}")
        batch, killed = _newest(checkpoint / "offsets"), time.time()
        cluster.kill(task.executor)
        unfinished = _newest(checkpoint / "commits") < batch
        assert job.wait(_WAIT_S) == 0

    assert unfinished
    assert log.lost_executors() == {task.executor}
    assert task.number in log.lost_tasks()
    assert (checkpoint / "commits" / str(batch)).stat().st_mtime - killed < _RECOVERED_S * crowding()
    assert told_rows(settings, "redd") == played.duty_cycles
    assert told_flexibility(settings, "redd") == played.flexibility


@contextmanager
def _job(way: Way, cluster: SparkCluster, settings: Config, log: DriverLog) -> Iterator[subprocess.Popen[bytes]]:
    """The job as a process that ends when it has read everything; what goes wrong shows the end of its log."""
    environ = {**cluster.environ, **config_environ(settings), **way.environ}
    with log.path.open("wb") as out:
        command = [*way.command, "--until-caught-up"]
        job = subprocess.Popen(command, cwd=way.cwd, env=environ, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        yield job
    except BaseException:
        sys.stderr.write(log.text[-8000:])
        raise
    finally:
        job.kill()
        job.wait()


def _wait(job: subprocess.Popen[bytes], probe: Callable[[], T | None], what: str) -> T:
    def look() -> T | None:
        assert job.poll() is None, f"the job has ended with {job.returncode} before {what}"
        return probe()

    return wait_until(look, _WAIT_S, what, _LOOK_S)


def _newest(folder: Path) -> int:
    """The newest micro-batch in a folder of the checkpoint; -1 before the first."""
    return max((int(path.name) for path in folder.glob("[0-9]*")), default=-1)
