"""Checks that a query of a user who may not explore is one that a saved chart sends.

The effective query objects are looked at, whatever words of the payload they came from. What is not known is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from guards.saved_charts import SavedChart, frozen, normal

_OPERATIONS = {"pivot", "flatten", "rename", "rank", "contribution", "sort"}
"""Steps after the query that pages send and whose cost is that of the answer."""
_CHOOSING = {"IN", "NOT IN", "==", "!="}
_VALUES, _LETTERS, _ROWS, _QUERIES, _STEPS_LETTERS = 1000, 256, 10_000, 4, 20_000
_RANGE = re.compile(r"[\w\s:.,()'+\-/]{0,200}", re.ASCII)
_MUST_BE_EMPTY = ("annotation_layers", "time_offsets", "time_shift", "inner_from_dttm", "inner_to_dttm", "is_rowcount")
_EXTRAS = {"time_grain_sqla", "where", "having", "relative_start", "relative_end"}
_AXIS = {"columnType", "expressionType", "sqlExpression", "label", "timeGrain", "isColumnReference"}
_FILTER = {"col", "op", "val", "isExtra", "grain"}


def payload_problem(context: Any, charts: Sequence[SavedChart]) -> str | None:
    """Why no chart of its data set sends a query context; None if one does.

    ``context``: with ``result_type``, ``result_format`` and ``queries``, as Superset makes it.
    """
    if str(context.result_type) not in {"full", "results"} or str(context.result_format) != "json":
        return f"an answer as {context.result_type}, {context.result_format}"
    if not 1 <= len(context.queries) <= _QUERIES:
        return f"{len(context.queries)} queries"
    told = "no saved chart has this data set"
    for chart in charts:
        told = next((found for query in context.queries if (found := _query_problem(query, chart))), "")
        if not told:
            return None
    return told


def _query_problem(query: Any, chart: SavedChart) -> str | None:
    if query.result_type is not None and str(query.result_type) not in {"full", "results"}:
        return f"an answer as {query.result_type}"
    for name in _MUST_BE_EMPTY:
        if getattr(query, name, None):
            return f"{name} of its own"
    if not isinstance(query.row_limit, int | None) or not isinstance(query.series_limit, int | None):
        return "a limit that is no number"
    if (query.row_limit or 0) > _ROWS or query.row_offset:
        return f"more than {_ROWS} rows, or rows from the middle"
    limit = [query.series_limit_metric] if query.series_limit_metric else []
    looks: tuple[tuple[str, Iterable[Any], Callable[[Any, SavedChart], bool]], ...] = (
        ("column", [*query.columns, *query.series_columns], _is_column),
        ("metric", [*(query.metrics or ()), *limit], _is_metric),
        ("order", query.orderby, _is_order),
        ("filter", query.filter, _is_filter),
        ("time column", [query.granularity] if query.granularity else [], lambda one, chart: one in chart.times),
        ("time range", [query.time_range] if query.time_range else [], lambda one, _: _is_range(one)),
        ("extra", query.extras.items(), _is_extra),
        ("step", query.post_processing, lambda one, _: _is_step(one)),
    )  # fmt: skip
    for what, found, allowed in looks:
        for one in found:
            if not allowed(one, chart):
                return f"{what} {frozen(one)[:120]}"
    return None


def _is_column(one: Any, chart: SavedChart) -> bool:
    if isinstance(one, dict):
        named = one.get("sqlExpression"), one.get("label")
        known = one.keys() <= _AXIS and all(isinstance(name, str) and name in chart.columns for name in named)
        return known and one.get("timeGrain") in {None, *chart.grains}
    return isinstance(one, str) and one in chart.columns


def _is_metric(one: Any, chart: SavedChart) -> bool:
    return frozen(one) in chart.metrics


def _is_order(one: Any, chart: SavedChart) -> bool:
    if not isinstance(one, list | tuple) or len(one) != 2 or not isinstance(one[1], bool):
        return False
    return _is_metric(one[0], chart) or _is_column(one[0], chart)


def _is_filter(one: Any, chart: SavedChart) -> bool:
    if not isinstance(one, dict) or not one.keys() <= _FILTER or not isinstance(one.get("col"), str):
        return False
    column, operator, value = one["col"], one.get("op"), one.get("val")
    if one.get("grain") not in {None, *chart.grains}:
        return False
    if operator == "TEMPORAL_RANGE":
        return column in chart.times and _is_range(value)
    if frozen([column, operator, value]) in chart.filters:
        return True
    values = value if isinstance(value, list | tuple) else [value]
    return column in chart.filterable and operator in _CHOOSING and len(values) <= _VALUES and all(map(_plain, values))


def _plain(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= _LETTERS
    return value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value))


def _is_range(value: Any) -> bool:
    return isinstance(value, str) and _RANGE.fullmatch(value) is not None


def _is_extra(pair: tuple[str, Any], chart: SavedChart) -> bool:
    name, value = pair
    if name not in _EXTRAS:
        return False
    if name == "time_grain_sqla":
        return value is None or value in chart.grains
    if name == "where":
        return not value or (isinstance(value, str) and normal(value) in chart.wheres)
    return value in {"now", "today"} if name.startswith("relative") else not value


def _is_step(one: Any) -> bool:
    return isinstance(one, dict) and one.get("operation") in _OPERATIONS and len(frozen(one)) <= _STEPS_LETTERS
