"""Finds what does not work in the local stack: what is lost by it, and what to do, in one line each."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from gridflex.adapters.druid.ingestion import reading_trouble
from gridflex.config import Config
from gridflex.contracts.feeds import table_feed
from gridflex.errors import ServiceError
from gridflex.operations.local import process
from gridflex.operations.local.druid_services import BROKER, COORDINATOR, HISTORICAL, INDEXER, ROUTER, ZOOKEEPER
from gridflex.operations.local.health import read_status
from gridflex.operations.local.kafka_service import KAFKA
from gridflex.operations.local.log_rotation_service import LOG_ROTATION, log_rotation_service
from gridflex.operations.local.openadr_service import OPENADR_POSTGRES, OPENADR_VTN
from gridflex.operations.local.process import Runtime
from gridflex.operations.local.readers import Place, find_places, spark_reader, supervisor_reader, way_out
from gridflex.operations.local.services import Service
from gridflex.operations.local.spark_checkpoint import SPARK
from gridflex.operations.local.stack_status import (
    DIED,
    FROZEN,
    NOT_RUNNING,
    ServiceStatus,
    SupervisorStatus,
    service_statuses,
    supervisor_states,
    supervisor_statuses,
)

_WITHOUT = {
    ZOOKEEPER: "Druid's services lose each other",
    KAFKA: "no reading is taken in, and none is passed on",
    COORDINATOR: "nobody watches the ingestion, no segment is handed over",
    HISTORICAL: "queries of stored data hang or fail",
    INDEXER: "no reading gets into Druid; they wait in Kafka as long as it keeps them",
    BROKER: "no query is answered",
    ROUTER: "no query is answered",
    SPARK: "no duty cycle and no flexibility is computed; readings wait in Kafka until its retention removes them",
    "replay": "no reading is played; it continues where it stopped",
    "superset": "no dashboard opens",
    "events": "no event is proposed, approved or dispatched",
    OPENADR_POSTGRES: "the OpenADR VTN answers no request",
    OPENADR_VTN: "no event reaches an OpenADR client, and no report comes back; Kafka's commands go on",
}
_REFUSED_S = 600.0
_TASKS = "no batch job runs: no new baseline, forecast or reconciliation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that does not do its job."""

    service: str
    """A service, or ``supervisor`` and its data source."""
    problem: str
    """What is wrong, and what is lost by it."""
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StackReport:
    """The state of the whole stack. What was not started, or was stopped by the launcher, is no problem."""

    services: list[ServiceStatus]
    supervisors: list[SupervisorStatus]
    problems: list[Problem]


def stack_report(config: Config, runtime: Runtime, services: Sequence[Service]) -> StackReport:
    """Ask every service and supervisor once."""
    *found, rotation = service_statuses(runtime, [*services, log_rotation_service(config)])
    problems = _service_problems(runtime, services, found) + _rotation_problem(rotation)
    healthy = {status.name for status in found if status.healthy}
    answering = healthy | {status.name for status in found if status.pid and not status.detail.startswith(FROZEN)}
    supervisors, troubles = _ingestion(config, healthy, answering)
    lost = {problem.service for problem in troubles}
    return StackReport(
        services=found,
        supervisors=supervisors,
        # A job that has lost its place has died of that: one line tells both.
        problems=[one for one in problems if one.service not in lost or not one.problem.startswith(DIED)] + troubles,
    )


def _service_problems(runtime: Runtime, services: Sequence[Service], found: Sequence[ServiceStatus]) -> list[Problem]:
    sick = {status.name for status in found if not status.healthy and status.detail != NOT_RUNNING}
    problems = []
    for service, status in zip(services, found, strict=True):
        if status.name in sick:
            causes = [name for name in (*service.depends_on, *service.asks) if name in sick]
            problems.append(_service_problem(runtime, service, status, causes))
    return problems


def _service_problem(runtime: Runtime, service: Service, status: ServiceStatus, causes: Sequence[str]) -> Problem:
    name, detail = service.name, status.detail
    if detail == DIED:
        words = [line.strip() for line in process.last_words(runtime.log_file(service)) if line.strip()]
        detail = f"died; its last words: {words[-1][:200]!r}" if words else "died"
        remedy = f"`gridflex logs {name}` says why, `gridflex up {name}` starts it again"
    elif detail.startswith(FROZEN):
        remedy = f"`kill -CONT {detail.rsplit(' ', 1)[-1]}` lets it go on"
    elif causes:
        remedy = f"mend {', '.join(causes)} first"
    else:
        remedy = f"`gridflex logs {name}`; `kill -9 {status.pid}` and `gridflex up {name}` start it again"
    return Problem(service=name, problem=f"{detail}: {_WITHOUT.get(name, _TASKS)}", remedy=remedy)


def _rotation_problem(rotation: ServiceStatus) -> list[Problem]:
    if rotation.healthy or rotation.detail == NOT_RUNNING:
        return []
    remedy = "`gridflex up` starts it again"
    if rotation.detail.startswith(FROZEN):
        remedy = f"`kill -CONT {rotation.pid}` lets it go on"
    elif rotation.detail != DIED:
        remedy = f"`kill -9 {rotation.pid}`, then {remedy}"
    return [Problem(service=LOG_ROTATION, problem=f"{rotation.detail}: logs grow without bound", remedy=remedy)]


def _ingestion(config: Config, healthy: set[str], answering: set[str]) -> tuple[list[SupervisorStatus], list[Problem]]:
    """How the readers of Kafka's topics are, as far as those answer of whom one must ask it."""
    found: dict[str, dict[str, Any]] = {}
    problems: list[Problem] = []
    if healthy >= {ZOOKEEPER, COORDINATOR} and ROUTER in answering:
        try:
            found = supervisor_states(config)
        except ServiceError as problem:
            if healthy >= {INDEXER, ROUTER}:
                detail, remedy = f"does not list its supervisors: {problem}", f"`gridflex logs {COORDINATOR}`"
                problems.append(Problem(service=COORDINATOR, problem=detail, remedy=remedy))
    places, lost = _places(config, found) if KAFKA in healthy else ({}, [])
    problems += lost
    reading = healthy >= {KAFKA, COORDINATOR, BROKER, INDEXER, ROUTER}
    expected = {name for name in found if reading and table_feed(name).service in {None, *healthy}}
    problems += _supervisor_problems(found, places, expected)
    if (spark := places.get(SPARK)) is not None and spark.loss is not None:
        problems.append(Problem(service=SPARK, problem=spark.loss.text(), remedy=way_out(spark.loss)))
    problems += _refused(config) if SPARK in healthy else []
    lags = {name: place.lag for name, place in places.items() if found.get(name, {}).get("activeTasks")}
    return supervisor_statuses(config, {name: status for name, status in found.items() if status}, lags), problems


def _places(config: Config, found: Mapping[str, dict[str, Any]]) -> tuple[dict[str, Place], list[Problem]]:
    """Where the readers stand in Kafka's topics."""
    problems = []
    readers = [supervisor_reader(config, name, status) for name, status in found.items() if status]
    try:
        readers.append(spark_reader(config))
    except ServiceError as problem:
        problems.append(Problem(service=SPARK, problem=str(problem), remedy=f"`gridflex logs {SPARK}`"))
    try:
        places = find_places(config, readers, timeout_s=10)
    except ServiceError as problem:
        return {}, [*problems, Problem(service=KAFKA, problem=str(problem), remedy=f"`gridflex logs {KAFKA}`")]
    gone = sorted({reader.topic for reader in readers if reader.positions and reader.name not in places})
    return places, [*problems, *(_gone(topic) for topic in gone)]


def _supervisor_problems(
    found: Mapping[str, Mapping[str, Any]], places: Mapping[str, Place], expected: Set[str]
) -> list[Problem]:
    """``expected``: the supervisors that there must be."""
    problems = []
    for name, status in found.items():
        place = places.get(name)
        told = (place.loss.text(), way_out(place.loss)) if place and place.loss else None
        told = told or (reading_trouble(status) if status or name in expected else None)
        if told:
            problems.append(Problem(service=f"supervisor {name}", problem=told[0], remedy=told[1]))
    return problems


def _refused(config: Config) -> list[Problem]:
    """New appliances that the streaming job did not take in a short while ago, if there were any."""
    told = read_status(config.state_dir / SPARK / "status.json")
    ago_s = time.time() - told.get("refused_ms", 0) / 1000
    if not told.get("refused") or ago_s > _REFUSED_S:
        return []
    return [
        Problem(
            service=SPARK,
            problem=f"{told['refused']:,} readings of too many new appliances were refused since its start, the last "
            f"{ago_s:.0f} s ago: they are in powerraw and have no duty cycle and no flexibility",
            remedy="repair the source of the ids, or raise spark.new_series_per_min (docs/runbook.md, too_many_series)",
        )
    ]


def _gone(topic: str) -> Problem:
    return Problem(
        service=KAFKA,
        problem=f"topic {topic} is gone: what it held unread is lost, and nothing more is taken in",
        remedy="`gridflex up kafka` creates it again; then run `gridflex recover` (docs/runbook.md)",
    )
