"""Gives tables without rows an empty row: without one they do not exist for Druid, and queries of them fail.

A table is made by one row of 1970 that carries nothing: no name, no energy, no count.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from gridflex.adapters.druid.client import Druid
from gridflex.adapters.druid.specs import batch_specs, read_spec
from gridflex.config import Config
from gridflex.contracts.feeds import stored_feeds
from gridflex.errors import ServiceError

log = logging.getLogger(__name__)

Json = dict[str, Any]
_EPOCH = "1970-01-01/1970-01-02"


class EmptyTables:
    """Creates every table of a feed or a batch spec that Druid does not know yet."""

    def __init__(self, config: Config) -> None:
        self._druid = Druid(config.druid)
        self._specs = table_specs()
        self._asked: set[str] = set()

    def advance(self) -> str | None:
        """Request each missing table once. Returns what is still missing; None once all can be queried."""
        try:
            missing = [name for name in self._specs if not self._druid.has_table(name)]
            for name in missing:
                if name not in self._asked:
                    self._druid.submit_task(empty_table(self._specs[name]))
                    self._asked.add(name)
                    log.info("table=%s made=empty", name)
        except ServiceError as problem:
            return str(problem)
        return f"no table {', '.join(missing)} yet" if missing else None


def table_specs() -> dict[str, Json]:
    """The data schema of every table, by name; the feeds' before those that batch jobs alone write."""
    found: dict[str, Json] = {feed.table: read_spec(feed.table)["spec"]["dataSchema"] for feed in stored_feeds()}
    for spec in batch_specs():
        schema = spec.get("spec", {}).get("dataSchema")
        if schema is not None:
            found.setdefault(schema["dataSource"], schema)
    return found


def empty_table(schema: Json) -> Json:
    """A task that writes the one empty row of a table, whatever else the table holds."""
    granularity = {"type": "uniform", "segmentGranularity": "DAY", "queryGranularity": "NONE", "rollup": True}
    return {
        "type": "index_parallel",
        "spec": {
            "dataSchema": {
                "dataSource": schema["dataSource"],
                "timestampSpec": {"column": "time_ms", "format": "millis"},
                "dimensionsSpec": schema["dimensionsSpec"],
                "metricsSpec": [_uncounted(metric) for metric in schema.get("metricsSpec", ())],
                "granularitySpec": granularity | {"intervals": [_EPOCH]},
            },
            "ioConfig": {
                "type": "index_parallel",
                "inputSource": {"type": "inline", "data": '{"time_ms": 0}'},
                "inputFormat": {"type": "json"},
                "appendToExisting": False,
            },
            "tuningConfig": {"type": "index_parallel", "partitionsSpec": {"type": "dynamic"}},
        },
    }


def _uncounted(metric: Mapping[str, Any]) -> Json:
    """Replaces a metric that counts rows by a sum, so that the empty row is not counted."""
    named = metric.get("aggregator", metric)
    if named["type"] == "count":
        return {"type": "longSum", "name": named["name"], "fieldName": named["name"]}
    return dict(named)
