"""ZooKeeper and Druid's five services."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from gridflex.config import Config, Launcher
from gridflex.launcher.health import HttpProbe, ZooKeeperProbe
from gridflex.launcher.jars import EXTENSIONS, LOCAL, STACK, extension_names
from gridflex.launcher.java import java_program
from gridflex.launcher.services import Probe, Service, render

ZOOKEEPER = "zookeeper"
COORDINATOR = "druid-coordinator"
BROKER = "druid-broker"
HISTORICAL = "druid-historical"
ROUTER = "druid-router"
INDEXER = "druid-indexer"

_LARGEST_AVRO_BYTES = 1 << 20
_OTHER_SUPERVISORS = 3
_BATCH_SLOTS = 2
_EXPORTS = ("java.base/jdk.internal.misc", "java.base/jdk.internal.ref")
_OPENS = (
    *(f"java.base/{name}" for name in ("java.nio", "sun.nio.ch", "jdk.internal.ref", "java.io", "java.lang")),
    "jdk.management/com.sun.management.internal",
)
_LIGHT = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""For services that do little: it halves the processor time of their start."""
_JVM = (
    "-XX:+ExitOnOutOfMemoryError",
    "-Duser.timezone=UTC",
    "-Dfile.encoding=UTF-8",
    "-Djava.util.logging.manager=org.apache.logging.log4j.jul.LogManager",
    # Bytes that are no Avro may claim to be a string of 2 GB: refuse it before room is made for it.
    f"-Dorg.apache.avro.limits.string.maxLength={_LARGEST_AVRO_BYTES}",
    f"-Dorg.apache.avro.limits.bytes.maxLength={_LARGEST_AVRO_BYTES}",
    *(f"--add-exports={package}=ALL-UNNAMED" for package in _EXPORTS),
    *(f"--add-opens={package}=ALL-UNNAMED" for package in _OPENS),
    f"-Dlog4j2.configurationFile={LOCAL / 'log4j2.properties'}",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Role:
    """What one Druid process is."""

    name: str
    port: int
    heap_mb: int
    direct_mb: int
    probe: Probe
    depends_on: tuple[str, ...]
    other_ports: tuple[int, ...] = ()
    collector: tuple[str, ...] = ("-XX:+UseG1GC",)

    @property
    def role(self) -> str:
        """Druid's own word for it."""
        return self.name.removeprefix("druid-")


def zookeeper_service(config: Config) -> Service:
    """Describe ZooKeeper, which runs from Druid's jars."""
    ports = config.launcher
    folder = config.state_dir / ZOOKEEPER
    settings = folder / "zoo.cfg"
    values = {"host": ports.host, "port": ports.zookeeper_port, "data_dir": folder / "data"}
    return Service(
        name=ZOOKEEPER,
        argv=(
            *(java_program(), "-Xmx64m", *_LIGHT, "-XX:+ExitOnOutOfMemoryError"),
            *(f"-Dlog4j2.configurationFile={LOCAL / 'log4j2.properties'}", "-cp", str(STACK / "druid" / "*")),
            *("org.apache.zookeeper.server.quorum.QuorumPeerMain", str(settings)),
        ),
        probe=ZooKeeperProbe(host=ports.host, port=ports.zookeeper_port),
        port=ports.zookeeper_port,
        files={settings: render("zookeeper/zoo.cfg", values)},
        folders=(folder / "data",),
        jars=("druid",),
    )


def druid_services(config: Config) -> tuple[Service, ...]:
    """Describe Druid's services."""
    roles = (*_storing_roles(config.launcher), *_asking_roles(config.launcher))
    return tuple(_service(config, role) for role in roles)


def _probe(
    ports: Launcher, port: int, path: str = "/status/health", contains: str = "true", body: str | None = None
) -> HttpProbe:
    return HttpProbe(host=ports.host, port=port, path=path, contains=contains, body=body)


def _storing_roles(ports: Launcher) -> tuple[_Role, ...]:
    return (
        _Role(
            name=COORDINATOR,
            port=ports.druid_coordinator_port,
            other_ports=(ports.druid_metadata_port,),
            heap_mb=256,
            direct_mb=64,
            collector=_LIGHT,
            probe=_probe(ports, ports.druid_coordinator_port, "/druid/coordinator/v1/isLeader", '"leader":true'),
            depends_on=(ZOOKEEPER,),
        ),
        _Role(
            name=HISTORICAL,
            port=ports.druid_historical_port,
            heap_mb=512,
            direct_mb=256,
            probe=_probe(ports, ports.druid_historical_port),
            depends_on=(ZOOKEEPER, COORDINATOR),
        ),
        _Role(
            name=INDEXER,
            port=ports.druid_indexer_port,
            heap_mb=1024,
            direct_mb=512,
            probe=_probe(ports, ports.druid_indexer_port),
            depends_on=(ZOOKEEPER, COORDINATOR),
        ),
    )


def _asking_roles(ports: Launcher) -> tuple[_Role, ...]:
    return (
        _Role(
            name=BROKER,
            port=ports.druid_broker_port,
            heap_mb=512,
            direct_mb=256,
            probe=_probe(ports, ports.druid_broker_port, "/druid/broker/v1/loadstatus", '"inventoryInitialized":true'),
            depends_on=(ZOOKEEPER, COORDINATOR, HISTORICAL),
        ),
        _Role(
            name=ROUTER,
            port=ports.druid_router_port,
            heap_mb=128,
            direct_mb=128,
            collector=_LIGHT,
            probe=_probe(
                ports, ports.druid_router_port, "/druid/v2/sql", '[{"answer":1}]', '{"query":"SELECT 1 AS answer"}'
            ),
            depends_on=(ZOOKEEPER, COORDINATOR, HISTORICAL, BROKER, INDEXER),
        ),
    )


def _service(config: Config, role: _Role) -> Service:
    folder = config.state_dir / "druid"
    home = folder / role.role
    settings = home / "conf"
    values = _values(config, role, folder)
    return Service(
        name=role.name,
        argv=(
            *(java_program(), f"-Xms{role.heap_mb // 2}m", f"-Xmx{role.heap_mb}m", *role.collector),
            *(f"-XX:MaxDirectMemorySize={role.direct_mb}m", f"-Djava.io.tmpdir={home / 'tmp'}", *_JVM),
            *(f"-Dderby.stream.error.file={home / 'derby.log'}", "-cp", f"{settings}:{STACK / 'druid' / '*'}"),
            *("org.apache.druid.cli.Main", "server", role.role),
        ),
        probe=role.probe,
        port=role.port,
        other_ports=role.other_ports,
        depends_on=role.depends_on,
        starts_after=(ZOOKEEPER,),
        files={
            settings / "common.runtime.properties": render("druid/common.properties", values),
            settings / "runtime.properties": render(f"druid/{role.role}.properties", values),
        },
        folders=(home / "tmp",),
        jars=("druid", EXTENSIONS),
        stop_timeout_s=60,
    )


def _values(config: Config, role: _Role, folder: Path) -> dict[str, object]:
    ports = config.launcher
    return {
        "host": ports.host,
        "port": role.port,
        "zookeeper_port": ports.zookeeper_port,
        "metadata_port": ports.druid_metadata_port,
        "metadata_dir": folder / "metadata",
        "extensions_dir": STACK / EXTENSIONS,
        "extensions": json.dumps(extension_names()),
        "segments_dir": folder / "segments",
        "segment_cache_dir": folder / "segment-cache",
        "task_logs_dir": folder / "task-logs",
        "tasks_dir": folder / "tasks",
        "tmp_dir": folder / role.role / "tmp",
        "slots": 2 * (config.druid.task_count + _OTHER_SUPERVISORS) + _BATCH_SLOTS,
        "ingestion_heap_bytes": role.heap_mb * 400_000,
    }
