"""Brings the local stack up and down: in order, until it is healthy, and never two at once."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gridflex.adapters.druid import Druid
from gridflex.adapters.druid_specs import supervisor_specs
from gridflex.config import ROOT, Config
from gridflex.errors import ServiceError, UsageError
from gridflex.launcher import process
from gridflex.launcher.airflow_service import AIRFLOW_API, missing_airflow
from gridflex.launcher.ascent import Ascent
from gridflex.launcher.catalogue import all_services
from gridflex.launcher.druid_services import ROUTER
from gridflex.launcher.jars import missing_jars
from gridflex.launcher.java import check_java
from gridflex.launcher.process import Runtime
from gridflex.launcher.services import Service, find, select
from gridflex.launcher.steps import SUPERSET, all_steps
from gridflex.launcher.superset_service import missing_superset

log = logging.getLogger(__name__)

_OWNER_FILE = "gridflex-state"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStatus:
    """How one service is."""

    name: str
    healthy: bool
    pid: int | None
    port: int | None
    rss_mb: int
    detail: str
    """What an unhealthy service lacks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorStatus:
    """How the ingestion of one data source goes. Druid says RUNNING even while task after task fails."""

    name: str
    state: str
    tasks: int
    """Tasks that read now."""
    lag: int
    """Messages not read yet."""
    rows: dict[str, int]
    """What became of the rows that the running tasks met: processed, thrownAway (invalid), unparseable."""
    last_error: str


@dataclass(frozen=True, slots=True)
class Stack:
    """The local stack of one configuration."""

    config: Config
    say: Callable[[str], None] = field(default=lambda line: log.info("%s", line))
    """Gets a line of progress for each service."""

    @property
    def services(self) -> tuple[Service, ...]:
        """All services, in the order in which they start."""
        return all_services(self.config)

    @property
    def runtime(self) -> Runtime:
        """Where pid files and logs stand."""
        return Runtime(state_dir=self.config.state_dir)

    def up(self, names: Sequence[str] = ()) -> None:
        """Start the named services, or all, with all that they depend on, and wait until they are healthy.

        What runs already is left alone; a service that died is started again. Creates the topics and submits the
        supervisors. What else runs has to be healthy too. Raises ``ServiceError`` with one clear line and the last
        words of the log.
        """
        named = {service.name for service in select(self.services, names)}
        with self._alone("up"):
            chosen = [one for one in self.services if one.name in named or process.leader(self.runtime, one)]
            self._check_ground(chosen)
            present = {service.name for service in chosen}
            steps = []
            for step in all_steps(self.config):
                if step.after <= present:
                    steps.append(step)
                    present.add(step.name)
            Ascent(self.runtime, chosen, steps, self.say).run(self.config.launcher.start_timeout_s)

    def down(self) -> list[str]:
        """Stop all services in reverse order and wait for their end; gives the names of those that ran."""
        if not self.config.state_dir.is_dir():
            return []
        with self._alone("down"):
            return self._stop_all()

    def reset(self) -> None:
        """Stop all services and delete their state. Raises ``UsageError`` if the folder is not one of ours."""
        folder = self.config.state_dir
        if not folder.is_dir():
            return
        if not (folder / _OWNER_FILE).is_file() and ROOT not in folder.parents:
            raise UsageError(f"{folder} was not made by gridflex (no file {_OWNER_FILE} in it): not deleted")
        with self._alone("reset"):
            self._stop_all()
            shutil.rmtree(folder)

    def status(self) -> list[ServiceStatus]:
        """How each service is, by asking it now."""
        found = [self._status_of(service) for service in self.services]
        optional = {service.name for service in self.services if service.optional}
        return [status for status in found if status.pid is not None or status.name not in optional]

    def supervisors(self) -> list[SupervisorStatus]:
        """How the ingestion goes; nothing while Druid's router does not run."""
        if process.leader(self.runtime, find(self.services, ROUTER)) is None:
            return []
        try:
            return [_supervisor(Druid(self.config.druid), name) for name in supervisor_specs(self.config)]
        except ServiceError as problem:
            log.debug("no supervisor status: %s", problem)
            return []

    def log_lines(self, name: str, lines: int) -> tuple[Path, list[str]]:
        """The log of a service and its last lines. Raises ``UsageError`` for an unknown service."""
        path = self.runtime.log_file(find(self.services, name))
        return path, process.last_words(path, lines)

    def _status_of(self, service: Service) -> ServiceStatus:
        leader = process.leader(self.runtime, service)
        lacks = service.probe.check(leader.pid) if leader else "not running"
        return ServiceStatus(
            name=service.name,
            healthy=lacks is None,
            pid=leader.pid if leader else None,
            port=service.port,
            rss_mb=process.rss_mb(process.family(self.runtime, service)) if leader else 0,
            detail=lacks or "",
        )

    def _stop_all(self) -> list[str]:
        stopped = []
        for service in reversed(self.services):
            started = time.monotonic()
            if process.stop(self.runtime, service):
                stopped.append(service.name)
                self.say(f"{service.name}: stopped, {time.monotonic() - started:.0f} s")
        return stopped

    def _check_ground(self, chosen: Sequence[Service]) -> None:
        folder = self.config.state_dir
        free_mb = shutil.disk_usage(folder).free // 1_000_000
        if free_mb < self.config.launcher.min_free_disk_mb:
            raise ServiceError(
                f"disk nearly full: {free_mb} MB free at {folder}; "
                f"at least {self.config.launcher.min_free_disk_mb} MB needed (launcher.min_free_disk_mb)"
            )
        if any(service.name == AIRFLOW_API for service in chosen) and (lacks := missing_airflow(self.config)):
            raise ServiceError(lacks)
        if any(service.name == SUPERSET for service in chosen) and (lacks := missing_superset(self.config)):
            raise ServiceError(lacks)
        check_java()
        needed = {name for service in chosen for name in service.jars}
        missing = [name for name in missing_jars() if name.split("/")[0] in needed]
        if missing:
            raise ServiceError(f"jars not fetched: {', '.join(missing)}; run `make setup`")

    @contextmanager
    def _alone(self, doing: str) -> Iterator[None]:
        """Hold the stack's lock, so that no two launchers work on one state folder at once."""
        folder = self.config.state_dir
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_uid == os.getuid():
            folder.chmod(0o700)  # readings of households, tokens, passwords: nobody else's
        if not any(folder.iterdir()):
            (folder / _OWNER_FILE).write_text("State of a local Gridflex stack: `gridflex reset` deletes it.\n")
        with (folder / "launcher.lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                raise ServiceError(f"{lock.read().strip() or 'another launcher'} is at work on {folder}") from None
            lock.truncate(0)
            lock.write(f"gridflex {doing} (pid {os.getpid()})")
            lock.flush()
            yield


def _supervisor(druid: Druid, name: str) -> SupervisorStatus:
    status = druid.supervisor_status(name)
    errors = status.get("recentErrors") or [{}]
    return SupervisorStatus(
        name=name,
        state=status.get("detailedState", "MISSING"),
        tasks=len(status.get("activeTasks", ())),
        lag=status.get("aggregateLag") or 0,
        rows=druid.row_counts(name),
        last_error=errors[-1].get("exceptionMessage") or "",
    )
