"""All files of a machine of a cluster, by its role."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from gridflex.config import Config
from gridflex.errors import UsageError
from gridflex.operations.cluster.description import Cluster, Machine
from gridflex.operations.cluster.druid_files import ROLES, ZOOKEEPER_ROLE, druid_files, zookeeper_files
from gridflex.operations.cluster.units import unit_of
from gridflex.operations.local.airflow_service import airflow_services
from gridflex.operations.local.events_service import events_service
from gridflex.operations.local.replay_service import REPLAY, replay_service
from gridflex.operations.local.services import Service
from gridflex.operations.local.spark_service import spark_service
from gridflex.operations.local.superset_service import superset_service

ALL_ROLES = (*ROLES, "airflow", "superset", "events", "spark", "replay")


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A data set that a machine plays: its name in Kafka, which it is, its day shifts."""

    name: str
    data_set: str
    shifts: str
    path: Path


def parse_replays(text: str, folder: Path) -> tuple[Replayed, ...]:
    """Read ``name:data set:A:B`` words. Raises ``UsageError`` with the word that is none."""
    found = []
    for word in text.split():
        parts = word.split(":")
        if len(parts) != 4 or parts[1] not in {"redd", "greend"}:
            raise UsageError(f"replay {word!r}: expected NAME:redd|greend:A:B")
        name, data_set, first, last = parts
        found.append(Replayed(name=name, data_set=data_set, shifts=f"{first}:{last}", path=folder / data_set))
    return tuple(found)


def machine_files(
    role: str, config: Config, machine: Machine, cluster: Cluster | None = None, replays: Iterable[Replayed] = ()
) -> dict[Path, str]:
    """Every file that a machine of this role needs: settings and units.

    Raises ``UsageError`` for an unknown role, or a Druid role without a cluster.
    """
    if role in ROLES:
        if cluster is None:
            raise UsageError(f"{role}: the cluster's description is needed (GRIDFLEX_DRUID_CLUSTER)")
        return zookeeper_files(cluster, machine) if role == ZOOKEEPER_ROLE else druid_files(role, cluster, machine)
    services = _services(role, config, tuple(replays))
    files = {path: text for service in services for path, text in service.files.items()}
    return files | {(unit := unit_of(service)).path: unit.text() for service in services}


def service_folders(role: str, config: Config) -> list[Path]:
    """Folders that a role's services expect to be there."""
    if role in ROLES:
        return []
    return sorted({folder for service in _services(role, config, ()) for folder in service.folders})


def _services(role: str, config: Config, replays: tuple[Replayed, ...]) -> tuple[Service, ...]:
    if role == "airflow":
        return airflow_services(config)
    if role == "superset":
        # Druid is elsewhere, and so it waits for nothing here.
        return (replace(superset_service(config), depends_on=(), starts_after=()),)
    if role == "events":
        return (replace(events_service(config), depends_on=(), starts_after=()),)
    if role == "spark":
        return (replace(spark_service(config), depends_on=(), starts_after=()),)
    if role == "replay":
        return tuple(_replay(config, replayed) for replayed in replays)
    raise UsageError(f"no role {role!r}; allowed: {', '.join(ALL_ROLES)}")


def _replay(config: Config, replayed: Replayed) -> Service:
    words = ("--path", str(replayed.path), "--shifts", replayed.shifts, "--align", "today", "--replay-id")
    return replace(
        replay_service(config),
        name=f"{REPLAY}-{replayed.name}",
        argv=(sys.executable, "-m", "ingestion", "replay", replayed.data_set, *words, replayed.name),
        depends_on=(),
        starts_after=(),
    )
