"""Starts the Spark session, the same by ``python -m``, by ``spark-submit`` and in tests."""

from __future__ import annotations

import logging
import os
import sys
import zipfile
from pathlib import Path

from pyspark.sql import SparkSession

from gridflex import config
from gridflex.errors import ServiceError

logger = logging.getLogger(__name__)

JARS = config.ROOT / "build" / "stack" / "spark"
_ROCKSDB = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
_LOCAL_FILES = "org.apache.spark.sql.execution.streaming.FileSystemBasedCheckpointFileManager"
"""Spark's own choice starts chmod and readlink as processes, dozens a micro-batch, where Hadoop lacks native code."""
_PACKAGES = ("gridflex", "stream_processing")
_RECORDS = "200000"
"""In an Arrow batch. An appliance's strings are decoded once a batch, so a larger batch costs Python less; but while
Spark fills a batch Python waits. Of 100,000, 200,000 and 500,000 this one was fastest with 100,000 appliances."""


def open_session(settings: config.Config, *, master: str | None = None, local_files: bool = True) -> SparkSession:
    """Start Spark, or take the session that ``spark-submit`` prepared: there ``master`` and jars come from its own
    options.

    ``local_files``: checkpoints are on this machine's disk, not on HDFS or S3. Raises ``ServiceError`` when the
    connectors' jars are missing.
    """
    submitted = "PYSPARK_GATEWAY_PORT" in os.environ
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("gridflex duty cycles")
    if master or not submitted:
        builder = builder.master(master or settings.spark.master)
    if not submitted:
        builder = builder.config("spark.jars", ",".join(_jars()))
    files = {"spark.sql.streaming.checkpointFileManagerClass": _LOCAL_FILES} if local_files else {}
    for key, value in (_options(settings) | files).items():
        builder = builder.config(key, value)
    session: SparkSession = builder.getOrCreate()
    session.sparkContext.setLogLevel("WARN")
    return session


def ship_code(session: SparkSession, folder: Path) -> Path:
    """Send the packages to the executors as one zip, written to ``folder``; they read no file of the checkout."""
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / "gridflex-code.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as code:
        for package in _PACKAGES:
            for path in sorted((config.ROOT / package).rglob("*")):
                if path.suffix in {".py", ".csv", ".json"}:
                    code.write(path, path.relative_to(config.ROOT))
    session.sparkContext.addPyFile(str(archive))
    return archive


def _jars() -> list[str]:
    jars = sorted(str(jar) for jar in JARS.glob("*.jar"))
    if not jars:
        raise ServiceError(f"no jars in {JARS}; get them with: python -m gridflex.operations.local.jars")
    return jars


def _options(settings: config.Config) -> dict[str, str]:
    host = settings.launcher.host
    return {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.bindAddress": host,
        "spark.driver.host": host,
        "spark.driver.memory": settings.spark.driver_memory,
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": str(settings.spark.shuffle_partitions),
        "spark.sql.streaming.stateStore.providerClass": _ROCKSDB,
        "spark.sql.streaming.stateStore.rocksdb.changelogCheckpointing.enabled": "true",
        "spark.sql.execution.arrow.maxRecordsPerBatch": _RECORDS,
        "spark.sql.execution.arrow.maxBytesPerBatch": str(2**31 - 1),
        "spark.sql.execution.arrow.transformWithStateInPandas.maxRecordsPerBatch": "100000",
    }
