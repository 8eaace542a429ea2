"""What people who do not explore may ask: what a saved chart asks, with its dashboards' filters."""

from types import SimpleNamespace
from typing import Any

import pytest
from guards.payloads import payload_problem
from guards.saved_charts import choices, saved_chart

PARAMS = {
    "viz_type": "echarts_area",
    "x_axis": "__time",
    "time_grain_sqla": "PT15M",
    "metrics": ["demand_kw"],
    "groupby": ["region"],
    "adhoc_filters": [
        {"expressionType": "SIMPLE", "subject": "__time", "operator": "TEMPORAL_RANGE", "comparator": "Current day"},
        {"expressionType": "SIMPLE", "subject": "kind", "operator": "==", "comparator": "window"},
        {"expressionType": "SQL", "sqlExpression": "__time < TIME_FLOOR(CURRENT_TIMESTAMP, 'PT1M')"},
    ],
}
CHARTS = [
    saved_chart("Demand by region", PARAMS, ["region", "feeder"], ["__time"]),
    choices("places", "feeder", ["region", "feeder"], []),
]
AXIS = {"columnType": "BASE_AXIS", "expressionType": "SQL", "sqlExpression": "__time", "label": "__time",
        "timeGrain": "PT15M"}  # fmt: skip
WHERE = "(__time < TIME_FLOOR(CURRENT_TIMESTAMP, 'PT1M'))"
SQL = {"expressionType": "SQL", "label": "x"}


def query(**changed: Any) -> Any:
    asked: dict[str, Any] = {
        "columns": [AXIS, "region"], "series_columns": ["region"], "metrics": ["demand_kw"],
        "series_limit_metric": None,
        "orderby": [["demand_kw", False]], "granularity": None, "time_range": "Current day",
        "filter": [{"col": "__time", "op": "TEMPORAL_RANGE", "val": "Current day"},
                   {"col": "kind", "op": "==", "val": "window"},
                   {"col": "region", "op": "IN", "val": ["Sousse", "Le Kef"]}],
        "extras": {"time_grain_sqla": "PT15M", "where": WHERE, "having": ""},
        "post_processing": [{"operation": "pivot", "options": {}}, {"operation": "flatten"}],
        "row_limit": 10_000, "row_offset": 0, "series_limit": 0, "result_type": "full", "annotation_layers": [],
        "time_offsets": [], "time_shift": None, "inner_from_dttm": None, "inner_to_dttm": None, "is_rowcount": False,
    }  # fmt: skip
    return SimpleNamespace(**(asked | changed))


def context(*queries: Any, **changed: Any) -> Any:
    asked = {"queries": list(queries), "result_type": "full", "result_format": "json"}
    return SimpleNamespace(**(asked | changed))


def test_question__of_a_saved_chart_and_of_a_filter_is_allowed() -> None:
    assert payload_problem(context(query(), query(filter=[])), CHARTS) is None
    chosen = {"columns": ["feeder"], "series_columns": [], "metrics": [], "extras": {}, "post_processing": []}
    rest = {"orderby": [["feeder", True]], "filter": [{"col": "region", "op": "IN", "val": ["Sousse"]}]}
    assert payload_problem(context(query(**chosen, **rest)), CHARTS) is None


REFUSED: dict[str, dict[str, Any]] = {
    "column": {"columns": ["region", "house_id"]},
    "free column": {"columns": [AXIS | {"sqlExpression": "(SELECT 1)"}]},
    "column by another word": {"columns": [AXIS | {"label": 'x", (SELECT 1) AS "y'}]},
    "grain of an axis": {"columns": [AXIS | {"timeGrain": "PT1S"}]},
    "key of an axis": {"columns": [AXIS | {"hasCustomLabel": True}]},
    "series": {"series_columns": ["house_id"]},
    "metric": {"metrics": ["energy_kwh"]},
    "free metric": {"metrics": [SQL | {"sqlExpression": "COUNT(*)"}]},
    "metric of the series' limit": {"series_limit_metric": SQL | {"sqlExpression": "COUNT(*)"}},
    "order": {"orderby": [["house_id", True]]},
    "free order": {"orderby": [[SQL | {"sqlExpression": "(SELECT 1)"}, True]]},
    "order without a direction": {"orderby": [["demand_kw"]]},
    "where": {"extras": {"where": "1 = 1"}},
    "where that goes on": {"extras": {"where": f"{WHERE} OR (1 = 1)"}},
    "where that has a comment": {"extras": {"where": f"{WHERE} /* x */"}},
    "having": {"extras": {"having": "SUM(x) > 1"}},
    "grain": {"extras": {"time_grain_sqla": "PT1S"}},
    "another dialect": {"extras": {"transpile_to_dialect": True}},
    "unknown extra": {"extras": {"x": 1}},
    "filter's column": {"filter": [{"col": "house_id", "op": "IN", "val": ["h"]}]},
    "free filter": {"filter": [{"col": SQL | {"sqlExpression": "1"}, "op": "IN", "val": ["h"]}]},
    "filter's operator": {"filter": [{"col": "region", "op": "LIKE", "val": "%"}]},
    "filter's value": {"filter": [{"col": "region", "op": "IN", "val": [{"a": 1}]}]},
    "own filter, another value": {"filter": [{"col": "kind", "op": "==", "val": "activation"}]},
    "time of another column": {"filter": [{"col": "region", "op": "TEMPORAL_RANGE", "val": "Last day"}]},
    "time range": {"time_range": "x; SELECT 1"},
    "time column": {"granularity": "region"},
    "step": {"post_processing": [{"operation": "resample", "options": {"rule": "1N"}}]},
    "annotation": {"annotation_layers": [{"sourceType": "table", "value": 1}]},
    "other times": {"time_offsets": ["1 year ago"]},
    "number of rows": {"is_rowcount": True},
    "many rows": {"row_limit": 10_001},
    "later rows": {"row_offset": 1},
    "samples": {"result_type": "samples"},
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_question__that_no_chart_asks_is_refused(what: str) -> None:
    assert payload_problem(context(query(**REFUSED[what])), CHARTS)
    assert payload_problem(context(query(), query(**REFUSED[what])), CHARTS), "the second of two"


@pytest.mark.parametrize("kind", ["query", "samples", "drill_detail", "columns", "timegrains", "post_processed"])
def test_answer__of_another_kind_is_refused(kind: str) -> None:
    assert payload_problem(context(query(), result_type=kind), CHARTS)


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_answer__as_a_file_is_refused(form: str) -> None:
    assert payload_problem(context(query(), result_format=form), CHARTS)


def test_question__may_not_be_put_together_of_two_charts() -> None:
    both = query(
        columns=["feeder"], series_columns=[], metrics=["demand_kw"], orderby=[], extras={}, post_processing=[]
    )
    assert payload_problem(context(both), CHARTS)


def test_data_set__without_a_chart_may_not_be_asked() -> None:
    assert payload_problem(context(query()), [])
