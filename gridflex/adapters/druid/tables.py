"""Tables that have no row yet: to Druid they do not exist, and whatever asks for them fails.

A table is made by one row of 1970 that carries nothing: no name, no energy, no count.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from gridflex.adapters.druid.client import Druid
from gridflex.adapters.druid.specs import SPEC_DIR
from gridflex.config import Config
from gridflex.errors import ServiceError

log = logging.getLogger(__name__)

Json = dict[str, Any]
_EPOCH = "1970-01-01/1970-01-02"


class EmptyTables:
    """Makes every table of ``database/druid_specs`` that Druid does not know."""

    def __init__(self, config: Config) -> None:
        self._druid = Druid(config.druid)
        self._specs = table_specs()
        self._asked: set[str] = set()

    def advance(self) -> str | None:
        """Ask for each missing table once; gives what is lacking still, nothing once all can be asked for."""
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
    """The data schema of every table, by name; a stream's before a batch's."""
    found: dict[str, Json] = {}
    for path in sorted(SPEC_DIR.glob("*.json"), key=lambda path: path.stem.startswith("batch_")):
        schema = json.loads(path.read_text(encoding="utf-8")).get("spec", {}).get("dataSchema")
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
    """A metric that counts rows would count the empty one: here it is a sum of nothing."""
    named = metric.get("aggregator", metric)
    if named["type"] == "count":
        return {"type": "longSum", "name": named["name"], "fieldName": named["name"]}
    return dict(named)
