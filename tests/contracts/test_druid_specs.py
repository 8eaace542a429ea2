"""Every name in database/druid_specs leads back to a field of schemas/, in the role that the schema gives it."""

import json
import re
from typing import Any

import pytest

from gridflex.adapters.druid.specs import DIGEST, SPEC_DIR, read_spec, supervisor_spec, supervisor_specs
from gridflex.config import Config, load_config
from gridflex.contracts.feeds import feed, stored_feeds
from gridflex.contracts.schemas import Field, Schema, parse_schema, reading_schema, written_schema
from gridflex.domain.flexibility import AHEAD_MIN, HORIZONS_MIN
from gridflex.domain.readings import EARLIEST_EVENT_MS

SCHEMAS = {feed.table: written_schema(feed) for feed in stored_feeds()}
DISTINCT = {"hyperUnique"}
"""Metrics that are made of a dimension."""
ONE_A_MINUTE = {"flexibility"}
"""An appliance has at most one row a minute: within a minute, power and variance add up over appliances."""
EXTREMES = {"longMax"}
"""Metrics that may be made of the time stamp."""
DRUID_TYPES = {"string": "string", "long": "long", "int": "long", "double": "double"}
WORDS = {"if", "null"}
"""Of Druid's expressions."""
IDENTIFIER = re.compile(r"[a-z_][a-z_0-9]*")

pytestmark = pytest.mark.parametrize("name", SCHEMAS)


def fields(name: str) -> dict[str, Field]:
    return {field.name: field for field in SCHEMAS[name].fields}


def data_schema(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = read_spec(name)["spec"]["dataSchema"]
    return schema


def plain_type(field: Field) -> str:
    branches = field.avro_type if isinstance(field.avro_type, list) else [field.avro_type]
    (found,) = [branch for branch in branches if branch != "null"]
    return str(found)


def test_specs__are_all_known(name: str) -> None:
    streams = {path.stem for path in SPEC_DIR.glob("*.json") if not path.stem.startswith("batch_")}
    assert streams == set(SCHEMAS) == set(supervisor_specs(Config()))
    assert data_schema(name)["dataSource"] == name


def test_timestamp__is_the_schemas_own(name: str) -> None:
    spec = data_schema(name)["timestampSpec"]
    assert fields(name)[spec["column"]].olap == "timestamp"
    assert (fields(name)[spec["column"]].unit, spec["format"]) == ("ms", "millis")


def test_dimensions__are_dimensions_of_the_schema_with_its_type(name: str) -> None:
    for dimension in data_schema(name)["dimensionsSpec"]["dimensions"]:
        spec = {"name": dimension, "type": "string"} if isinstance(dimension, str) else dimension
        field = fields(name)[spec["name"]]
        assert field.olap == "dimension", field.name
        assert spec["type"] == DRUID_TYPES[plain_type(field)], field.name


def test_metrics__are_made_of_metrics_of_the_schema(name: str) -> None:
    made = {transform["name"] for transform in data_schema(name).get("transformSpec", {}).get("transforms", ())}
    for metric in data_schema(name)["metricsSpec"]:
        if metric["type"] == "count":
            continue
        source = metric["fieldName"]
        roles = {"dimension"} if metric["type"] in DISTINCT else {"metric"}
        roles |= {"timestamp"} if metric["type"] in EXTREMES else set()
        assert source in made or fields(name)[source].olap in roles, metric


def test_expressions__use_fields_of_the_schema(name: str) -> None:
    spec = {"transforms": [], "filter": {"fields": []}} | data_schema(name).get("transformSpec", {})
    kafka = read_spec(name)["spec"]["ioConfig"]["inputFormat"]["timestampColumnName"]
    made = {transform["name"] for transform in spec["transforms"]}
    for transform in spec["transforms"]:
        assert set(IDENTIFIER.findall(transform["expression"])) <= {*fields(name), *WORDS}, transform
    for condition in spec["filter"]["fields"]:
        used = set(IDENTIFIER.findall(condition["expression"]))
        assert used <= {*fields(name), *made, kafka}, condition


def test_rolled_up_metrics__can_be_summed_again(name: str) -> None:
    spec = data_schema(name)
    if spec["granularitySpec"]["rollup"]:
        allowed = {"count", "doubleSum", "longSum", "doubleMax", "longMax"}
        allowed |= {"quantilesDoublesSketch", "hyperUnique"}
        assert {metric["type"] for metric in spec["metricsSpec"]} <= allowed
        summable = {"Wh", "s", "1"} | ({"W", "W2"} if name in ONE_A_MINUTE else set())
        for metric in data_schema(name)["metricsSpec"]:
            if metric["type"].endswith("Sum"):
                made = metric["fieldName"] not in fields(name)
                unit = "Wh" if made else fields(name)[metric["fieldName"]].unit
                assert unit in summable, f"a sum of {unit} means nothing"


def test_columns__are_those_that_scripts_rely_on(name: str) -> None:
    spec = data_schema(name)
    found = [one if isinstance(one, str) else one["name"] for one in spec["dimensionsSpec"]["dimensions"]]
    found += [metric["name"] for metric in spec["metricsSpec"]]
    reading = ["dataset", "region", "feeder", "house_id", "appliance_id", "appliance"]
    expected = {
        "powerraw": [
            *reading,
            "count",
            "energy_wh",
            "observed_s",
            "power_w_max",
            "last_event_time_ms",
            "power_w_quantiles",
            "houses",
        ],
        "dutycycle": [
            *("kind", "status", *reading, "start_ms", "end_ms"),
            *("on_s", "observed_s", "duty_cycle", "mean_on_power_w", "energy_wh"),
        ],
        "deadletter": ["stage", "reason", "dataset", "source", "count"],
        "flexibility": [
            *("dataset", "region", "feeder", "appliance", "appliances", "fresh", "callable"),
            *(f"flex_{horizon}_w" for horizon in HORIZONS_MIN),
            *(f"variance_{horizon}_w2" for horizon in HORIZONS_MIN),
            *(f"shared_{horizon}_w" for horizon in HORIZONS_MIN),
            *(f"rebound_{horizon}_wh" for horizon in AHEAD_MIN),
            "households",
        ],
        "events": [
            *("sequence", "event_id", "action", "state", "version", "region", "actor", "content_hash"),
            *("start_ms", "end_ms", "changes"),
        ],
        "command_results": [
            *("command_id", "event_id", "version", "region", "feeder", "appliance", "cohort"),
            *("house_id", "appliance_id", "result", "reason", "results"),
        ],
    }
    assert found == expected.get(name, found)


def test_ingestion__neither_skips_nor_stops(name: str) -> None:
    spec = supervisor_specs(Config())[name]["spec"]
    assert spec["ioConfig"]["consumerProperties"]["isolation.level"] == "read_committed"
    assert spec["ioConfig"]["useEarliestOffset"] is True
    assert spec["tuningConfig"]["maxParseExceptions"] == 2**31 - 1
    assert spec["tuningConfig"]["resetOffsetAutomatically"] is False


def test_supervisor_specs__fill_in_this_installations_values(name: str) -> None:
    environ = {"GRIDFLEX_KAFKA_BOOTSTRAP_SERVERS": "one:1,two:2", "GRIDFLEX_KAFKA_TOPIC_READINGS": "other"}
    environ |= {"GRIDFLEX_DRUID_TASK_COUNT": "3"}
    io_config = supervisor_specs(load_config(environ=environ))[name]["spec"]["ioConfig"]
    assert io_config["consumerProperties"]["bootstrap.servers"] == "one:1,two:2"
    row = next(row for row in stored_feeds() if row.table == name)
    assert io_config["topic"] == ("other" if name == "powerraw" else row.topic)
    assert io_config["taskCount"] == (3 if row.tasks == "configured" else row.tasks)
    decoder = io_config["inputFormat"]["valueFormat"]["avroBytesDecoder"]
    assert decoder["schemas"] == {str(SCHEMAS[name].schema_id): json.loads(SCHEMAS[name].text)}


def test_limits__are_the_configured_ones(name: str) -> None:
    environ = {"GRIDFLEX_READINGS_MAX_POWER_W": "1234.5", "GRIDFLEX_READINGS_MAX_FUTURE_S": "60"}
    spec = supervisor_specs(load_config(environ=environ))[name]["spec"]["dataSchema"]
    made = {one["name"]: one["expression"] for one in spec.get("transformSpec", {}).get("transforms", ())}
    if name == "powerraw":
        assert (made["max_power_w"], made["max_future_s"]) == ("1234.5", "60.0")


def test_filter__takes_the_event_times_that_the_stream_takes(name: str) -> None:
    fields = read_spec(name)["spec"]["dataSchema"].get("transformSpec", {}).get("filter", {}).get("fields", ())
    bounds = [part for one in fields for part in one["expression"].split(" && ") if part.startswith("event_time_ms >")]
    assert bounds == ([f"event_time_ms >= {EARLIEST_EVENT_MS}"] if name == "powerraw" else [])


def test_digest__changes_with_the_spec_alone(name: str) -> None:
    def digest(**environ: str) -> str:
        found: str = supervisor_specs(load_config(environ=environ))[name]["context"][DIGEST]
        return found

    assert digest() == digest()
    assert digest() != digest(GRIDFLEX_KAFKA_BOOTSTRAP_SERVERS="elsewhere:1")


def test_supervisor_spec__reads_a_later_schema_beside_todays(name: str) -> None:
    later = json.loads(reading_schema().text)
    later["fields"].append({"name": "voltage_v", "type": ["null", "double"], "unit": "V", "olap": "none"})
    schemas: list[Schema] = [reading_schema(), parse_schema("later", json.dumps(later))]
    spec = supervisor_spec(Config(), feed("readings"), schemas)["spec"]
    decoder = spec["ioConfig"]["inputFormat"]["valueFormat"]["avroBytesDecoder"]
    assert set(decoder["schemas"]) == {str(schema.schema_id) for schema in schemas}
    assert len(decoder["schemas"]) == 2
