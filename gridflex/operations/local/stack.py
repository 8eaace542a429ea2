"""Brings the local stack up and down: in order, until it is healthy, and never two at once."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from gridflex.config import Config
from gridflex.errors import ServiceError
from gridflex.operations.local import process
from gridflex.operations.local.airflow_service import AIRFLOW_API, missing_airflow
from gridflex.operations.local.jars import missing_jars
from gridflex.operations.local.java import check_java
from gridflex.operations.local.kafka_service import KAFKA
from gridflex.operations.local.log_rotation_service import log_rotation_service
from gridflex.operations.local.openadr_programs import build_vtn, unpack_postgres
from gridflex.operations.local.openadr_service import OPENADR_POSTGRES, OPENADR_VTN, missing_user
from gridflex.operations.local.problems import StackReport, stack_report
from gridflex.operations.local.process import Runtime
from gridflex.operations.local.readers import find_places, remember_topics, supervisor_reader
from gridflex.operations.local.service_list import all_services
from gridflex.operations.local.services import Service, find, select
from gridflex.operations.local.stack_status import (
    NOT_RUNNING,
    ServiceStatus,
    SupervisorStatus,
    service_statuses,
    supervisor_states,
)
from gridflex.operations.local.startup import Startup
from gridflex.operations.local.state_folder import alone, delete, is_there, must_be_ours, remember_up, remembered_up
from gridflex.operations.local.steps import SUPERSET, SUPERVISORS, all_steps
from gridflex.operations.local.superset_service import missing_superset

log = logging.getLogger(__name__)


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

    def up(self, names: Sequence[str] = ()) -> list[str]:
        """Start the named services, or all, with all that they depend on, and wait until they are healthy.

        Without names, what was up last comes back too. Gives the names of what is up now.
        What runs already is left alone; a service that died is started again. Creates the topics and submits the
        supervisors. What else runs has to be healthy too. Raises ``ServiceError`` with one clear line and the last
        words of the log.
        """
        named = [service.name for service in select(self.services, names)]
        folder = self.config.state_dir
        with alone(folder, "up"):
            running = [one.name for one in self.services if process.leader(self.runtime, one)]
            chosen = self._with_remembered(named, running) if not names else self._in_order({*named, *running})
            self._check_ground(chosen)
            self._keep_logs()
            present = {service.name for service in chosen}
            steps = []
            for step in all_steps(self.config):
                if step.after <= present:
                    steps.append(step)
                    present.add(step.name)
            try:
                Startup(self.runtime, chosen, steps, self.say).run(self.config.launcher.start_timeout_s)
            finally:
                self._let_logs_be()
            now_up = [one.name for one in chosen]
            # What died beside others that run was up all the same.
            remember_up(folder, dict.fromkeys([*now_up, *(remembered_up(folder) if running else ())]))
            self._note_readers(present)
        return now_up

    def down(self) -> list[str]:
        """Stop all services in reverse order and wait for their end; gives the names of those that ran."""
        folder = self.config.state_dir
        if not is_there(folder):
            return []
        with alone(folder, "down"):
            stopped = self._stop_all()
            if stopped and not remembered_up(folder):
                remember_up(folder, stopped)
            return stopped

    def reset(self) -> None:
        """Stop all services and delete their state. Raises ``UsageError`` if the folder is not one of ours."""
        folder = self.config.state_dir
        if not is_there(folder):
            return
        must_be_ours(folder)
        with alone(folder, "reset"):
            self._stop_all()
            delete(folder)

    def report(self) -> StackReport:
        """The status of all services and supervisors, and the problems."""
        is_there(self.config.state_dir)
        found = stack_report(self.config, self.runtime, self.services)
        return replace(found, services=self._shown(found.services))

    def status(self) -> list[ServiceStatus]:
        """The status of each service, asked now."""
        is_there(self.config.state_dir)
        return self._shown(service_statuses(self.runtime, self.services))

    def supervisors(self) -> list[SupervisorStatus]:
        """The status of each supervisor; empty while Druid's router does not run."""
        return self.report().supervisors

    def log_lines(self, name: str, lines: int) -> tuple[Path, list[str]]:
        """The log of a service and its last lines. Raises ``UsageError`` for an unknown service."""
        path = self.runtime.log_file(find(self.services, name))
        is_there(self.config.state_dir)
        return path, process.last_words(path, lines)

    def _shown(self, found: Sequence[ServiceStatus]) -> list[ServiceStatus]:
        """Without what is started only by name, and was not."""
        optional = {service.name for service in self.services if service.optional}
        return [status for status in found if status.detail != NOT_RUNNING or status.name not in optional]

    def stop(self, name: str) -> bool:
        """Stop one service; says whether it was up, or had died. The caller holds the folder's lock."""
        service = find(self.services, name)
        was_up = self.runtime.pid_file(service).is_file()
        process.stop(self.runtime, service)
        return was_up

    def _stop_all(self) -> list[str]:
        stopped = []
        for service in reversed(self.services):
            started = time.monotonic()
            if process.stop(self.runtime, service):
                stopped.append(service.name)
                self.say(f"{service.name}: stopped, {time.monotonic() - started:.0f} s")
        self._let_logs_be()
        return stopped

    def _keep_logs(self) -> None:
        rotation = log_rotation_service(self.config)
        same = process.started_by(self.runtime, rotation)[1:] == list(rotation.argv[1:])
        if not same or process.leader(self.runtime, rotation) is None:
            process.stop(self.runtime, rotation)
            process.start(self.runtime, rotation)

    def _let_logs_be(self) -> None:
        """Nobody writes to them once no service runs."""
        if not any(process.leader(self.runtime, service) for service in self.services):
            process.stop(self.runtime, log_rotation_service(self.config))

    def _with_remembered(self, named: Sequence[str], running: Sequence[str]) -> list[Service]:
        """The named services, those that run, and those that were up last with all that they depend on."""
        known = {service.name for service in self.services}
        before = [name for name in remembered_up(self.config.state_dir) if name in known]
        back = {service.name for service in select(self.services, before)} if before else set()
        again = [one.name for one in self.services if one.optional and one.name in back - {*named, *running}]
        if again:
            self.say(f"up before, and so again: {', '.join(again)}")
        return self._in_order({*named, *running, *back})

    def _in_order(self, names: set[str]) -> list[Service]:
        return [service for service in self.services if service.name in names]

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
        if any(service.name == OPENADR_POSTGRES for service in chosen) and (lacks := missing_user()):
            raise ServiceError(lacks)
        if any(service.name == OPENADR_VTN for service in chosen):
            build_vtn(self.say)
        check_java()
        needed = {name for service in chosen for name in service.jars}
        missing = [name for name in missing_jars() if name.split("/")[0] in needed]
        if missing:
            raise ServiceError(f"jars not fetched: {', '.join(missing)}; run `make setup`")
        if any(service.name == OPENADR_POSTGRES for service in chosen):
            unpack_postgres()

    def _note_readers(self, present: set[str]) -> None:
        """Raise ``ServiceError`` if the offset of a reader of Kafka is gone; else note what it reads."""
        if SUPERVISORS in present:
            statuses = supervisor_states(self.config)
            readers = [supervisor_reader(self.config, name, status) for name, status in statuses.items()]
            places = find_places(self.config, readers, timeout_s=10).values()
            lost = [f"supervisor {place.reader.name}: {place.loss.text()}" for place in places if place.loss]
            if lost:
                raise ServiceError(
                    "; ".join(
                        [*lost, "do: `gridflex recover` continues with the messages that exist (docs/runbook.md)"]
                    )
                )
        if KAFKA in present:
            remember_topics(self.config)
