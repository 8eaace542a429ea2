"""Reads the status of each service and each supervisor of the local stack, all at once, each with a deadline."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import psutil

from gridflex.adapters.druid.client import Druid
from gridflex.adapters.druid.ingestion import last_error, reading_trouble
from gridflex.adapters.druid.specs import supervisor_specs
from gridflex.config import Config
from gridflex.errors import ServiceError
from gridflex.operations.local import process
from gridflex.operations.local.health import PROBE_TIMEOUT_S, frozen
from gridflex.operations.local.process import Runtime
from gridflex.operations.local.services import Service

log = logging.getLogger(__name__)

T = TypeVar("T")
_DEADLINE_S = 2 * PROBE_TIMEOUT_S + 1
"""No probe asks more than two things that can hang."""
_AGAIN_S = 2.0
NOT_RUNNING, DIED, FROZEN = "not running", "died", "frozen: "


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStatus:
    """The status of one service."""

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


def service_statuses(runtime: Runtime, services: Sequence[Service]) -> list[ServiceStatus]:
    """The status of each service. One that does not answer is asked again: a busy machine may answer late."""
    families = process.families(runtime, services)
    lacking = _ask_all(runtime, services, families)
    sick = {name for name, lacks in lacking.items() if lacks not in {None, NOT_RUNNING}}
    again = [
        service
        for service in services
        if _is_unsure(lacking[service.name]) and not sick & {*service.depends_on, *service.asks}
    ]
    if again:
        time.sleep(_AGAIN_S)
        lacking |= _ask_all(runtime, again, families)
    return [_status(runtime, service, families[service.name], lacking[service.name]) for service in services]


def supervisor_states(config: Config) -> dict[str, dict[str, Any]]:
    """Druid's status of each supervisor by data source, empty for one that there is not.

    Raises ``ServiceError`` when Druid does not answer in time. One without a task is asked a second time: tasks take
    turns.
    """
    names = list(supervisor_specs(config))
    found = at_once({name: partial(_quick(config).supervisor_status, name) for name in names}, _DEADLINE_S)
    again = [name for name, status in found.items() if isinstance(status, dict) and reading_trouble(status)]
    if again:
        time.sleep(_AGAIN_S)
        found |= at_once({name: partial(_quick(config).supervisor_status, name) for name in again}, _DEADLINE_S)
    for status in found.values():
        if isinstance(status, Exception):
            raise status
    return {name: status for name, status in found.items() if isinstance(status, dict)}


def supervisor_statuses(
    config: Config, found: Mapping[str, Mapping[str, Any]], lags: Mapping[str, int]
) -> list[SupervisorStatus]:
    """The supervisors as statuses for people.

    ``lags``: messages that are not read yet, where that is known better than Druid does.
    """
    rows = at_once({name: partial(_quick(config).row_counts, name) for name in found}, _DEADLINE_S)
    return [
        SupervisorStatus(
            name=name,
            state=status.get("detailedState", "MISSING"),
            tasks=len(status.get("activeTasks") or ()),
            lag=lags.get(name, status.get("aggregateLag") or 0),
            rows=counted if isinstance(counted := rows[name], dict) else {},
            last_error=last_error(status),
        )
        for name, status in found.items()
    ]


def at_once(calls: Mapping[str, Callable[[], T]], deadline_s: float) -> dict[str, T | ServiceError]:
    """What the calls give, or the ``ServiceError`` of each; all run beside each other, and one that hangs is left."""
    found: dict[str, T | ServiceError] = {}

    def run(name: str, call: Callable[[], T]) -> None:
        try:
            found[name] = call()
        except ServiceError as problem:
            found[name] = problem
        except Exception as problem:  # whatever one call trips over, the others are heard
            log.debug("call=%s failed", name, exc_info=True)
            found[name] = ServiceError(f"{type(problem).__name__}: {problem}")

    threads = [threading.Thread(target=run, args=item, daemon=True) for item in calls.items()]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + deadline_s
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    answers = dict(found)
    return {name: answers.get(name, ServiceError(f"no answer within {deadline_s:.0f} s")) for name in calls}


def _ask_all(
    runtime: Runtime, services: Iterable[Service], families: Mapping[str, list[psutil.Process]]
) -> dict[str, str | None]:
    """What each service lacks; None: it is healthy."""
    lacking: dict[str, str | None] = {}
    calls: dict[str, Callable[[], str | None]] = {}
    for service in services:
        leader = process.leader(runtime, service)
        if leader is None:
            lacking[service.name] = DIED if process.died(runtime, service) else NOT_RUNNING
        elif stopped := frozen(families[service.name]):
            lacking[service.name] = f"{FROZEN}a signal has stopped its pid {stopped.pid}"
        else:
            calls[service.name] = partial(service.probe.check, leader.pid)
    for name, answer in at_once(calls, _DEADLINE_S).items():
        lacking[name] = str(answer) if isinstance(answer, ServiceError) else answer
    return lacking


def _is_unsure(lacks: str | None) -> bool:
    return lacks is not None and lacks not in {DIED, NOT_RUNNING} and not lacks.startswith(FROZEN)


def _status(runtime: Runtime, service: Service, family: list[psutil.Process], lacks: str | None) -> ServiceStatus:
    leader = process.leader(runtime, service)
    return ServiceStatus(
        name=service.name,
        healthy=lacks is None,
        pid=leader.pid if leader else None,
        port=service.port,
        rss_mb=process.rss_mb(family) if leader else 0,
        detail=lacks or "",
    )


def _quick(config: Config) -> Druid:
    """A client that waits no longer than a probe; each thread has its own."""
    return Druid(config.druid.model_copy(update={"query_timeout_s": PROBE_TIMEOUT_S}))
