"""Checks free SQL of users who may explore: expressions over the data set's own columns and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from guards.calcite import fragment_problem

_TEMPLATE = ("{{", "{%", "{#")


def free_sql_problem(context: Any, templates: bool) -> str | None:
    """What is wrong with the free SQL of a query context; None if all of it is allowed.

    ``templates``: whether Jinja may stand in it.
    """
    for query in context.queries:
        for where, sql in _fragments(query):
            if any(mark in sql for mark in _TEMPLATE):
                if templates:
                    continue  # looked at once more by Superset, when it is SQL
                return f"a template in {where}"
            if found := fragment_problem(sql):
                return f"free SQL in {where}: {found}"
    return None


def _fragments(query: Any) -> Iterator[tuple[str, str]]:
    for key in ("where", "having"):
        if query.extras.get(key):
            yield key, str(query.extras[key])
    named: list[tuple[str, Any]] = [
        ("a column", [*query.columns, *query.series_columns]),
        ("a metric", [*(query.metrics or ()), query.series_limit_metric]),
        ("an order", [one[0] for one in query.orderby if one]),
        ("a filter", [one.get("col") for one in query.filter]),
    ]
    for where, found in named:
        for one in found:
            if isinstance(one, dict) and one.get("sqlExpression"):
                yield where, str(one["sqlExpression"])
