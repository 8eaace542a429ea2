"""A canary lives fifty years ago: whatever looks at demand, flexibility or duty names a time, and so never sees it."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest

from gridflex.adapters.avro import decode, encode_dicts
from gridflex.contracts.flexibility import load_rules
from gridflex.contracts.schemas import reading_schema
from gridflex.operations.checks.canary import CANARY, Canary
from gridflex.operations.checks.canary_path import _records
from gridflex.operations.dashboards.assets import load_assets

ASSETS = load_assets()
TABLES = ("powerraw", "dutycycle", "flexibility")
_LOWER_BOUND = re.compile(r"__time (>|>=|=) |TEMPORAL_RANGE\", \"comparator\": \"Last ")
_NOW_MS = 1_800_000_000_000


@pytest.mark.parametrize("name", [name for name, doc in ASSETS.datasets.items() if doc.get("sql")])
def test_dataset__looks_at_no_canary(name: str) -> None:
    parts = re.split(r"\bFROM (?=[a-z])", ASSETS.datasets[name]["sql"])[1:]
    seen = [part for part in parts if part.split(maxsplit=1)[0].strip("()") in TABLES]
    assert not [part for part in seen if not _LOWER_BOUND.search(part)]


@pytest.mark.parametrize(
    "name", [name for name, doc in ASSETS.charts.items() if ASSETS.datasets[doc["dataset"]].get("table") in TABLES
             and not ASSETS.datasets[doc["dataset"]].get("sql")]
)  # fmt: skip
def test_chart__looks_at_no_canary(name: str) -> None:
    assert _LOWER_BOUND.search(json.dumps(ASSETS.charts[name]["params"]["adhoc_filters"]))


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
