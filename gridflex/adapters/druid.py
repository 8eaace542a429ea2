"""Druid's edge: SQL, supervisors and load status, all through the router."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import requests

from gridflex import config
from gridflex.adapters.druid_access import ask
from gridflex.errors import ServiceError

Json = dict[str, Any]

_POLL_S = 0.2
_INDEXER = "/druid/indexer/v1"
_COORDINATOR = "/druid/coordinator/v1"


class Druid:
    """A Druid cluster. Every method raises ``ServiceError`` when Druid does not answer, or refuses."""

    def __init__(self, druid: config.Druid) -> None:
        self._settings = druid

    def sql(self, query: str, parameters: Sequence[Mapping[str, Any]] = ()) -> list[Json]:
        """The rows of a query, one mapping from column name to value each.

        ``parameters`` fill the query's question marks: ``{"type": "VARCHAR", "value": "fridge"}``. Time stamps come as
        ISO 8601 text, UTC. A data source without any row yet is "not found".
        """
        body = {"query": query, "parameters": list(parameters), "resultFormat": "array", "header": True}
        names, *rows = self._ask("POST", "/druid/v2/sql", body)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def has_table(self, name: str) -> bool:
        """Whether the data source has rows that can be asked for."""
        found = self.sql(
            "SELECT 1 AS found FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = 'druid' AND TABLE_NAME = ?",
            [{"type": "VARCHAR", "value": name}],
        )
        return bool(found)

    def submit_task(self, spec: Json) -> str:
        """Let a task run and do not wait for it; gives its id."""
        return str(self._ask("POST", f"{_INDEXER}/task", spec)["task"])

    def submit_supervisor(self, spec: Json) -> None:
        """Create or replace a supervisor; its name is the spec's data source."""
        self._ask("POST", f"{_INDEXER}/supervisor", spec)

    def supervisor_spec(self, name: str) -> Json | None:
        """The spec that the supervisor runs, with Druid's defaults filled in; ``None`` if there is no such one."""
        spec: Json | None = self._ask("GET", f"{_INDEXER}/supervisor/{quote(name)}", missing=None)
        return spec

    def supervisor_status(self, name: str) -> Json:
        """State, tasks, recent errors, offsets and lag. Empty if there is no such supervisor.

        The lag counts a transaction's end mark as a message: it stays at one for each partition that was written to.
        """
        status: Json = self._ask("GET", f"{_INDEXER}/supervisor/{quote(name)}/status", missing={})
        payload: Json = status.get("payload", {})
        return payload

    def row_counts(self, name: str) -> dict[str, int]:
        """Rows that the supervisor's running tasks have met: processed, unparseable, thrownAway and so on."""
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

    def resume_supervisor(self, name: str) -> None:
        """Let a suspended supervisor go on."""
        self._ask("POST", f"{_INDEXER}/supervisor/{quote(name)}/resume")

    def running_tasks(self) -> list[Json]:
        """The tasks that run on an indexer now."""
        tasks: list[Json] = self._ask("GET", f"{_INDEXER}/runningTasks")
        return tasks

    def stop_task(self, task_id: str) -> None:
        """Stop a task without publishing what it has read; its supervisor starts another in its place."""
        self._ask("POST", f"{_INDEXER}/task/{quote(task_id)}/shutdown", missing=None)

    def load_status(self) -> dict[str, float]:
        """Per data source the percentage of its published segments that historicals serve."""
        loaded: dict[str, float] = self._ask("GET", f"{_COORDINATOR}/loadstatus")
        return loaded

    def set_default_replicas(self, replicas: int) -> None:
        """Let the default rule load every segment for ever, on that many historicals."""
        rule = {"type": "loadForever", "tieredReplicants": {"_default_tier": replicas}}
        if self._ask("GET", f"{_COORDINATOR}/rules/_default", missing=[]) != [rule]:
            self._ask("POST", f"{_COORDINATOR}/rules/_default", [rule])

    def _ask(self, method: str, path: str, body: Any = None, *, missing: Any = ...) -> Any:
        """One request; a 404 gives ``missing`` if that is given."""
        with ask(self._settings, method, path, body) as answer:
            if answer.status_code == requests.codes.not_found and missing is not ...:
                return missing
            if not answer.ok:
                raise ServiceError(f"Druid refused {method} {path}: HTTP {answer.status_code}: {_reason(answer)}")
            try:
                return answer.json() if answer.content else None
            except requests.JSONDecodeError:
                raise ServiceError(f"Druid's answer to {method} {path} is not JSON") from None


def _reason(answer: requests.Response) -> str:
    """What Druid says is wrong."""
    try:
        told = answer.json()
    except requests.JSONDecodeError:
        return answer.text.strip()[:300]
    if isinstance(told, dict):
        told = told.get("errorMessage") or told.get("error") or told
        return str(told).partition(", acceptable options:")[0]  # hundreds of them
    return str(told)
