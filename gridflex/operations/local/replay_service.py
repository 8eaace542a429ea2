"""The demo's replay as a service: generated houses, up to now and then in real time, repeated at the end."""

from __future__ import annotations

import sys
from pathlib import Path

from gridflex.config import ROOT, Config
from gridflex.operations.local.health import StatusFileProbe
from gridflex.operations.local.kafka_service import KAFKA
from gridflex.operations.local.services import Service
from gridflex.operations.local.spark_service import config_environ
from gridflex.operations.local.steps import TOPICS

REPLAY = "replay"
_REPLAY_ID = "demo"


def demo_data(config: Config) -> Path:
    """Where the demo's generated houses stand."""
    return config.state_dir / "demo" / "redd"


def replay_status(config: Config) -> Path:
    """The status file that the running replay keeps."""
    return config.state_dir / "replay" / f"{_REPLAY_ID}.json"


def replay_service(config: Config) -> Service:
    """Describe the replay; its data must have been generated."""
    options = ("--path", str(demo_data(config)), "--align", "today", "--replay-id", _REPLAY_ID, "--respond")
    return Service(
        name=REPLAY,
        argv=(sys.executable, "-m", "ingestion", "replay", "redd", *options),
        probe=StatusFileProbe(path=replay_status(config)),
        depends_on=(KAFKA,),
        starts_after=(KAFKA, TOPICS),
        env=config_environ(config),
        cwd=ROOT,
        optional=True,
    )
