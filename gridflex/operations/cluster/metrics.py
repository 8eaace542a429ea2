"""What CloudWatch's alarms look at, in the form of ``aws cloudwatch put-metric-data``."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gridflex.adapters.druid.client import Druid
from gridflex.adapters.druid.specs import supervisor_specs
from gridflex.adapters.events.client import EventsClient
from gridflex.config import Config
from gridflex.contracts.feeds import stored_feeds

Json = dict[str, Any]
_EVENT_STATES = ("scheduled", "active", "rejected")

_FAILED_TASKS = "SELECT task_id FROM sys.tasks WHERE status = 'FAILED' AND created_time > ?"
"""Druid keeps that time as text (ISO 8601, UTC), and has no function for it in the tables of ``sys``;
a count over none of them is no row."""


def druid_metrics(config: Config) -> list[Json]:
    """Lag of each supervisor, tasks that failed in the last five minutes, age of the newest row of each watched feed.

    Raises ``ServiceError`` if Druid does not answer: then no metric comes, and every alarm takes that for trouble.
    """
    druid = Druid(config.druid)
    lags = [
        _metric("SupervisorLag", druid.supervisor_status(name).get("aggregateLag", 0), "Count", Supervisor=name)
        for name in supervisor_specs(config)
    ]
    since = (datetime.now(UTC) - timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    failed = druid.sql(_FAILED_TASKS, [{"type": "VARCHAR", "value": since}])
    ages = [
        _metric("AgeSeconds", age_s, "Seconds", Table=feed.table)
        for feed in stored_feeds()
        if feed.freshness_limit_s is not None and (age_s := _age_s(druid, feed.table)) is not None
    ]
    return [*lags, _metric("FailedTasks", len(failed), "Count"), *ages]


def stream_metrics(status_file: Path) -> list[Json]:
    """Age of the streaming job's newest micro-batch; none if it never finished one."""
    if not status_file.is_file():
        return []
    updated_ms = json.loads(status_file.read_text(encoding="utf-8"))["updated_ms"]
    return [_metric("StreamBatchAgeSeconds", time.time() - updated_ms / 1000, "Seconds")]


def events_metrics(config: Config) -> list[Json]:
    """Events that are scheduled, run, or were rejected; commands that were refused; how long nothing was dispatched.

    Raises ``ServiceError`` if the events service does not answer for its ledger: then no metric comes.
    """
    found = EventsClient(config).status()
    events = [_metric("Events", found["events"][state], "Count", State=state) for state in _EVENT_STATES]
    return [
        *events,
        _metric("RefusedCommands", found["refused_commands"], "Count"),
        _metric("DispatchAgeSeconds", found["dispatch_age_s"], "Seconds"),
    ]


def _age_s(druid: Druid, table: str) -> float | None:
    if not druid.has_table(table):
        return None
    newest = druid.sql(f'SELECT MAX(__time) AS newest FROM "{table}"')[0]["newest"]  # noqa: S608
    return (datetime.now(UTC) - datetime.fromisoformat(newest)).total_seconds()


def _metric(name: str, value: float, unit: str, **dimensions: str) -> Json:
    told = [{"Name": key, "Value": text} for key, text in dimensions.items()]
    return {"MetricName": name, "Value": float(value), "Unit": unit, "Dimensions": told}
