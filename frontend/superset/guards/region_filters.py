"""Checks the final SQL of users of one region: each scan of a table with a region is filtered by that region.

Independent of Superset's row-level security, which writes the predicates: what it forgets or puts in the wrong place
is refused here. What cannot be read for certain is refused too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlglot import exp

from guards.calcite import parse_one, unreadable

REGION = "region"
_SCHEMA = "druid"


def scan_problem(sql: str, regions: Collection[str], sources: Mapping[str, bool]) -> str | None:
    """Why a person of some regions may not run the SQL; nothing if all it reads is theirs.

    ``sources``: Druid's data sources, and whether their rows belong to a region. Others may not be read.
    """
    if found := unreadable(sql):
        return found
    try:
        tree = parse_one(sql)
    except ValueError as problem:
        return str(problem)
    tables = (_table_problem(table, regions, sources) for table in tree.find_all(exp.Table))
    return _shape_problem(tree) or next((found for found in tables if found), None)


def _shape_problem(tree: exp.Expression) -> str | None:
    """What in a statement is not a SELECT of tables, of other SELECTs and of values; None if nothing is."""
    if not isinstance(tree, exp.Select | exp.SetOperation):
        return f"it is no SELECT but {type(tree).__name__}"
    if found := tree.find(exp.DDL, exp.DML, exp.Command, exp.Into, exp.With):
        return f"it has a {type(found).__name__}"  # a name of WITH may hide a table's
    for part in tree.find_all(exp.From, exp.Join):
        if not isinstance(part.this, exp.Table | exp.Subquery | exp.Values):
            return f"it reads from {type(part.this).__name__}"
    return None


def _table_problem(table: exp.Table, regions: Collection[str], sources: Mapping[str, bool]) -> str | None:
    if not isinstance(table.this, exp.Identifier) or not isinstance(table.parent, exp.From | exp.Join):
        return "it names a table in an unknown place"
    if table.catalog or table.db not in {"", _SCHEMA} or table.name not in sources:
        return f"it reads {table.sql()}, which nobody has said to be free of regions"
    if not sources[table.name]:
        return None
    if _held(table, regions):
        return None
    return f"it reads {table.name} without the predicate of the region"


def _held(table: exp.Table, regions: Collection[str]) -> bool:
    """Whether the SELECT that reads the table, alone and as it is, lets rows of the regions through and no others."""
    select = table.parent_select
    if (
        not isinstance(select, exp.Select)
        or not isinstance(table.parent, exp.From)
        or table.parent.parent is not select
    ):
        return False
    extras = {key for key, value in table.args.items() if value} - {"this", "db", "alias"}
    renamed = table.args.get("alias")
    if extras or (renamed is not None and renamed.args.get("columns")):
        return False
    if select.args.get("laterals") or not all(map(_only_adds, select.args.get("joins") or ())):
        return False
    where = select.args.get("where")
    return where is not None and any(_is_region(one, table, regions) for one in _conjuncts(where.this))


def _only_adds(join: exp.Join) -> bool:
    """Whether a join, as of a chart's greatest series, leaves the column of the region unambiguous.

    What stands in WHERE holds for all rows of the join, so that the table's foreign rows are gone from each of them.
    """
    return isinstance(join.this, exp.Subquery) and not join.args.get("using") and not join.args.get("method")


def _conjuncts(condition: exp.Expression) -> list[exp.Expression]:
    while isinstance(condition, exp.Paren):
        condition = condition.this
    if isinstance(condition, exp.And):
        return [*_conjuncts(condition.this), *_conjuncts(condition.expression)]
    return [condition]


def _is_region(condition: exp.Expression, table: exp.Table, regions: Collection[str]) -> bool:
    if not isinstance(condition, exp.EQ):
        return False
    column, value = condition.this, condition.expression
    mine = isinstance(column, exp.Column) and column.name == REGION and column.table in {"", table.alias_or_name}
    return mine and isinstance(value, exp.Literal) and value.is_string and value.this in regions
