"""Builds the query of a chart from its parameters; Superset stores it to query charts without a page."""

from __future__ import annotations

from typing import Any

Params = dict[str, Any]

_DEFAULT_ROWS = 1000


def query_context(params: Params) -> Params:
    """Superset's ``query_context``, without the data source, which the import fills in."""
    queries = [_query(params)]
    if params["viz_type"] == "mixed_timeseries":
        queries.append(_query(params | {name: params.get(f"{name}_b", []) for name in ("metrics", "groupby")}))
    return {
        "datasource": {"id": 0, "type": "table"},
        "force": False,
        "queries": queries,
        "form_data": params,
        "result_format": "json",
        "result_type": "full",
    }


def metrics_of(params: Params) -> list[Any]:
    """Every metric of a chart, by name or as an expression of its own."""
    found = [*params.get("metrics", ()), *params.get("metrics_b", ()), *params.get("percent_metrics", ())]
    found += [params[key] for key in ("metric", "size", "x", "y", "timeseries_limit_metric") if params.get(key)]
    return list({str(one): one for one in found}.values())


def columns_of(params: Params) -> list[str]:
    """Every column by which a chart groups or that it shows."""
    group = params.get("groupby", ())
    found = [
        *([group] if isinstance(group, str) else group),
        *params.get("groupby_b", ()),
        *params.get("all_columns", ()),
    ]
    found += [*params.get("groupbyRows", ()), *params.get("groupbyColumns", ())]
    found += [params[key] for key in ("x_axis", "y_axis") if isinstance(params.get(key), str)]
    found += [one["subject"] for one in params.get("adhoc_filters", ()) if one["expressionType"] == "SIMPLE"]
    return list(dict.fromkeys(found))


def _query(params: Params) -> Params:
    heatmap = params["viz_type"] == "heatmap_v2"
    columns: list[Any] = []
    if params.get("x_axis") and not heatmap:
        columns.append(_axis(params))
    elif heatmap:
        columns.append(params["x_axis"])
    columns += params.get("groupby", []) if not heatmap else [params["groupby"]]
    raw = params.get("query_mode") == "raw"
    if raw:
        columns = list(params["all_columns"])
    metrics = (
        [] if raw else list(params.get("metrics") or [params["metric"]] if "metric" in params else params["metrics"])
    )
    return {
        "columns": columns,
        "metrics": metrics,
        "filters": _filters(params),
        "extras": {"having": "", "where": _where(params)} | _grain(params),
        "orderby": _order(params, metrics),
        "row_limit": params.get("row_limit", _DEFAULT_ROWS),
        "series_limit": params.get("limit", 0),
        "order_desc": True,
        "time_range": _time_range(params),
        "annotation_layers": [],
    }


def _axis(params: Params) -> Params:
    axis = {"columnType": "BASE_AXIS", "expressionType": "SQL", "label": params["x_axis"]}
    grain = {"timeGrain": params["time_grain_sqla"]} if params.get("time_grain_sqla") else {}
    return axis | {"sqlExpression": params["x_axis"]} | grain


def _grain(params: Params) -> Params:
    """The time grain again, where data sets' SQL finds it."""
    return {"time_grain_sqla": params["time_grain_sqla"]} if params.get("time_grain_sqla") else {}


def _filters(params: Params) -> list[Params]:
    return [
        {"col": one["subject"], "op": one["operator"], "val": one["comparator"]}
        for one in params.get("adhoc_filters", ())
        if one["expressionType"] == "SIMPLE"
    ]


def _where(params: Params) -> str:
    own = [one["sqlExpression"] for one in params.get("adhoc_filters", ()) if one["expressionType"] == "SQL"]
    return " AND ".join(f"({one})" for one in own)


def _order(params: Params, metrics: list[Any]) -> list[list[Any]]:
    if params.get("order_by_cols"):
        import json

        return [json.loads(one) for one in params["order_by_cols"]]
    if params.get("x_axis") or not metrics or params["viz_type"].startswith("big_number"):
        return []
    return [[params.get("timeseries_limit_metric") or metrics[0], not params.get("order_desc", True)]]


def _time_range(params: Params) -> str:
    ranges = [one["comparator"] for one in params.get("adhoc_filters", ()) if one.get("operator") == "TEMPORAL_RANGE"]
    return str(ranges[0]) if ranges else "No filter"
