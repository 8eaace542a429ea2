"""Druid and ZooKeeper on a cluster's machines: their settings, sized for the machine, and their units."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from gridflex.operations.cluster.description import Cluster, Machine
from gridflex.operations.cluster.properties import overlaid
from gridflex.operations.cluster.units import Unit
from gridflex.operations.local.druid_parts import (
    BROKER_PART,
    COORDINATOR_PART,
    HISTORICAL_PART,
    JVM,
    LOGGING,
    MIDDLE_MANAGER_PART,
    ROUTER_PART,
    ZOOKEEPER_MAIN,
    Part,
)

JAVA = "/usr/bin/java"
_ZOOKEEPER_PORT = 2281
_QUORUM_PORTS = "2888:2889"
_LARGEST_BUFFER_BYTES = 500 << 20
_MIB = 1 << 20
_TASK_SHARE = 0.85
"""Of a middle manager's memory that its tasks may take."""
_CACHE_SHARE = 0.8
"""Of a historical's disk that segments may fill."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A Druid process on a cluster: its TLS port, and the shares of its machine's memory that it takes."""

    part: Part
    port: int
    heap_share: float
    direct_share: float


_ON = {
    "druid-coordinator": (Placed(part=COORDINATOR_PART, port=8281, heap_share=0.65, direct_share=0.05),),
    "druid-query": (
        Placed(part=BROKER_PART, port=8282, heap_share=0.4, direct_share=0.25),
        Placed(part=ROUTER_PART, port=9088, heap_share=0.08, direct_share=0.05),
    ),
    # The rest is left to the operating system's cache of segments.
    "druid-historical": (Placed(part=HISTORICAL_PART, port=8283, heap_share=0.25, direct_share=0.25),),
    "druid-middle-manager": (Placed(part=MIDDLE_MANAGER_PART, port=8291, heap_share=0.03, direct_share=0.01),),
}
ZOOKEEPER_ROLE = "druid-zookeeper"
ROLES = (ZOOKEEPER_ROLE, *_ON)
"""Roles of machines that run Druid."""


def zookeeper_files(cluster: Cluster, machine: Machine) -> dict[Path, str]:
    """The settings, number and unit of this machine's ZooKeeper."""
    home = machine.settings_dir / "zookeeper"
    data = machine.state_dir / "zookeeper"
    values = {"port": _ZOOKEEPER_PORT, "data_dir": data, "tls_dir": machine.tls_dir}
    servers = "".join(
        f"server.{number}={name}:{_QUORUM_PORTS}\n" for number, name in enumerate(cluster.zookeepers, start=1)
    )
    argv = (
        *(JAVA, f"-Xmx{machine.memory_mb // 2}m", "-XX:+ExitOnOutOfMemoryError", *LOGGING),
        *("-cp", f"{machine.druid_home}/lib/*", ZOOKEEPER_MAIN, str(home / "zoo.cfg")),
    )
    unit = Unit(name="zookeeper", argv=argv)
    return {
        home / "zoo.cfg": overlaid("zookeeper/zoo.cfg", "zookeeper/zoo.cfg", values) + servers,
        data / "myid": f"{cluster.zookeepers.index(machine.hostname) + 1}\n",
        unit.path: unit.text(),
    }


def druid_files(role: str, cluster: Cluster, machine: Machine) -> dict[Path, str]:
    """The settings and units of all Druid processes of a machine with that role."""
    files: dict[Path, str] = {}
    for placed in _ON[role]:
        files |= _process_files(placed, cluster, machine)
    return files


def health_checks(role: str, machine: Machine) -> list[dict[str, str | None]]:
    """What a boot script asks until all is well: address, what the answer contains, what is posted."""
    return [
        {
            "url": f"https://{machine.hostname}:{placed.port}{placed.part.health.path}",
            "contains": placed.part.health.contains,
            "body": placed.part.health.body,
        }
        for placed in _ON.get(role, ())
    ]


def _process_files(placed: Placed, cluster: Cluster, machine: Machine) -> dict[Path, str]:
    part = placed.part
    home = machine.settings_dir / "druid" / part.role
    tmp = machine.state_dir / "druid" / part.role / "tmp"
    values = _values(placed, cluster, machine, tmp)
    argv = part.command(
        heap_mb=int(machine.memory_mb * placed.heap_share),
        direct_mb=int(machine.memory_mb * placed.direct_share),
        tmp=tmp,
        class_path=f"{home}:{machine.druid_home}/lib/*",
    )
    unit = Unit(name=f"druid-{part.role}", argv=(JAVA, *_secure_zookeeper(machine), *argv), stop_timeout_s=120)
    overlays = {"common.runtime.properties": "common", "runtime.properties": part.role}
    return {
        **{
            home / file: overlaid(base, f"druid/{overlays[file]}.properties", values)
            for file, base in part.templates.items()
        },
        unit.path: unit.text(),
    }


def _secure_zookeeper(machine: Machine) -> tuple[str, ...]:
    """ZooKeeper's client has no settings of its own in Druid."""
    store = machine.tls_dir
    settings = {
        "zookeeper.client.secure": "true",
        "zookeeper.clientCnxnSocket": "org.apache.zookeeper.ClientCnxnSocketNetty",
        "zookeeper.ssl.keyStore.location": f"{store}/machine.p12",
        "zookeeper.ssl.keyStore.passwordPath": f"{store}/password",
        "zookeeper.ssl.trustStore.location": f"{store}/trust.p12",
        "zookeeper.ssl.trustStore.passwordPath": f"{store}/password",
    }
    return tuple(f"-D{key}={value}" for key, value in settings.items())


def _values(placed: Placed, cluster: Cluster, machine: Machine, tmp: Path) -> dict[str, object]:
    if placed.part is MIDDLE_MANAGER_PART:
        threads, merge = 1, 2
        task_mb = int((machine.memory_mb * _TASK_SHARE) / cluster.task_slots)
        heap_mb, direct_mb = task_mb // 2, task_mb // 3
    else:
        threads, merge = max(1, machine.cores - 1), max(2, machine.cores // 4)
        heap_mb, direct_mb = 0, int(machine.memory_mb * placed.direct_share)
    options = (f"-Xmx{heap_mb}m", f"-XX:MaxDirectMemorySize={direct_mb}m", *_secure_zookeeper(machine), *JVM)
    buffer_bytes = min(_LARGEST_BUFFER_BYTES, direct_mb * _MIB // (threads + merge + 1))
    return {
        **cluster.model_dump(exclude={"zookeepers"}),
        "zookeepers": ",".join(f"{name}:{_ZOOKEEPER_PORT}" for name in cluster.zookeepers),
        "hostname": machine.hostname,
        "port": placed.port,
        "druid_home": machine.druid_home,
        "tls_dir": machine.tls_dir,
        "state_dir": machine.state_dir / "druid",
        "tmp_dir": tmp,
        "threads": threads,
        "merge_buffers": merge,
        "buffer_bytes": buffer_bytes,
        "segment_cache_bytes": int(machine.disk_mb * _MIB * _CACHE_SHARE),
        "task_options": json.dumps(options),
    }
