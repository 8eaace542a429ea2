"""Runs Druid's native batch ingestion: all rows of an interval are replaced, or none.

A run leaves the interval either as it was or holding exactly the given rows, so it may be killed and run again.
Druid publishes a task's segments in one metadata transaction; a failed or killed task publishes none. Tasks on one
interval of one table wait for each other's locks, and the one that started last stays.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from gridflex.adapters.druid.client import Druid
from gridflex.adapters.druid.session import DruidRefusedError
from gridflex.adapters.druid.staging_area import StagingArea, as_csv
from gridflex.config import ROOT, Config
from gridflex.domain.interval import Interval, iso
from gridflex.domain.readings import MS_PER_DAY
from gridflex.errors import ServiceError
from gridflex.polling import poll_until

log = logging.getLogger(__name__)

Json = dict[str, Any]

SPEC_DIR = ROOT / "database" / "druid_specs"
_POLL_S = 0.2
_VISIBLE_S = 120
_DONE = ("SUCCESS", "FAILED")
_WHOLE = "WHOLE"
"""Of a spec's segments: one for the whole interval, which a task makes much faster than one a day."""
_OUTSIDE_EVERY_INTERVAL = "time_ms\n0\n"
_NOTHING: Json = {"n": 0, "served": 0}


class DruidBatch:
    """Writes tables by ``index_parallel`` and merges their segments. Raises ``ServiceError`` when Druid fails."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._druid = Druid(config.druid)
        self._staging_area = StagingArea(config)

    def overwrite(self, table: str, interval: Interval, rows: pa.Table) -> str:
        """Replace all rows of ``table`` in the interval by ``rows``, and wait until queries see them.

        ``rows`` has ``time_ms`` (UTC epoch, all inside the interval) and the columns of the table's spec,
        ``database/druid_specs/batch_<table>.json``. No rows empty the interval. The interval's ends must be midnights
        of ``batch.time_zone`` (full hours for tables with hourly segments). Gives the task's id.
        """
        _check_inside(table, interval, rows)
        spec = table_spec(table, interval, self._config.batch.time_zone)
        data = as_csv(rows) if len(rows) else _OUTSIDE_EVERY_INTERVAL.encode()
        with self._staging_area.stage(table, data) as source:
            spec["spec"]["ioConfig"] |= source
            task = self.run(spec)
        self._await_visible(task, table, interval, len(rows))
        log.info("table=%s interval=%s rows=%d task=%s", table, interval, len(rows), task)
        return task

    def compact(self, table: str, interval: Interval) -> str:
        """Merge the segments of an interval, whose sums stay the same. Returns the task's id."""
        spec = json.loads((SPEC_DIR / "batch_compact.json").read_text(encoding="utf-8"))
        spec["dataSource"] = table
        spec["ioConfig"]["inputSpec"]["interval"] = str(interval)
        return self.run(spec)

    def run(self, spec: Json) -> str:
        """Submit a task and wait for its success. Returns its id. If the wait is interrupted, the task is ended."""
        task = self._druid.submit_task(spec)
        with self._ended_with_us(task):
            status = self._await_end(task)
        if status["statusCode"] != "SUCCESS":
            raise ServiceError(f"Druid task {task} failed: {_first_line(status.get('errorMsg'))}")
        return task

    def _await_end(self, task: str) -> Json:
        timeout_s = self._config.batch.task_timeout_s

        def late(status: Json) -> ServiceError:
            return ServiceError(
                f"Druid task {task} is {status.get('runnerStatusCode', 'not done').lower()} after "
                f"{timeout_s:.0f} s (batch.task_timeout_s); it was ended. "
                "A free slot of the indexer may be missing, or another task holds the interval"
            )

        return poll_until(
            lambda: self._druid.task_status(task),
            lambda status: status["statusCode"] in _DONE,
            timeout_s=timeout_s,
            pause_s=_POLL_S,
            late=late,
        )

    @contextmanager
    def _ended_with_us(self, task: str) -> Iterator[None]:
        """End the task if the wait for it is interrupted: nothing is published afterwards."""
        try:
            yield
        except BaseException:
            try:
                self._druid.stop_task(task)
            except ServiceError as problem:
                log.warning("task=%s shutdown=failed reason=%s", task, problem)
            raise

    def _await_visible(self, task: str, table: str, interval: Interval, rows: int) -> None:
        """Wait until queries see the rows: historicals load new segments some seconds after the task's end."""
        made = self._druid.task_status(task)["createdTime"]
        start, end = map(iso, interval)
        segments = (
            "SELECT COUNT(*) AS n, COUNT(*) FILTER (WHERE is_available = 1) AS served FROM sys.segments "
            'WHERE datasource = ? AND is_published = 1 AND version >= ? AND "start" >= ? AND "end" <= ?'
        )

        def visible(found: Json) -> bool:
            served = found["n"] == found["served"] and (found["n"] or not rows)  # no rows where none were: no segment
            return bool(served) and self._count(table, interval) == rows

        def late(found: Json) -> ServiceError:
            return ServiceError(
                f"{table} {interval}: {rows} rows are published, but {found['served']} of {found['n']} segments "
                f"are served after {_VISIBLE_S} s; is a historical up, and its segment cache not full?"
            )

        poll_until(
            lambda: self._sql(segments, "VARCHAR", table, made, start, end),
            visible,
            timeout_s=_VISIBLE_S,
            pause_s=_POLL_S,
            late=late,
        )

    def _count(self, table: str, interval: Interval) -> int:
        """The number of rows that queries see now; a table may come and go with its only segments."""
        query = f'SELECT COUNT(*) AS n FROM "{table}" WHERE __time >= ? AND __time < ?'  # noqa: S608
        ends = [iso(at).removesuffix("Z") for at in interval]
        try:
            return int(self._sql(query, "TIMESTAMP", *ends)["n"])
        except DruidRefusedError:
            if not self._in_schema(table):
                return 0
        return int(self._sql(query, "TIMESTAMP", *ends)["n"])  # the table has come between the two questions

    def _in_schema(self, table: str) -> bool:
        try:
            return self._druid.has_table(table)
        except ServiceError:  # published, and not served yet
            return False

    def _sql(self, query: str, kind: str, *values: str) -> Json:
        """The one row of counts; Druid's own tables give none where there is nothing to count."""
        found = self._druid.sql(query, [{"type": kind, "value": value} for value in values])
        return found[0] if found else _NOTHING


def table_spec(table: str, interval: Interval, time_zone: str) -> Json:
    """The spec of a table from its file, for one interval; segments are days of ``time_zone``."""
    spec: Json = json.loads((SPEC_DIR / f"batch_{table}.json").read_text(encoding="utf-8"))
    granularity = spec["spec"]["dataSchema"]["granularitySpec"]
    granularity["intervals"] = [str(interval)]
    if granularity["segmentGranularity"] == _WHOLE:
        days = (interval.end_ms - interval.start_ms) // MS_PER_DAY
        granularity["segmentGranularity"] = {
            "type": "period",
            "period": f"P{days}D",
            "origin": iso(interval.start_ms),
            "timeZone": "UTC",
        }
    if granularity["segmentGranularity"] == "DAY" and time_zone != "UTC":
        granularity["segmentGranularity"] = {"type": "period", "period": "P1D", "timeZone": time_zone}
    return spec


def _check_inside(table: str, interval: Interval, rows: pa.Table) -> None:
    """Raises ``ValueError`` for rows outside the interval, which Druid would drop silently."""
    if not len(rows):
        return
    times: Mapping[str, int] = pa.compute.min_max(rows["time_ms"]).as_py()
    if not (interval.start_ms <= times["min"] and times["max"] < interval.end_ms):
        raise ValueError(f"{table}: rows from {iso(times['min'])} to {iso(times['max'])} outside {interval}")


def _first_line(message: object) -> str:
    return str(message or "no reason given").strip().splitlines()[0]
