"""ZooKeeper and Druid's five services."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from gridflex.adapters.druid.specs import task_count
from gridflex.adapters.druid.staging_area import exchange_folder
from gridflex.config import Config, Launcher, token_file
from gridflex.contracts.feeds import readings_table, stored_feeds
from gridflex.operations.local.druid_parts import (
    BROKER_PART,
    COORDINATOR_PART,
    HISTORICAL_PART,
    INDEXER_PART,
    LIGHT_JVM,
    LOGGING,
    QUICK_COMPILER,
    ROUTER_PART,
    ZOOKEEPER_MAIN,
    Part,
)
from gridflex.operations.local.health import AllOf, DataProbe, HttpProbe, ZooKeeperProbe
from gridflex.operations.local.jars import EXTENSIONS, STACK, extension_names
from gridflex.operations.local.java import java_program
from gridflex.operations.local.services import Probe, Service, render

ZOOKEEPER = "zookeeper"
COORDINATOR = "druid-coordinator"
BROKER = "druid-broker"
HISTORICAL = "druid-historical"
ROUTER = "druid-router"
INDEXER = "druid-indexer"

_JOBS: dict[str, tuple[str, str | None, str]] = {
    # The metadata store is asked for a task that has ended.
    COORDINATOR: ("/druid/indexer/v1/tasks?state=complete&max=1", None, "["),
    HISTORICAL: ("/druid/v2/", '{"queryType": "timeBoundary", "dataSource": "' + readings_table() + '"}', "["),
    INDEXER: ("/druid/worker/v1/tasks", None, "["),
}
"""What is asked of those that answer no SQL: path, what to post, what the answer contains."""
_BATCH_SLOTS = 2
_LONGEST_QUERY_S = 300
_UNASKED_TIMEOUT_S = 30
"""Of a query that names no timeout: a dashboard's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Local:
    """One Druid process of this machine."""

    name: str
    part: Part
    port: int
    heap_mb: int
    direct_mb: int
    depends_on: tuple[str, ...]
    asks: tuple[str, ...] = ()
    other_ports: tuple[int, ...] = ()
    options: tuple[str, ...] = ("-XX:+UseG1GC",)


def task_slots(config: Config) -> int:
    """Slots of the indexer: two for each task of a feed, since a new one starts before the old one has published."""
    return 2 * sum(task_count(config, feed) for feed in stored_feeds()) + _BATCH_SLOTS


def zookeeper_service(config: Config) -> Service:
    """Describe ZooKeeper, which runs from Druid's jars."""
    ports = config.launcher
    folder = config.state_dir / ZOOKEEPER
    settings = folder / "zoo.cfg"
    values = {"host": ports.host, "port": ports.zookeeper_port, "data_dir": folder / "data"}
    return Service(
        name=ZOOKEEPER,
        argv=(
            *(java_program(), "-Xmx64m", *LIGHT_JVM, "-XX:+ExitOnOutOfMemoryError", *LOGGING),
            *("-cp", str(STACK / "druid" / "*"), ZOOKEEPER_MAIN, str(settings)),
        ),
        probe=ZooKeeperProbe(host=ports.host, port=ports.zookeeper_port),
        port=ports.zookeeper_port,
        files={settings: render("zookeeper/zoo.cfg", values)},
        folders=(folder / "data",),
        jars=("druid",),
    )


def druid_services(config: Config) -> tuple[Service, ...]:
    """Describe Druid's services."""
    ports = config.launcher
    return tuple(_service(config, local) for local in (*_storing(ports), *_asking(ports)))


def _storing(ports: Launcher) -> tuple[_Local, ...]:
    return (
        _Local(
            name=COORDINATOR,
            part=COORDINATOR_PART,
            port=ports.druid_coordinator_port,
            other_ports=(ports.druid_metadata_port,),
            heap_mb=256,
            direct_mb=64,
            depends_on=(ZOOKEEPER,),
            options=LIGHT_JVM,
        ),
        _Local(
            name=HISTORICAL,
            part=HISTORICAL_PART,
            port=ports.druid_historical_port,
            heap_mb=512,
            direct_mb=256,
            depends_on=(ZOOKEEPER, COORDINATOR),
        ),
        _Local(
            name=INDEXER,
            part=INDEXER_PART,
            port=ports.druid_indexer_port,
            heap_mb=1024,
            direct_mb=512,
            depends_on=(ZOOKEEPER, COORDINATOR),
        ),
    )


def _asking(ports: Launcher) -> tuple[_Local, ...]:
    return (
        _Local(
            name=BROKER,
            part=BROKER_PART,
            port=ports.druid_broker_port,
            heap_mb=512,
            direct_mb=256,
            depends_on=(ZOOKEEPER, COORDINATOR, HISTORICAL),
            asks=(INDEXER,),
            options=("-XX:+UseG1GC", QUICK_COMPILER),
        ),
        _Local(
            name=ROUTER,
            part=ROUTER_PART,
            port=ports.druid_router_port,
            heap_mb=128,
            direct_mb=128,
            depends_on=(ZOOKEEPER, COORDINATOR, HISTORICAL, BROKER, INDEXER),
            options=LIGHT_JVM,
        ),
    )


def _service(config: Config, local: _Local) -> Service:
    folder = config.state_dir / "druid"
    part = local.part
    home = folder / part.role
    settings = home / "conf"
    values = _values(config, local, folder)
    class_path = f"{settings}:{STACK / 'druid' / '*'}"
    java = part.command(
        heap_mb=local.heap_mb,
        direct_mb=local.direct_mb,
        tmp=home / "tmp",
        class_path=class_path,
        options=local.options,
    )
    return Service(
        name=local.name,
        argv=(java_program(), f"-Dderby.stream.error.file={home / 'derby.log'}", *java),
        probe=_probe(config, local),
        port=local.port,
        other_ports=local.other_ports,
        depends_on=local.depends_on,
        asks=local.asks,
        starts_after=(ZOOKEEPER,),
        files={settings / file: render(template, values) for file, template in part.templates.items()},
        folders=(home / "tmp",),
        secrets=(token_file(config),),
        jars=("druid", EXTENSIONS),
        stop_timeout_s=60,
    )


def _probe(config: Config, local: _Local) -> Probe:
    """The health question of its kind, then its real job."""
    host, health = config.launcher.host, local.part.health
    first = HttpProbe(host=host, port=local.port, path=health.path, contains=health.contains, body=health.body)
    if local.name in {BROKER, ROUTER}:
        return AllOf(probes=(first, DataProbe(host=host, port=local.port, table=readings_table())))
    path, body, contains = _JOBS[local.name]
    token = token_file(config) if body else None
    job = HttpProbe(host=host, port=local.port, path=path, body=body, contains=contains, token_file=token)
    return AllOf(probes=(first, job))


def _values(config: Config, local: _Local, folder: Path) -> dict[str, object]:
    ports = config.launcher
    return {
        "host": ports.host,
        "port": local.port,
        "zookeeper_port": ports.zookeeper_port,
        "metadata_port": ports.druid_metadata_port,
        "metadata_dir": folder / "metadata",
        "extensions_dir": STACK / EXTENSIONS,
        "extensions": json.dumps(extension_names()),
        "segments_dir": folder / "segments",
        "segment_cache_dir": folder / "segment-cache",
        "task_logs_dir": folder / "task-logs",
        "tasks_dir": folder / "tasks",
        "tmp_dir": folder / local.part.role / "tmp",
        "token_file": token_file(config),
        "exchange_dir": exchange_folder(config) or folder / "exchange",
        "query_timeout_ms": int(min(config.druid.query_timeout_s, _UNASKED_TIMEOUT_S) * 1000),
        "max_query_timeout_ms": int(max(config.druid.query_timeout_s, _LONGEST_QUERY_S) * 1000),
        "anyone_query_ms": int(ports.anyone_query_s * 1000),
        "slots": task_slots(config),
        "ingestion_heap_bytes": local.heap_mb * 400_000,
    }
