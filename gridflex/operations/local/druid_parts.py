"""What each of Druid's processes is, wherever it runs: its JVM, how its health is asked, its properties.

The launcher starts them on one machine (``druid_services``), ``operations.cluster`` on the machines of a cluster.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gridflex.operations.local.jars import LOCAL

_LARGEST_AVRO_BYTES = 1 << 20
_EXPORTS = ("java.base/jdk.internal.misc", "java.base/jdk.internal.ref")
_OPENS = (
    *(f"java.base/{name}" for name in ("java.nio", "sun.nio.ch", "jdk.internal.ref", "java.io", "java.lang")),
    "jdk.management/com.sun.management.internal",
)
QUICK_COMPILER = "-XX:TieredStopAtLevel=1"
"""On one machine: the second compiler took 49 s of the broker's first 70 s of processor time, to make plans quicker."""
LIGHT_JVM = ("-XX:+UseSerialGC", QUICK_COMPILER)
"""For services that do little on one machine: it halves the processor time of their start."""
LOGGING = (f"-Dlog4j2.configurationFile={LOCAL / 'log4j2.properties'}",)
"""To the standard output, which the launcher or systemd's journal keeps."""
JVM = (
    "-XX:+ExitOnOutOfMemoryError",
    "-Duser.timezone=UTC",
    "-Dfile.encoding=UTF-8",
    "-Djava.util.logging.manager=org.apache.logging.log4j.jul.LogManager",
    # Bytes that are no Avro may claim to be a string of 2 GB: refuse it before room is made for it.
    f"-Dorg.apache.avro.limits.string.maxLength={_LARGEST_AVRO_BYTES}",
    f"-Dorg.apache.avro.limits.bytes.maxLength={_LARGEST_AVRO_BYTES}",
    *(f"--add-exports={package}=ALL-UNNAMED" for package in _EXPORTS),
    *(f"--add-opens={package}=ALL-UNNAMED" for package in _OPENS),
    *LOGGING,
)
"""Of every Druid JVM, tasks included."""
ZOOKEEPER_MAIN = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
_DRUID_MAIN = "org.apache.druid.cli.Main"
_COMMON = "druid/common.properties"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How a service is asked whether it works, and what it answers then."""

    path: str = "/status/health"
    contains: str = "true"
    body: str | None = None
    """Sent by POST; without it the question is a GET."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One kind of Druid process."""

    role: str
    """Druid's own word for it."""
    properties: str
    """Its settings, a template below ``infra/local``."""
    health: Health = Health()

    @property
    def templates(self) -> dict[str, str]:
        """Its files of settings, by the name that Druid gives them."""
        return {"common.runtime.properties": _COMMON, "runtime.properties": self.properties}

    def command(
        self,
        *,
        heap_mb: int,
        direct_mb: int,
        tmp: Path,
        class_path: str,
        options: tuple[str, ...] = ("-XX:+UseG1GC",),
    ) -> tuple[str, ...]:
        """The arguments of ``java``."""
        return (
            *(f"-Xms{heap_mb // 2}m", f"-Xmx{heap_mb}m", *options, f"-XX:MaxDirectMemorySize={direct_mb}m"),
            *(f"-Djava.io.tmpdir={tmp}", *JVM, "-cp", class_path, _DRUID_MAIN, "server", self.role),
        )


COORDINATOR_PART = Part(
    role="coordinator",
    properties="druid/coordinator.properties",
    health=Health(path="/druid/coordinator/v1/isLeader", contains='"leader":true'),
)
HISTORICAL_PART = Part(role="historical", properties="druid/historical.properties")
INDEXER_PART = Part(role="indexer", properties="druid/indexer.properties")
BROKER_PART = Part(
    role="broker",
    properties="druid/broker.properties",
    health=Health(path="/druid/broker/v1/loadstatus", contains='"inventoryInitialized":true'),
)
ROUTER_PART = Part(
    role="router",
    properties="druid/router.properties",
    health=Health(path="/druid/v2/sql", contains='[{"answer":1}]', body='{"query":"SELECT 1 AS answer"}'),
)
MIDDLE_MANAGER_PART = Part(role="middleManager", properties="druid/indexer.properties")
"""On a cluster, instead of the indexer: its tasks are processes of their own."""
