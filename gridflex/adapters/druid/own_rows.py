"""Replaces a batch job's own rows in a table that a stream writes, too; all other rows stay.

Druid has no keys and replaces whole intervals, so new rows are appended: that takes nothing away (ADR 21). Own rows of
an earlier run that differ go first, by a task that publishes the interval anew without them, from its published rows.
Both tasks hold Druid's lock of the interval. A Kafka task with unpublished rows of the interval holds it too, so that
none is overlooked; one that gets such rows meanwhile takes the lock away: nothing is published, and it runs again.
"""

from __future__ import annotations

import json
import logging
import math
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from gridflex.adapters.druid.batch import SPEC_DIR, DruidBatch
from gridflex.adapters.druid.client import Druid
from gridflex.adapters.druid.staging_area import StagingArea, as_csv
from gridflex.config import Config
from gridflex.domain.interval import Interval, iso
from gridflex.errors import ServiceError
from gridflex.polling import poll_until

log = logging.getLogger(__name__)

Json = dict[str, Any]
Sums = dict[str, tuple[int, float]]
"""Rows and energy (Wh) by appliance."""
TIME = "__time"
"""The column of the rows' time: Druid's own, because rows that are read back have it."""
_POLL_S = 0.5
_ATTEMPTS = 3
_VISIBLE_S = 120
_SAME = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """Identifies a job's own rows in a table: those of its houses without a message behind them."""

    table: str
    interval: Interval
    """Whole UTC days: the stream's segments."""
    houses: Sequence[str]

    def in_druid(self) -> Json:
        """The own rows as a filter of Druid's native queries."""
        unsent = {"type": "selector", "dimension": "count", "value": "0"}
        return {"type": "and", "fields": [unsent, {"type": "in", "dimension": "house_id", "values": [*self.houses]}]}

    def in_sql(self) -> str:
        """The own rows as an SQL condition."""
        names = ", ".join("'" + house.replace("'", "''") + "'" for house in self.houses)
        start, end = (f"TIMESTAMP '{iso(at).replace('T', ' ').removesuffix('Z')}'" for at in self.interval)
        return f'__time >= {start} AND __time < {end} AND "count" = 0 AND house_id IN ({names})'


class OwnRows:
    """Replaces a job's own rows in a table that others write, too. Raises ``ServiceError`` when Druid fails."""

    def __init__(self, config: Config, own: Own) -> None:
        self._config = config
        self._own = own
        self._druid = Druid(config.druid)

    def replace(self, rows: pa.Table) -> bool:
        """Replace the job's own rows of the interval by ``rows``, and wait until queries see them.

        ``rows``: ``__time`` (UTC epoch, ms), all inside the interval, and the columns of the table by their stored
        names. Whether anything was written: rows that are there already stay. However often it is done, and killed,
        each row is there once, and no other row of the table is touched.
        """
        wanted = sums(rows)
        self._await_earlier_run()
        found = self._stored()
        if _alike(found, wanted):
            return False
        if found:
            self._run(without_spec(self._own))
        with StagingArea(self._config).stage(self._own.table, as_csv(rows)) as source:
            self._run(append_spec(self._own, source))
        self._await(lambda: _alike(self._stored(), wanted))
        return True

    def _run(self, spec: Json) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            self._await_published()
            try:
                DruidBatch(self._config).run({"id": f"{self._prefix()}{uuid.uuid4().hex}", **spec})
            except ServiceError as problem:
                if attempt == _ATTEMPTS or not self._unpublished():
                    raise
                log.info("table=%s attempt=%d lost=%s", self._own.table, attempt, problem)
            else:
                return

    def _stored(self) -> Sums:
        if not self._druid.has_table(self._own.table):
            return {}
        rows = self._druid.sql(
            "SELECT appliance_id, COUNT(*) AS n, SUM(energy_wh) AS energy_wh "  # noqa: S608
            f'FROM "{self._own.table}" WHERE {self._own.in_sql()} GROUP BY 1'
        )
        return {row["appliance_id"]: (row["n"], row["energy_wh"]) for row in rows}

    def _await_earlier_run(self) -> None:
        """Wait for the task of an earlier run that was killed: it still publishes its rows."""
        query = "SELECT COUNT(*) AS n FROM sys.tasks WHERE datasource = ? AND status = 'RUNNING' AND task_id LIKE ?"
        self._await_published()
        poll_until(
            lambda: self._number(query, self._own.table, f"{self._prefix()}%"),
            lambda running: not running,
            timeout_s=self._config.batch.task_timeout_s,
            pause_s=_POLL_S,
            late=lambda _: ServiceError(f"another run's task on {self._own.table} has not ended; nothing was changed"),
        )
        self._await(lambda: True)

    def _await_published(self) -> None:
        """Make the stream's tasks publish their rows of the interval; they would hold its lock for an hour."""
        own, asked, timeout_s = self._own, set[str](), self._config.batch.task_timeout_s

        def published(left: int) -> bool:
            if not left:
                return True
            running = {task["id"] for task in self._druid.supervisor_status(own.table).get("activeTasks", ())}
            if running - asked:
                self._druid.hand_off(own.table, range(self._config.druid.task_count))
                log.info("table=%s handoff=asked", own.table)
                asked.update(running)
            return False

        def late(_: int) -> ServiceError:
            return ServiceError(
                f"{own.table} {own.interval}: a stream still writes into these days after "
                f"{timeout_s:.0f} s (batch.task_timeout_s); nothing was changed. "
                "Run it again once the replay that plays them has passed"
            )

        poll_until(self._unpublished, published, timeout_s=timeout_s, pause_s=_POLL_S, late=late)

    def _unpublished(self) -> int:
        """The number of segments of the interval that a stream's task fills."""
        start, end = map(iso, self._own.interval)
        return self._number(
            "SELECT COUNT(*) AS n FROM sys.segments WHERE datasource = ? AND is_realtime = 1 AND is_published = 0 "
            'AND "end" > ? AND "start" < ?',
            self._own.table,
            start,
            end,
        )

    def _number(self, query: str, *values: str) -> int:
        """The result of a count; 0 if Druid gives no row."""
        rows = self._druid.sql(query, [{"type": "VARCHAR", "value": value} for value in values])
        return int(rows[0]["n"]) if rows else 0

    def _await(self, done: Callable[[], bool]) -> None:
        """Wait until queries see the published rows: the broker learns of segments some seconds after a task."""
        own = self._own
        start, end = map(iso, own.interval)
        loading = (
            "SELECT COUNT(*) AS n FROM sys.segments WHERE datasource = ? AND is_active = 1 AND is_available = 0 "
            'AND "end" > ? AND "start" < ?'
        )

        def late(_: int) -> ServiceError:
            return ServiceError(
                f"{own.table} {own.interval}: the rows are published, but queries do not see them, or not them "
                f"alone, after {_VISIBLE_S} s; is a historical up, and its segment cache not full? Run it again"
            )

        poll_until(
            lambda: self._number(loading, own.table, start, end),
            lambda left: not left and done(),
            timeout_s=_VISIBLE_S,
            pause_s=_POLL_S,
            late=late,
        )

    def _prefix(self) -> str:
        return f"own_rows_{self._own.table}_"


def sums(rows: pa.Table) -> Sums:
    """Rows and energy (Wh) of each appliance."""
    found = rows.group_by("appliance_id").aggregate([("energy_wh", "count"), ("energy_wh", "sum")])
    return {row["appliance_id"]: (row["energy_wh_count"], row["energy_wh_sum"]) for row in found.to_pylist()}


def append_spec(own: Own, source: Json) -> Json:
    """The task that appends rows. ``source``: their ``inputSource`` and ``inputFormat``."""
    spec = _spec(own)
    spec["spec"]["ioConfig"] |= source | {"appendToExisting": True, "dropExisting": False}
    return spec


def without_spec(own: Own) -> Json:
    """The task that publishes the interval anew without the job's own rows."""
    spec, others = _spec(own), {"type": "not", "field": own.in_druid()}
    source = {"type": "druid", "dataSource": own.table, "interval": str(own.interval), "filter": others}
    spec["spec"]["ioConfig"] |= {"inputSource": source, "appendToExisting": False, "dropExisting": True}
    del spec["spec"]["ioConfig"]["inputFormat"]
    return spec


def _spec(own: Own) -> Json:
    spec: Json = json.loads((SPEC_DIR / f"batch_{own.table}.json").read_text(encoding="utf-8"))
    spec["spec"]["dataSchema"]["granularitySpec"]["intervals"] = [str(own.interval)]
    return spec


def _alike(found: Sums, wanted: Sums) -> bool:
    return found.keys() == wanted.keys() and all(
        found[name][0] == count and math.isclose(found[name][1], energy_wh, rel_tol=_SAME, abs_tol=_SAME)
        for name, (count, energy_wh) in wanted.items()
    )
