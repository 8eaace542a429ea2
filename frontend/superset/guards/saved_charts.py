"""Derives from saved charts the columns, metrics, filters, time grains and custom SQL that they may ask for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from guards.calcite import parse_one, unreadable

Doc = Mapping[str, Any]

_COLUMNS = ("groupby", "groupby_b", "all_columns", "groupbyRows", "groupbyColumns", "x_axis", "y_axis", "columns")
_METRICS = ("metrics", "metrics_b", "percent_metrics", "metric", "size", "x", "y", "timeseries_limit_metric")


def frozen(value: Any) -> str:
    """A value as canonical text, by which two values are compared."""
    return json.dumps(value, sort_keys=True, default=str)


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedChart:
    """What one saved chart may query, or one native filter's list of choices, which queries one column."""

    name: str
    columns: frozenset[str]
    metrics: frozenset[str]
    """Names and expressions, frozen."""
    filters: frozenset[str]
    """The chart's own simple filters, frozen triples of column, operator and value."""
    wheres: frozenset[str]
    """The chart's own custom SQL, each as sqlglot writes it."""
    grains: frozenset[str]
    filterable: frozenset[str]
    """Columns of the native filters of the dashboards on which it stands."""
    times: frozenset[str]
    """Columns that a time range may name."""


def saved_chart(name: str, params: Doc, filterable: Iterable[str], times: Iterable[str]) -> SavedChart:
    """The queries that a chart with these parameters may send."""
    own = [one for one in params.get("adhoc_filters") or () if isinstance(one, dict)]
    simple = [one for one in own if one.get("expressionType") == "SIMPLE"]
    custom = [one["sqlExpression"] for one in own if one.get("expressionType") == "SQL"]
    ranges = {one["subject"] for one in simple if one.get("operator") == "TEMPORAL_RANGE"}
    columns = frozenset(one for one in _listed(params, _COLUMNS) if isinstance(one, str))
    return SavedChart(
        name=name,
        columns=columns | frozenset(_ordered(params)),
        metrics=frozenset(map(frozen, _listed(params, _METRICS))),
        filters=frozenset(
            frozen([one["subject"], one["operator"], one["comparator"]])
            for one in simple
            if one["operator"] != "TEMPORAL_RANGE"
        ),
        wheres=frozenset([text for one in custom if (text := normal(one))] + [normal(joined(custom)) or ""]),
        grains=frozenset(one for one in [params.get("time_grain_sqla")] if one),
        filterable=frozenset(filterable),
        times=frozenset(times) | ranges,
    )


def choices(dataset: str, column: str, filterable: Iterable[str], times: Iterable[str]) -> SavedChart:
    """The query by which a native filter lists its choices."""
    empty: frozenset[str] = frozenset()
    return SavedChart(
        name=f"the filter by {column} of {dataset}", columns=frozenset([column]), metrics=empty, filters=empty,
        wheres=frozenset([""]), grains=empty, filterable=frozenset(filterable), times=frozenset(times),
    )  # fmt: skip


def joined(custom: Iterable[str]) -> str:
    """Joins several expressions of custom SQL into one, as Superset's pages do."""
    return " AND ".join(f"({one})" for one in custom)


def normal(sql: str) -> str | None:
    """Custom SQL without extra spaces and outer brackets; None if it cannot be parsed."""
    if not sql.strip():
        return ""
    if unreadable(sql):
        return None
    try:
        return parse_one(f"SELECT 1 WHERE {sql}").args["where"].this.unnest().sql("druid")
    except (ValueError, KeyError, AttributeError):
        return None


def _listed(params: Doc, keys: Iterable[str]) -> Iterator[Any]:
    for key in keys:
        found = params.get(key)
        yield from found if isinstance(found, list) else [found] if found else []


def _ordered(params: Doc) -> Iterator[str]:
    for one in params.get("order_by_cols") or ():
        yield str(json.loads(one)[0])
