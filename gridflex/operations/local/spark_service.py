"""The Spark job as a service of the local stack."""

from __future__ import annotations

import sys

from gridflex.config import ROOT, Config
from gridflex.operations.local.health import AllOf, StatusFileProbe
from gridflex.operations.local.kafka_service import KAFKA
from gridflex.operations.local.services import Service
from gridflex.operations.local.spark_checkpoint import SPARK
from gridflex.operations.local.steps import STREAM_PLACE, TOPICS
from gridflex.operations.local.stream_probe import StreamProbe


def spark_service(config: Config) -> Service:
    """Describe the streaming job: a driver process, its JVM and its Python workers."""
    folder = config.state_dir / SPARK
    return Service(
        name=SPARK,
        argv=(sys.executable, "-m", "stream_processing"),
        probe=AllOf(probes=(StatusFileProbe(path=folder / "status.json"), StreamProbe(config=config))),
        depends_on=(KAFKA,),
        starts_after=(KAFKA, TOPICS, STREAM_PLACE),
        # Its working copy of the state. In the system's folder for such files each kill would leave one.
        env=config_environ(config) | {"SPARK_LOCAL_DIRS": str(folder / "scratch")},
        cwd=ROOT,
        folders=(folder,),
        scratch=(folder / "scratch",),
        jars=(SPARK,),
    )


def config_environ(config: Config) -> dict[str, str]:
    """The whole configuration as environment variables: a child sees what the launcher saw, wherever it runs."""
    return {
        f"GRIDFLEX_{section}_{key}".upper(): str(value)
        for section, values in config
        for key, value in values
        if value is not None
    }
