"""Payloads for chart data, made of what saved charts ask: with sqlglot, and by spoiling letters and values."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from typing import Any

from sqlglot import exp

Payload = dict[str, Any]

REGIONS = ("Sousse", "Nabeul", "Kebili", "Mahdia", "Ariana")
TABLES = ("powerraw", "outlook", "forecast", "druid.powerraw", "sys.segments", "INFORMATION_SCHEMA.TABLES")
NAMES = ("region", "feeder", "house_id", "appliance", "demand_kw", "power_kw", "__time", "energy_wh", "dataset")
TRICKS = ("/*", "*/", "/* /* */", "--", "//", "\n", "\r", "'", '"', ")", "(", ";", "''", "\\", "\0", "U&'\\0041'", "`",
          "{{ 1 }}", "{% if 1 %}", "{#", "/*+ x */", "\u2028", "?", "%s", " OR 1=1 ",
          " UNION ALL SELECT region FROM outlook ",
          ", (SELECT MAX(region) FROM powerraw) AS leak", " IS NOT TRUE", "ʼ", "−−")  # fmt: skip
PATTERNS = (
    "1=1 {open} ) OR (1=1 {close}",
    "1 {open} , (SELECT COUNT(*) FROM {table}) AS leak {close}",
    "region = 'Sousse') OR (region = '{other}'",
    "region IN (SELECT region FROM {table})",
    "EXISTS (SELECT 1 FROM {table} WHERE region = '{other}')",
    "1=1) UNION ALL SELECT region FROM {table} WHERE (1=1",
    "(SELECT LISTAGG(region, ',') FROM {table})",
    "CASE WHEN (SELECT MAX(region) FROM {table}) > 'M' THEN 1 ELSE 0 END",
    "1=1 GROUP BY 1 HAVING (1=1",
    "region = '{other}' {open}",
)
COMMENTS = (("/* /* */", "-- */"), ("//", "\n"), ("--", "\n"), ("/*", "*/"), ("/*+", "*/"), ("/*/", "/*/"), ("", ""))
KINDS = ("full", "results", "query", "samples", "drill_detail", "columns", "timegrains", "post_processed")
SOURCES = ("table", "query", "saved_query", "sl_table", "view", "dataset", "TABLE", "")
OPERATORS = ("IN", "NOT IN", "==", "!=", "LIKE", "ILIKE", "IS NULL", "IS NOT NULL", ">", "TEMPORAL_RANGE", "IS TRUE")


def payloads(saved: Sequence[Payload], count: int, seed: int) -> Iterator[Payload]:
    """As many payloads; the same for the same seed. ``saved``: what saved charts and filters ask, each mutated."""
    chance = random.Random(seed)
    for _ in range(count):
        payload = deepcopy(chance.choice(saved))
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            chance.choice(MUTATIONS)(payload, chance)
        yield payload


def sql(chance: random.Random) -> str:
    """A piece of SQL that would show more than it may, well formed or not."""
    made = _by_sqlglot(chance) if chance.random() < 0.25 else _by_pattern(chance)
    for _ in range(chance.choice((0, 0, 1, 2, 4))):
        place = chance.randrange(len(made) + 1)
        cut = place + chance.choice((0, 0, 0, 1, 3))
        made = made[:place] + chance.choice(TRICKS) + made[cut:]
    return made


def _by_pattern(chance: random.Random) -> str:
    opened, closed = chance.choice(COMMENTS)
    words = {"open": opened, "close": closed, "table": chance.choice(TABLES), "other": chance.choice(REGIONS)}
    return chance.choice(PATTERNS).format(**words)


def _by_sqlglot(chance: random.Random, depth: int = 2) -> str:
    return _expression(chance, depth).sql(chance.choice(("druid", "mysql", "postgres", "oracle", "bigquery", "tsql")))


def _expression(chance: random.Random, depth: int) -> exp.Expression:
    column = exp.column(chance.choice(NAMES), quoted=chance.random() < 0.3)
    if depth == 0:
        return exp.EQ(this=column, expression=exp.Literal.string(chance.choice(REGIONS)))

    def deeper() -> exp.Expression:
        return _expression(chance, depth - 1)

    def inner() -> exp.Select:
        made = _select(exp.column(chance.choice(NAMES)), chance).where(deeper())
        if chance.random() < 0.3:
            made.comments = [chance.choice(TRICKS)]
        return made

    makers: tuple[Callable[[], exp.Expression], ...] = (
        lambda: exp.In(this=column, query=exp.Subquery(this=inner())),
        lambda: exp.Exists(this=inner()),
        lambda: exp.Or(this=deeper(), expression=exp.true()),
        lambda: exp.Not(this=exp.Paren(this=deeper())),
        lambda: exp.Subquery(this=_select(exp.Max(this=column), chance)),
        lambda: exp.Union(this=inner(), expression=_select(column, chance), distinct=False),
        lambda: exp.Case().when(deeper(), exp.Literal.number(1)).else_(exp.Subquery(this=inner())),
        lambda: exp.And(this=deeper(), expression=deeper()),
    )
    return chance.choice(makers)()


def _select(what: exp.Expression, chance: random.Random) -> exp.Select:
    schema, _, name = chance.choice(TABLES).rpartition(".")
    table = exp.table_(name, db=schema or None)
    return exp.Select(expressions=[what], from_=exp.From(this=table))


def _adhoc(chance: random.Random) -> Payload:
    made = {"expressionType": "SQL", "label": chance.choice(("x", "region", sql(chance))), "sqlExpression": sql(chance)}
    if chance.random() < 0.3:
        made |= {"columnType": "BASE_AXIS", "timeGrain": chance.choice(("PT1S", "PT1M", sql(chance)))}
    if chance.random() < 0.2:
        made |= {"expressionType": "SIMPLE", "column": {"column_name": sql(chance)}, "aggregate": "MAX"}
    return made


def _query(payload: Payload, chance: random.Random) -> Payload:
    found = [one for one in payload["queries"] if isinstance(one, dict)] if payload.get("queries") else []
    return chance.choice(found) if found else {}


def _extras(payload: Payload, chance: random.Random) -> None:
    extras = _query(payload, chance).setdefault("extras", {})
    name = chance.choice(("where", "where", "having", "time_grain_sqla", "relative_start", "transpile_to_dialect"))
    old = str(extras.get(name) or "1=1")
    extras[name] = chance.choice((sql(chance), f"{old} OR {sql(chance)}", f"({old}) AND {sql(chance)}"))


def _lists(payload: Payload, chance: random.Random) -> None:
    name = chance.choice(("columns", "metrics", "groupby", "series_columns", "orderby"))
    new: Any = chance.choice((_adhoc(chance), chance.choice(NAMES), sql(chance)))
    if name == "orderby":
        new = [new, chance.choice((True, False, "x"))]
    query = _query(payload, chance)
    query[name] = chance.choice(([new], [*(query.get(name) or []), new]))


def _single(payload: Payload, chance: random.Random) -> None:
    name = chance.choice(("granularity", "series_limit_metric", "time_range", "where", "having", "granularity_sqla",
                          "timeseries_limit_metric", "time_shift", "row_limit", "row_offset", "is_rowcount",
                          "inner_from_dttm", "url_params", "applied_time_extras", "is_timeseries"))  # fmt: skip
    _query(payload, chance)[name] = chance.choice((sql(chance), _adhoc(chance), chance.choice(NAMES), 5, True, None))


def _filters(payload: Payload, chance: random.Random) -> None:
    value: Any = chance.choice((list(REGIONS), [chance.choice(REGIONS)], sql(chance), [sql(chance)], None, "%", 1, {}))
    column: Any = chance.choice((chance.choice(NAMES), "region", "region", sql(chance), _adhoc(chance)))
    new = {"col": column, "op": chance.choice(OPERATORS), "val": value}
    query = _query(payload, chance)
    query["filters"] = chance.choice(([new], [*(query.get("filters") or []), new]))


def _choose(payload: Payload, chance: random.Random) -> None:
    """As a person does: regions of a dashboard's filter."""
    new = {"col": "region", "op": "IN", "val": chance.sample(REGIONS, chance.randint(1, 3))}
    for query in payload.get("queries") or ():
        if isinstance(query, dict):
            query["filters"] = [*(query.get("filters") or []), new]


def _datasource(payload: Payload, chance: random.Random) -> None:
    number = chance.choice((chance.randint(-1, 40), str(chance.randint(1, 30)), sql(chance), None, [1]))
    payload["datasource"] = {"type": chance.choice(SOURCES), "id": number}


def _form_data(payload: Payload, chance: random.Random) -> None:
    region = {"subject": "region", "operator": "IN", "comparator": [chance.choice(REGIONS), sql(chance)]}
    own = {"expressionType": chance.choice(("SIMPLE", "SQL")), "clause": "WHERE", "sqlExpression": sql(chance)}
    payload["form_data"] = chance.choice((
        {"slice_id": chance.randint(0, 60), "adhoc_filters": [region | own]},
        {"extra_filters": [{"col": "region", "op": "in", "val": [chance.choice(REGIONS)]}], "slice_id": 1},
        {"tooltip_contents": ["region", "house_id", sql(chance)], "x_axis": _adhoc(chance)},
        {"extra_form_data": {"custom_form_data": {"where": sql(chance)}}, "url_params": {"region": sql(chance)}},
        {"type": "NATIVE_FILTER", "native_filter_id": "NATIVE_FILTER-region", "dashboardId": chance.randint(0, 6)},
        {"viz_type": "pivot_table_v2", "currency_format": {"symbol": "AUTO"}, "server_pagination": True},
    ))  # fmt: skip


def _answer(payload: Payload, chance: random.Random) -> None:
    target = chance.choice((payload, _query(payload, chance)))
    target["result_type"] = chance.choice(KINDS)
    if chance.random() < 0.3:
        payload["result_format"] = chance.choice(("csv", "xlsx", "json", "xml"))


def _steps(payload: Payload, chance: random.Random) -> None:
    operation = chance.choice(("pivot", "aggregate", "cum", "compare", "resample", "eval", "histogram", "flatten"))
    options = {
        "columns": [chance.choice(NAMES)],
        "index": [sql(chance)],
        "aggregates": {"x": {"operator": sql(chance)}},
    }
    _query(payload, chance)["post_processing"] = [{"operation": operation, "options": options}]


def _layers(payload: Payload, chance: random.Random) -> None:
    layer = {"annotationType": "EVENT", "sourceType": chance.choice(("table", "line", "NATIVE")), "name": "x",
             "value": chance.randint(1, 50), "overrides": {"time_range": sql(chance)}, "show": True}  # fmt: skip
    query = _query(payload, chance)
    query["annotation_layers"] = [layer]
    query["time_offsets"] = chance.choice(([], ["1 day ago"], [sql(chance)]))


def _spoil(payload: Payload, chance: random.Random) -> None:
    """Letters anywhere, or another kind of value."""
    text = json.dumps(payload)
    place = chance.randrange(1, len(text) - 1)
    spoilt = text[:place] + chance.choice(("\\u0027", "null", "[", "}", '"', ",", "1", "region")) + text[place + 1 :]
    try:
        found = json.loads(spoilt)
    except json.JSONDecodeError:
        key = chance.choice(list(payload))
        payload[key] = chance.choice((None, [], {}, "x", 0, [payload[key]]))
        return
    if isinstance(found, dict):
        payload.clear()
        payload.update(found)


def _double(payload: Payload, chance: random.Random) -> None:
    """Two questions in one request."""
    second = deepcopy(_query(payload, chance))
    payload["queries"] = [*(payload.get("queries") or []), second] if isinstance(payload.get("queries"), list) else []
    _filters(payload, chance)


MUTATIONS = (_extras, _extras, _lists, _lists, _single, _filters, _filters, _choose, _choose, _datasource, _form_data,
             _answer, _steps, _layers, _spoil, _double)  # fmt: skip
