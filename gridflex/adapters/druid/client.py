"""Sends SQL, supervisors, tasks and load rules to Druid, all through the router."""

from __future__ import annotations

import time
from collections import namedtuple
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import requests

from gridflex import config
from gridflex.adapters.druid.session import DruidRefusedError, DruidSession, content
from gridflex.errors import ServiceError

Json = dict[str, Any]

_POLL_S = 0.2
_INDEXER = "/druid/indexer/v1"
_COORDINATOR = "/druid/coordinator/v1"
_IN_SCHEMA = "SELECT 1 AS found FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = 'druid' AND TABLE_NAME = ?"
_PUBLISHED = (
    "SELECT segment_id FROM sys.segments WHERE datasource = ? AND is_published = 1 AND is_overshadowed = 0 "
    "AND shard_spec NOT LIKE '%tombstone%' LIMIT 1"
)
"""A tombstone stands for rows that were there once."""


class Druid:
    """A Druid cluster. Every method raises ``ServiceError`` when Druid does not answer, or refuses."""

    def __init__(self, druid: config.Druid) -> None:
        self._settings = druid
        self._session = DruidSession(druid)

    def sql(self, query: str, parameters: Sequence[Mapping[str, Any]] = ()) -> list[Json]:
        """All rows of a query, one mapping from column name to value each.

        ``parameters`` fill the query's question marks: ``{"type": "VARCHAR", "value": "fridge"}``. Time stamps come as
        ISO 8601 text, UTC. A data source without any row yet, and a column that there is not, are a
        ``DruidRefusedError``.
        """
        names, *rows = self._session.rows(self._question(query, parameters))
        return [dict(zip(names, row, strict=True)) for row in rows]

    def rows(self, query: str, *, table: str | None = None, context: Mapping[str, Any] | None = None) -> Iterator[Any]:
        """Yield the rows of a query as they arrive, as named tuples. Raises ``ServiceError`` if the answer breaks off.

        ``table``: a data source of ours that ``query`` asks; if it has never had a row, there are none. ``context``:
        Druid's query context.
        """
        question = self._question(query, (), context)
        found = self._session.rows(question)
        try:
            names = next(found)
        except DruidRefusedError:
            if table is None:
                raise
            if not self.has_table(table):
                return
            found = self._session.rows(question)  # the table may have come between the two questions
            names = next(found)
        row_type = namedtuple("Row", names, rename=True)  # type: ignore[misc]
        yield from map(row_type._make, found)

    def has_table(self, name: str) -> bool:
        """Whether the data source can be queried; false means that it has never had a row.

        Raises ``ServiceError`` if it has rows that nobody serves: without a historical it looks as if it had none.
        """
        parameters = [{"type": "VARCHAR", "value": name}]
        if self.sql(_IN_SCHEMA, parameters):
            return True
        if self.sql(_PUBLISHED, parameters):
            raise ServiceError(
                f"{name} has segments, and none of them is served: is a historical up (`gridflex status`)?"
            )
        return False

    def submit_task(self, spec: Json) -> str:
        """Submit a task without waiting for it. Returns its id."""
        return str(self._ask("POST", f"{_INDEXER}/task", spec)["task"])

    def submit_supervisor(self, spec: Json) -> None:
        """Create or replace a supervisor; its name is the data source of the spec."""
        self._ask("POST", f"{_INDEXER}/supervisor", spec)

    def supervisor_spec(self, name: str) -> Json | None:
        """The spec that the supervisor runs, with Druid's defaults; ``None`` if there is no such supervisor."""
        spec: Json | None = self._ask("GET", f"{_INDEXER}/supervisor/{quote(name)}", missing=None)
        return spec

    def supervisor_status(self, name: str) -> Json:
        """State, tasks, recent errors, offsets and lag of a supervisor; empty if there is no such supervisor.

        The lag counts a transaction's end mark as a message: it stays at one for each partition that was written to.
        """
        status: Json = self._ask("GET", f"{_INDEXER}/supervisor/{quote(name)}/status", missing={})
        payload: Json = status.get("payload", {})
        return payload

    def row_counts(self, name: str) -> dict[str, int]:
        """Counts of rows in the supervisor's running tasks: processed, unparseable, thrownAway and so on."""
        groups: Json = self._ask("GET", f"{_INDEXER}/supervisor/{quote(name)}/stats", missing={})
        totals: dict[str, int] = {}
        for tasks in groups.values():
            for task in tasks.values():
                for key, value in task.get("totals", {}).get("buildSegments", {}).items():
                    totals[key] = totals.get(key, 0) + int(value)
        return totals

    def parse_errors(self, name: str) -> list[Json]:
        """The latest rows that could not be parsed, with the reason of each."""
        errors: list[Json] = self._ask("GET", f"{_INDEXER}/supervisor/{quote(name)}/parseErrors", missing=[])
        return errors

    def terminate_supervisor(self, name: str, timeout_s: float = 60) -> None:
        """End the supervisor and its tasks, which publish what they have read. Waits for the tasks' end.

        Tasks that have not ended after ``timeout_s`` are stopped without publishing: a task that had just begun may
        never have heard of its supervisor's end. A later supervisor reads their messages again.
        """
        self._ask("POST", f"{_INDEXER}/supervisor/{quote(name)}/terminate", missing=None)
        deadline = time.monotonic() + timeout_s
        while left := [task["id"] for task in self.running_tasks() if task.get("dataSource") == name]:
            if time.monotonic() > deadline:
                for task in left:
                    self.stop_task(task)
            time.sleep(_POLL_S)

    def suspend_supervisor(self, name: str) -> None:
        """Suspend the supervisor: its tasks publish what they have read, and no other starts."""
        self._ask("POST", f"{_INDEXER}/supervisor/{quote(name)}/suspend")

    def hand_off(self, name: str, groups: Sequence[int]) -> None:
        """Make the tasks of these task groups publish what they hold now; the supervisor starts others in their place.

        Nothing happens if the supervisor has gone meanwhile: its tasks publish at their end.
        """
        path = f"{_INDEXER}/supervisor/{quote(name)}/taskGroups/handoff"
        self._ask("POST", path, {"taskGroupIds": list(groups)}, missing=None, may_be_empty=True)

    def set_offsets(self, name: str, topic: str, offsets: Mapping[int, int]) -> None:
        """Make the supervisor continue at these offsets in these partitions. Its running tasks do not publish."""
        where = {str(partition): offset for partition, offset in offsets.items()}
        sequence = {"type": "end", "stream": topic, "partitionOffsetMap": where}
        body = {"type": "kafka", "partitions": sequence}
        self._ask("POST", f"{_INDEXER}/supervisor/{quote(name)}/resetOffsets", body)

    def resume_supervisor(self, name: str) -> None:
        """Resume a suspended supervisor."""
        self._ask("POST", f"{_INDEXER}/supervisor/{quote(name)}/resume")

    def running_tasks(self) -> list[Json]:
        """The tasks that run on an indexer now."""
        tasks: list[Json] = self._ask("GET", f"{_INDEXER}/runningTasks")
        return tasks

    def waiting_tasks(self) -> list[Json]:
        """The tasks for which no indexer has been found yet."""
        tasks: list[Json] = self._ask("GET", f"{_INDEXER}/pendingTasks")
        return tasks

    def task_status(self, task_id: str) -> Json:
        """Status and messages of a task."""
        status: Json = self._ask("GET", f"{_INDEXER}/task/{quote(task_id)}/status")["status"]
        return status

    def stop_task(self, task_id: str) -> None:
        """Stop a task without publishing what it has read; its supervisor starts another in its place."""
        self._ask("POST", f"{_INDEXER}/task/{quote(task_id)}/shutdown", missing=None)

    def set_default_replicas(self, replicas: int) -> None:
        """Set the default rule: every segment is loaded for ever, on that many historicals."""
        rule = {"type": "loadForever", "tieredReplicants": {"_default_tier": replicas}}
        if self._ask("GET", f"{_COORDINATOR}/rules/_default", missing=[]) != [rule]:
            self._ask("POST", f"{_COORDINATOR}/rules/_default", [rule], may_be_empty=True)

    def _question(
        self, query: str, parameters: Sequence[Mapping[str, Any]], context: Mapping[str, Any] | None = None
    ) -> Json:
        """The body of a query; Druid itself ends it at the deadline."""
        timeout_ms = int(self._settings.query_timeout_s * 1000)
        return {"query": query, "parameters": list(parameters), "context": {"timeout": timeout_ms, **(context or {})}}

    def _ask(self, method: str, path: str, body: Any = None, *, missing: Any = ..., may_be_empty: bool = False) -> Any:
        """Send one request; a 404 gives ``missing`` if that is given."""
        answer = self._session.get(path) if method == "GET" else self._session.send_once(method, path, body)
        if answer.status == requests.codes.not_found and missing is not ...:
            return missing
        return content(answer, method, path, may_be_empty=may_be_empty)
