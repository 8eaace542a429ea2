"""A canary lives fifty years ago: whatever looks at demand, flexibility or duty names a time, and so never sees it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlglot import exp

from gridflex.adapters.avro import decode, encode_dicts
from gridflex.contracts.flexibility import load_rules
from gridflex.contracts.schemas import reading_schema
from gridflex.operations.checks.canary import CANARY, Canary
from gridflex.operations.checks.canary_path import _records
from gridflex.operations.dashboards.assets import load_assets
from gridflex.operations.dashboards.dataset_sql import read_sql

ASSETS = load_assets()
TABLES = ("powerraw", "dutycycle", "flexibility")
_NOW_MS = 1_800_000_000_000


@pytest.mark.parametrize("name", [name for name, doc in ASSETS.datasets.items() if doc.get("sql")])
def test_dataset__looks_at_no_canary(name: str) -> None:
    for tree in read_sql(ASSETS.datasets[name]["sql"]):
        seen = [table.parent_select for table in tree.find_all(exp.Table) if table.name in TABLES]
        assert not [select.sql() for select in seen if not has_lower_bound(select)]


def has_lower_bound(select: exp.Select) -> bool:
    """Whether each row of a SELECT must be of a time that it names, or later."""
    where = select.args.get("where")
    conditions = list(where.this.flatten()) if where and isinstance(where.this, exp.And) else [where and where.this]
    return any(
        isinstance(one, exp.GT | exp.GTE | exp.EQ) and isinstance(one.this, exp.Column) and one.this.name == "__time"
        for one in conditions
    )


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("WHERE __time >= CURRENT_TIMESTAMP - INTERVAL '1' HOUR AND region = 'x'", True),
        ("WHERE region = 'x' AND __time = TIMESTAMP '2026-01-01'", True),
        ("WHERE __time < CURRENT_TIMESTAMP", False),
        ("WHERE __time >= CURRENT_TIMESTAMP OR region = 'x'", False),
        ("", False),
    ],
)
def test_lower_bound__is_a_condition_that_every_row_must_meet(condition: str, expected: bool) -> None:
    assert has_lower_bound(read_sql(f"SELECT region FROM powerraw {condition}")[0]) is expected


@pytest.mark.parametrize(
    "name", [name for name, doc in ASSETS.charts.items() if ASSETS.datasets[doc["dataset"]].get("table") in TABLES
             and not ASSETS.datasets[doc["dataset"]].get("sql")]
)  # fmt: skip
def test_chart__looks_at_no_canary(name: str) -> None:
    filters = ASSETS.charts[name]["params"]["adhoc_filters"]
    lasts = [
        one for one in filters if one.get("operator") == "TEMPORAL_RANGE" and one["comparator"].startswith("Last ")
    ]
    conditions = [one["sqlExpression"] for one in filters if one["expressionType"] == "SQL"]
    (select,) = read_sql(f"SELECT 1 FROM asked WHERE {' AND '.join(conditions) or 'TRUE'}")[:1]
    assert lasts or has_lower_bound(select)


def test_canary__is_of_nobody_fifty_years_ago() -> None:
    canary = Canary.at(_NOW_MS)
    records = [decode(value, {reading_schema().schema_id: reading_schema()}) for value in
               encode_dicts(reading_schema(), _records(canary))]  # fmt: skip
    assert len(records) == canary.readings
    for record in records:
        assert {record[name] for name in ("dataset", "region", "feeder", "appliance")} == {CANARY}
        years = (_NOW_MS - record["event_time_ms"]) / 365.25 / 86_400_000
        assert 49.9 < years < 50.1
    assert datetime.fromtimestamp(canary.end_ms / 1000, UTC).second == 0


def test_canary__can_shed_nothing() -> None:
    assert load_rules().code(CANARY, CANARY) < 0


def test_canaries__of_two_seconds_are_two_houses() -> None:
    assert Canary.at(_NOW_MS).house_id != Canary.at(_NOW_MS + 1000).house_id
    assert Canary.at(_NOW_MS).house_id == Canary.at(_NOW_MS + 3_600_000).house_id
