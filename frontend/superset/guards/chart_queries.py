"""Reads from Superset's metadata which queries its saved charts send, again whenever a chart has changed."""

from __future__ import annotations

import json
import threading
from typing import Any

from sqlalchemy import func

from guards.saved_charts import SavedChart, choices, saved_chart

_lock = threading.Lock()
_known: tuple[Any, dict[int, list[SavedChart]]] = (None, {})


def charts_of(session: Any, datasource: Any) -> list[SavedChart]:
    """All queries that charts and native filters send to a data set; none if it is not a data set."""
    global _known  # noqa: PLW0603
    if getattr(datasource, "type", None) != "table":
        return []
    stamp = _stamp(session)
    with _lock:
        if _known[0] != stamp:
            _known = stamp, _read(session)
        return _known[1].get(int(datasource.id), [])


def _stamp(session: Any) -> tuple[Any, ...]:
    """A value that differs when any chart, dashboard or data set has changed."""
    from superset.connectors.sqla.models import SqlaTable
    from superset.models.dashboard import Dashboard, dashboard_slices
    from superset.models.slice import Slice

    found: list[Any] = [session.query(func.count(dashboard_slices.c.id)).scalar()]
    for model in (Slice, Dashboard, SqlaTable):
        found += session.query(func.count(model.id), func.max(model.changed_on)).one()
    return tuple(found)


def _read(session: Any) -> dict[int, list[SavedChart]]:
    from superset.connectors.sqla.models import SqlaTable
    from superset.models.dashboard import Dashboard
    from superset.models.slice import Slice

    times = {table.id: [one.column_name for one in table.columns if one.is_dttm] for table in session.query(SqlaTable)}
    filterable: dict[int, set[str]] = {}
    targets: dict[tuple[int, str], set[str]] = {}
    for dashboard in session.query(Dashboard):
        found = list(_targets(dashboard))
        columns = {column for _, column in found}
        for chart in dashboard.slices:
            filterable.setdefault(chart.id, set()).update(columns)
        for target in found:
            targets.setdefault(target, set()).update(columns)
    questions: dict[int, list[SavedChart]] = {}
    for (dataset, column), columns in targets.items():
        question = choices(str(dataset), column, columns, times.get(dataset, ()))
        questions.setdefault(dataset, []).append(question)
    for chart in session.query(Slice):
        asked = saved_chart(
            chart.slice_name, chart.params_dict, filterable.get(chart.id, ()), times.get(chart.datasource_id, ())
        )
        questions.setdefault(chart.datasource_id, []).append(asked)
    return questions


def _targets(dashboard: Any) -> list[tuple[int, str]]:
    """Data set and column of each native filter that has them."""
    metadata = json.loads(dashboard.json_metadata or "{}")
    found = []
    for one in metadata.get("native_filter_configuration") or ():
        for target in one.get("targets") or ():
            column = (target.get("column") or {}).get("name")
            if column and target.get("datasetId"):
                found.append((int(target["datasetId"]), str(column)))
    return found
