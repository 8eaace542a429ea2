"""Parses the SQL of dashboards' datasets: fills in its templates, and finds its tables and its columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import jinja2
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from gridflex.errors import SchemaError

ALL_COLUMNS = "*"
_DIALECT = "druid"
_MINUTES = 30


def read_sql(sql: str) -> list[exp.Expression]:
    """What Superset makes of a dataset's SQL: when nothing is chosen, and when everything is.

    Raises ``SchemaError`` if a template names something that there is not, or the SQL cannot be parsed.
    """
    try:
        return list(_parsed(sql))
    except (jinja2.TemplateError, SqlglotError) as problem:
        raise SchemaError(f"the SQL cannot be read: {_first_line(problem)}") from None


def tables_read(sql: str) -> set[str]:
    """The data sources that an SQL query reads.

    >>> sorted(tables_read("SELECT region FROM (SELECT region FROM powerraw) JOIN outlook USING (region)"))
    ['outlook', 'powerraw']
    """
    return {table.name for tree in read_sql(sql) for table in tree.find_all(exp.Table) if table.name}


def columns_given(sql: str) -> set[str]:
    """The columns of its answer, whatever is chosen; ``ALL_COLUMNS``: also all that its table has.

    >>> sorted(columns_given("SELECT *, {{ 'a' if filter_values('region') else 'b' }} AS level, on_s FROM dutycycle"))
    ['*', 'level', 'on_s']
    >>> sorted(columns_given("SELECT * FROM (SELECT region, AVG(bias) AS mean_bias FROM baseline_score GROUP BY 1)"))
    ['mean_bias', 'region']
    """
    return set.intersection(*(_given(tree) for tree in read_sql(sql)))


def columns_used(expression: str) -> set[str]:
    """The columns in an expression of SQL.

    >>> sorted(columns_used('SUM(on_s) FILTER (WHERE "level" = \\'on\\') / COUNT(DISTINCT house_id)'))
    ['house_id', 'level', 'on_s']
    """
    return {column.name for tree in read_sql(expression) for column in tree.find_all(exp.Column)}


@lru_cache(maxsize=1024)
def _parsed(sql: str) -> tuple[exp.Expression, ...]:
    """The parsed SQL, cached by its text: no caller changes the trees."""
    return tuple(sqlglot.parse_one(text, dialect=_DIALECT) for text in _filled_in(sql))


def _given(tree: exp.Expression) -> set[str]:
    names = {*tree.named_selects} if isinstance(tree, exp.Query) else set[str]()
    if ALL_COLUMNS not in names:
        return names
    sources = [one.this for one in (tree.find(exp.From), *(tree.args.get("joins") or ())) if one]
    inner = [_given(one.this) if isinstance(one, exp.Subquery) else {ALL_COLUMNS} for one in sources]
    return set.union(names - {ALL_COLUMNS}, *inner)


def _filled_in(sql: str) -> Iterator[str]:
    """As Superset fills it in: see ``JINJA_CONTEXT_ADDONS`` and ``guards.templates`` for the names."""
    templates = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701 - no page
    templates.filters["where_in"] = _where_in
    template = templates.from_string(sql)
    for chosen in ([], ["x"]):
        yield template.render(
            filter_values=lambda _, chosen=chosen: chosen,
            from_dttm="2026-01-01T00:00:00" if chosen else None,
            to_dttm="2026-01-02T00:00:00" if chosen else None,
            time_grain="PT1H" if chosen else None,
            current_user_roles=lambda: None,
            interval_minutes=_MINUTES,
            region_tiles="('Tunis', '2/4')",
            shell_word=str,
            slot_of=lambda *_: f"PT{_MINUTES}M",
            sums_of_circuits="'mains'",
        )


def _where_in(values: Sequence[Any]) -> str:
    return f"({', '.join(repr(str(value)) for value in values)})"


def _first_line(problem: Exception) -> str:
    return str(problem).partition("\n")[0]
