"""What has to be made once services run: Kafka's topics, Druid's supervisors."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import requests

from gridflex.adapters.druid.client import Druid
from gridflex.adapters.druid.ingestion import last_error
from gridflex.adapters.druid.specs import supervisor_specs
from gridflex.adapters.druid.supervisors import submit_changed
from gridflex.adapters.druid.tables import EmptyTables
from gridflex.adapters.openadr.users import ensure_clients
from gridflex.config import Config
from gridflex.contracts.feeds import Feed, stored_feeds
from gridflex.errors import ServiceError
from gridflex.operations.dashboards.apply import apply_changes
from gridflex.operations.local.druid_services import BROKER, COORDINATOR, INDEXER, ROUTER
from gridflex.operations.local.kafka_service import KAFKA
from gridflex.operations.local.openadr_service import OPENADR_VTN
from gridflex.operations.local.readers import LostPlaceError, refuse_lost_spark, refuse_lost_supervisor
from gridflex.operations.local.topics import create_topics

log = logging.getLogger(__name__)

TOPICS = "topics"
STREAM_PLACE = "stream-place"
SUPERVISORS = "supervisors"
SUPERSET = "superset"
DASHBOARDS = "dashboards"
OPENADR_CLIENTS = "openadr-clients"
TABLES = "tables"
_LOST_AFTER_S = 3.0
"""Longer than the two may differ about a task that has just begun or ended."""
_WAKES = 5
"""So many tasks without work are submitted at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Work that is done when some services are healthy. Idempotent; tried again until nothing is lacking."""

    name: str
    after: frozenset[str]
    """Services and steps that it needs; without one of them in the selection the step is left out."""
    act: Callable[[], str | None]
    """Gives what is lacking still."""


def all_steps(config: Config) -> tuple[Step, ...]:
    """Every step, in order."""
    return (
        Step(name=TOPICS, after=frozenset({KAFKA}), act=partial(create_topics, config)),
        Step(name=STREAM_PLACE, after=frozenset({TOPICS}), act=partial(refuse_lost_spark, config)),
        *_supervisor_steps(config),
        Step(
            name=TABLES,
            after=frozenset({SUPERSET, COORDINATOR, BROKER, INDEXER, ROUTER}),
            act=EmptyTables(config).advance,
        ),
        Step(name=OPENADR_CLIENTS, after=frozenset({OPENADR_VTN}), act=partial(_openadr_clients, config)),
        Step(name=DASHBOARDS, after=frozenset({SUPERSET}), act=partial(_dashboards, config)),
    )


def _supervisor_steps(config: Config) -> tuple[Step, ...]:
    """The supervisors that always run, then, for each service, those that run only beside it."""
    by_service: dict[str | None, list[Feed]] = {None: []}
    for feed in stored_feeds():
        by_service.setdefault(feed.service, []).append(feed)
    return tuple(
        Step(
            name=f"{SUPERVISORS} of {service}" if service else SUPERVISORS,
            after=frozenset({TOPICS, COORDINATOR, BROKER, INDEXER, ROUTER, *([service] if service else ())}),
            act=_Supervisors(config, feeds).advance,
        )
        for service, feeds in by_service.items()
    )


class _Supervisors:
    """Submits each supervisor whose spec is new or changed, then waits until each has a task that runs.

    After a ``kill -9`` of the indexer the overlord may believe for an hour that the lost tasks still run there, if it
    was itself restarted since they began. Such tasks are stopped, so that the supervisors start others.
    """

    def __init__(self, config: Config, feeds: Sequence[Feed]) -> None:
        self._config = config
        self._feeds = feeds
        self._druid = Druid(config.druid)
        self._submitted = False
        self._lost_since: dict[str, float] = {}
        self._waiting_since: float | None = None
        self._wakes = 0

    def advance(self) -> str | None:
        """See ``Step.act``."""
        specs = supervisor_specs(self._config, self._feeds)
        try:
            if not self._submitted:
                self._druid.set_default_replicas(1)
                submit_changed(self._druid, specs)
                self._submitted = True
            running = self._running()
            lacks = next((lacks for name in specs if (lacks := self._lacks(name, running))), None)
            if lacks:
                self._wake()
            return lacks
        except LostPlaceError:
            raise
        except ServiceError as problem:
            return str(problem)

    def _lacks(self, name: str, running: set[str]) -> str | None:
        """Raises ``LostPlaceError`` when waiting is in vain."""
        status = self._druid.supervisor_status(name)
        if any(task["id"] in running for task in status.get("activeTasks", ())):
            return None
        refuse_lost_supervisor(self._config, name, status)
        return _lacks(name, status)

    def _running(self) -> set[str]:
        """Tasks of which the overlord and the indexer both say that they run."""
        believed = {task["id"] for task in self._druid.running_tasks() if task.get("runnerStatusCode") == "RUNNING"}
        known = believed & self._known_to_indexer()
        now = time.monotonic()
        self._lost_since = {task: self._lost_since.get(task, now) for task in believed - known}
        for task, since in self._lost_since.items():
            if now - since > _LOST_AFTER_S:
                log.info("stopping lost task=%s", task)
                self._druid.stop_task(task)
        return known

    def _wake(self) -> None:
        """Make the overlord look for an indexer for tasks that wait for one.

        It has looked when the indexer was not ready yet, and looks again only after a minute, or when a task is new.
        """
        now = time.monotonic()
        if self._wakes == _WAKES or not self._druid.waiting_tasks():
            self._waiting_since = None
        elif self._waiting_since is None:
            self._waiting_since = now
        elif now - self._waiting_since > _LOST_AFTER_S:
            self._druid.submit_task({"type": "noop", "dataSource": "nothing", "runTime": 1})
            self._wakes, self._waiting_since = self._wakes + 1, now

    def _known_to_indexer(self) -> set[str]:
        local = self._config.launcher
        url = f"http://{local.host}:{local.druid_indexer_port}/druid/worker/v1/tasks"
        try:
            with requests.get(url, timeout=self._config.druid.query_timeout_s) as answer:
                answer.raise_for_status()
                return set(answer.json())
        except requests.RequestException as problem:
            raise ServiceError(f"the indexer does not list its tasks: {problem}") from None


def _dashboards(config: Config) -> str | None:
    try:
        apply_changes(config)
    except ServiceError as problem:
        return str(problem)
    return None


def _openadr_clients(config: Config) -> str | None:
    try:
        ensure_clients(config)
    except ServiceError as problem:
        return str(problem)
    return None


def _lacks(name: str, status: dict[str, Any]) -> str:
    state = status.get("detailedState", "not known to Druid yet")
    return f"supervisor {name} has no running task: {state} {last_error(status)}".rstrip()
