"""The streaming job as a process of its own: killed, then stopped; another process goes on where it was."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from pyspark.sql import SparkSession

from gridflex.config import ROOT, Config
from stream_processing.jobs.duty_cycles import follow, read_messages, start
from stream_processing.status import Status
from tests.spark.conftest import OwnTopics
from tests.support.sampling import Sampler
from tests.support.spark.samples import (
    publish,
    readings,
    told_by_detector,
    told_by_forecaster,
    written,
    written_flexibility,
)
from tests.support.stack import wait_until

pytestmark = [
    pytest.mark.spark,
    pytest.mark.component,
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),  # py4j leaves its own to the collector
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
_WAIT_S = 300


def test_process__killed_in_mid_batch_or_stopped_by_sigterm_loses_nothing(
    spark: SparkSession, own_topics: OwnTopics, sampler: Sampler
) -> None:
    settings = own_topics(max_offsets_per_trigger=150, trigger_s=0, buckets=4)
    sent = readings(steps=150)
    publish(settings.kafka, sent)

    for kill in sampler.draw("kills of the streaming process", range(3), 1):
        with _job(settings) as job:
            seen = _batch_id(settings)
            wait_until(lambda seen=seen: _batch_id(settings) > seen, _WAIT_S, f"a micro-batch after kill {kill}")
            _kill(job)
    with _job(settings) as job:
        seen = _batch_id(settings)
        wait_until(lambda: _batch_id(settings) > seen, _WAIT_S, "a micro-batch after the last kill")
        status = json.loads(_status(settings).read_text())
        job.send_signal(signal.SIGTERM)
        assert job.wait(_WAIT_S) == 0
    assert status["pid"] == job.pid
    assert status["rows_per_s"] > 0
    assert status["updated_ms"] > 0
    _catch_up(spark, settings)

    assert written(settings.kafka) == told_by_detector(sent, settings)
    assert written_flexibility(settings.kafka) == told_by_forecaster(sent, settings)


def _catch_up(spark: SparkSession, settings: Config) -> None:
    """Read the rest in this process, from the same checkpoint."""
    checkpoint = (settings.state_dir / "spark" / "checkpoint").as_uri()
    job = start(read_messages(spark, settings), settings, checkpoint, until_caught_up=True)
    follow(job, Status(settings.state_dir / "status.json"), threading.Event())


@contextmanager
def _job(settings: Config, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """The job as a process; at the end neither it nor a child of it is left."""
    log = settings.state_dir / "job.log"
    with log.open("ab") as out:
        job = subprocess.Popen(
            [sys.executable, "-m", "stream_processing", *arguments],
            cwd=settings.state_dir,
            env=os.environ | _environment(settings),
            stdout=out,
            stderr=out,
        )
    try:
        yield job
    except BaseException:
        sys.stderr.write(log.read_text(errors="replace")[-8000:])
        raise
    finally:
        if job.poll() is None:
            _kill(job)


def _kill(job: subprocess.Popen[bytes]) -> None:
    """``kill -9`` the driver; what it started goes by itself."""
    children = psutil.Process(job.pid).children(recursive=True)
    job.kill()
    job.wait()
    _, left = psutil.wait_procs(children, timeout=60)
    for child in left:
        child.kill()
    assert not left, f"left behind by a dead driver: {left}"


def _environment(settings: Config) -> dict[str, str]:
    empty = settings.state_dir / "config.ini"
    empty.touch()
    chosen = {"kafka": settings.kafka, "spark": settings.spark, "launcher": settings.launcher}
    told = {
        f"GRIDFLEX_{section}_{key}".upper(): str(value)
        for section, model in chosen.items()
        for key, value in model.model_dump().items()
    }
    return told | {"GRIDFLEX_CONFIG": str(empty), "PYTHONPATH": str(ROOT)}


def _status(settings: Config) -> Path:
    return settings.state_dir / "spark" / "status.json"


def _batch_id(settings: Config) -> int:
    """The micro-batch finished last by any run; -1 before the first."""
    if not _status(settings).is_file():
        return -1
    batch_id = json.loads(_status(settings).read_text())["batch_id"]
    return -1 if batch_id is None else int(batch_id)
