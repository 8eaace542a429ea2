"""A feed of another shape (two measures, no appliance) gets everything from its row, its schema and its spec."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from batch.compaction import merged_tables
from gridflex.adapters.avro import encode_dicts
from gridflex.adapters.druid import specs
from gridflex.adapters.druid.specs import supervisor_specs
from gridflex.adapters.druid.tables import table_specs
from gridflex.adapters.kafka.access import allows, grants
from gridflex.adapters.kafka.feed_topics import topic_arguments
from gridflex.config import Config
from gridflex.contracts import feeds as registry
from gridflex.contracts import schemas
from gridflex.contracts.schemas import load_schema
from gridflex.operations.checks.command import all_checks
from gridflex.operations.cluster import metrics
from gridflex.operations.dashboards.sources import load_sources
from gridflex.operations.feeds import feed_rows
from gridflex.operations.local.druid_services import task_slots
from gridflex.operations.local.readers import topics_read
from stream_processing.codec.layout import compile_layout

TOY = Path(__file__).parents[1] / "support" / "toy_feed"


@pytest.fixture
def config() -> Config:
    return Config()


@pytest.fixture
def slots_before(config: Config) -> int:
    return task_slots(config)


@pytest.fixture
def toy(slots_before: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> registry.Feed:
    """The product's files with one more row, one more schema, one more spec."""
    rows = [*json.loads(registry.TABLE.read_text(encoding="utf-8")), json.loads((TOY / "row.json").read_text())]
    table = tmp_path / "feeds.json"
    table.write_text(json.dumps(rows), encoding="utf-8")
    for module, name, file in (
        (schemas, "SCHEMA_DIR", "meter_reading.avsc"),
        (specs, "SPEC_DIR", "meters.json"),
    ):
        folder = shutil.copytree(getattr(module, name), tmp_path / name)
        shutil.copy(TOY / file, folder)
        monkeypatch.setattr(module, name, folder)
    monkeypatch.setattr(registry, "TABLE", table)
    monkeypatch.setattr(schemas, "load_schema", load_schema.__wrapped__)
    return registry.feed("meter_readings")


def test_new_feed__needs_at_most_six_files(toy: registry.Feed, config: Config, slots_before: int) -> None:
    """Its files: 1. reader (``ingestion/feeds``), 2. schema, 3. transform, 4. Druid spec, 5. the row in ``feeds.json``,
    6. a Superset data set, or, if its rows have no region, the line in docs/security.md that says why all may see it.

    A feed that the streaming job does not read has no transform; no other file of the product names a feed.
    """
    assert feed_rows(config)[-1] == {
        "name": "meter_readings",
        "topic": "meters",
        "schema": "meter_reading",
        "data_source": "meters",
    }
    shape = "--partitions 3 --replication-factor 1 --config min.insync.replicas=1 --config retention.ms=86400000"
    assert " ".join(topic_arguments(config.kafka)[-1]) == f"--create --if-not-exists --topic meters {shape}"
    assert topics_read(config)["meters"] == "meters"
    assert task_slots(config) == slots_before + 2 * 2
    assert "meters" in merged_tables()
    assert load_sources()["meters"].by_region
    assert registry.transformed_feed("stream_processing.transforms.meters") == toy


def test_new_feed__has_grants_for_its_writers_and_readers_alone(toy: registry.Feed, config: Config) -> None:
    granted = grants(config.kafka)
    allowed = {
        (user, operation)
        for user in ("replay", "spark", "druid", "batch", "check")
        for operation in ("Read", "Write")
        if allows(granted, user, operation, "topic", "meters")
    }
    assert allowed == {("replay", "Write"), ("spark", "Read"), ("druid", "Read"), ("batch", "Read"), ("check", "Read")}


def test_new_feed__has_a_supervisor_and_an_empty_table(toy: registry.Feed, config: Config) -> None:
    io_config = supervisor_specs(config)["meters"]["spec"]["ioConfig"]
    schema = schemas.written_schema(toy)
    assert (io_config["topic"], io_config["taskCount"]) == ("meters", 2)
    assert io_config["consumerProperties"]["bootstrap.servers"] == config.kafka.bootstrap_servers
    decoder = io_config["inputFormat"]["valueFormat"]["avroBytesDecoder"]
    assert decoder["schemas"] == {str(schema.schema_id): json.loads(schema.text)}
    assert table_specs()["meters"]["dimensionsSpec"]["dimensions"] == list(schema.dimensions)
    assert schema.units == {"import_w": "W", "export_w": "W"}


def test_new_feed__is_cut_by_a_layout_of_its_own_schema(toy: registry.Feed) -> None:
    schema, now_ms = schemas.written_schema(toy), 1_750_000_000_000
    reading = {"event_time_ms": now_ms, "dataset": "toy", "region": "Tunis", "meter_id": "m-1"}
    layout = compile_layout(schema)
    values = pa.array(encode_dicts(schema, [reading | {"import_w": 250.0, "export_w": 0.5}]), pa.binary())
    assert layout.long_enough(values).all()
    cut = layout.cut(values)
    assert (cut.sound().tolist(), cut.instant("event_time_ms").tolist()) == ([True], [now_ms])
    assert (cut.double("import_w").tolist(), cut.double("export_w").tolist()) == ([250.0], [0.5])
    assert layout.strings == schema.dimensions


def test_new_feed__is_checked(toy: registry.Feed, config: Config) -> None:
    names = {check.name for check in all_checks(config, 1, canary=False)}
    assert {"topic meters", "supervisor meters"} <= names


def test_new_feed__is_measured(toy: registry.Feed, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "Druid", HourOldDruid)
    told = metrics.druid_metrics(config)
    assert [one for one in told if one["Dimensions"] == [{"Name": "Supervisor", "Value": "meters"}]]
    (age,) = [one["Value"] for one in told if one["Dimensions"] == [{"Name": "Table", "Value": "meters"}]]
    assert age == pytest.approx(3600, abs=60)
    tables = {one["Dimensions"][0]["Value"] for one in told if one["MetricName"] == "AgeSeconds"}
    assert tables == {feed.table for feed in registry.stored_feeds() if feed.freshness_limit_s is not None}


class HourOldDruid:
    """Every table's newest row is an hour old."""

    def __init__(self, druid: object) -> None:
        pass

    def supervisor_status(self, name: str) -> dict[str, Any]:
        return {"aggregateLag": 7}

    def has_table(self, name: str) -> bool:
        return True

    def sql(self, query: str, parameters: object = None) -> list[dict[str, Any]]:
        return [] if "sys.tasks" in query else [{"newest": (datetime.now(UTC) - timedelta(hours=1)).isoformat()}]
