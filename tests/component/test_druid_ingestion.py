"""What Druid makes of messages, on real servers: valid readings are summed, bad ones never, nothing stops a task."""

import io
import json
import math
import time
from collections.abc import Sequence
from typing import Any

import fastavro
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from gridflex.adapters.avro import encode_dicts
from gridflex.adapters.druid.client import Druid
from gridflex.adapters.druid.specs import supervisor_spec, supervisor_specs
from gridflex.contracts.feeds import feed
from gridflex.contracts.schemas import Schema, duty_cycle_schema, parse_schema, reading_schema, rejection_schema
from gridflex.errors import ServiceError
from gridflex.operations.local.stack import Stack
from tests.support.reading_edges import AT_MS, BAD_EDGES, GOOD_EDGES, READING
from tests.support.stack import wait_until

pytestmark = pytest.mark.component

NOON_MS = AT_MS
GOOD = READING


def produce(stack: Stack, topic: str, values: Sequence[bytes | None], **more: Any) -> None:
    producer = Producer({"bootstrap.servers": stack.config.kafka.bootstrap_servers})
    for value in values:
        producer.produce(topic, value=value, key=b"k", **more)
    assert producer.flush(30) == 0


def rows(druid: Druid, table: str, query: str, *, when: str) -> list[dict[str, Any]]:
    """The query's rows, once ``SELECT <when> AS done`` of the table says true."""

    def found() -> list[dict[str, Any]] | None:
        if not druid.has_table(table) or not druid.sql(f"SELECT {when} AS done FROM {table}")[0]["done"]:
            return None
        return druid.sql(query)

    return wait_until(found, what=f"{when} of {table}")


def summed(druid: Druid, dataset: str, count: int) -> dict[str, Any]:
    """The sums over one dataset's readings, once there are ``count`` of them."""
    where = f"WHERE dataset = '{dataset}'"
    query = (
        'SELECT SUM("count") AS n, SUM(energy_wh) AS energy_wh, SUM(observed_s) AS observed_s, '
        "MAX(power_w_max) AS power_w_max, APPROX_COUNT_DISTINCT_BUILTIN(houses) AS houses, "
        f"APPROX_QUANTILE_DS(power_w_quantiles, 0.5) AS median_w, COUNT(*) AS stored FROM powerraw {where}"
    )
    done = f'SUM("count") FILTER ({where}) >= {count}'
    (found,) = rows(druid, "powerraw", query, when=done)
    return found


def test_readings__are_counted_summed_and_rolled_up_exactly(stack: Stack, druid: Druid) -> None:
    readings = [
        GOOD
        | {"dataset": "exact", "event_time_ms": NOON_MS + 1000 * i, "power_w": 0.1 * i, "house_id": f"exact-{i % 7}-0"}
        for i in range(6000)
    ]
    produce(stack, "powerraw", encode_dicts(reading_schema(), readings))
    found = summed(druid, "exact", len(readings))
    assert found["n"] == len(readings)
    assert found["energy_wh"] == pytest.approx(math.fsum(0.1 * i * 3.0 / 3600 for i in range(6000)), rel=1e-12)
    assert found["observed_s"] == 18_000.0
    assert found["power_w_max"] == 0.1 * 5999
    assert found["houses"] == 7
    assert found["median_w"] == pytest.approx(300, rel=0.05)
    assert found["stored"] == 700


def test_invalid_readings__are_never_summed(stack: Stack, druid: Druid) -> None:
    good = [GOOD | {"dataset": "validity"} | change for change in GOOD_EDGES.values()]
    bad = [GOOD | {"dataset": "validity"} | change for change, _ in BAD_EDGES.values()]
    produce(stack, "powerraw", encode_dicts(reading_schema(), [*bad, *good]), partition=3)
    produce(stack, "powerraw", encode_dicts(reading_schema(), [GOOD | {"dataset": "after"}]), partition=3)
    assert summed(druid, "after", 1)["n"] == 1
    found = summed(druid, "validity", len(good))
    assert found["n"] == len(good)
    energy_wh = math.fsum(reading["power_w"] * reading["observed_s"] / 3600 for reading in good)
    assert found["energy_wh"] == pytest.approx(energy_wh, rel=1e-12)


def test_future_readings__are_measured_against_kafkas_time_stamp(stack: Stack, druid: Druid) -> None:
    limit_ms = int(stack.config.readings.max_future_s * 1000)
    for early_ms in (0, 1):
        reading = GOOD | {"dataset": "future", "event_time_ms": NOON_MS + limit_ms + early_ms}
        produce(stack, "powerraw", encode_dicts(reading_schema(), [reading]), partition=2, timestamp=NOON_MS)
    produce(stack, "powerraw", encode_dicts(reading_schema(), [GOOD | {"dataset": "present"}]), partition=2)
    assert summed(druid, "present", 1)["n"] == 1
    assert summed(druid, "future", 1)["n"] == 1


def test_garbage__is_counted_and_stops_nothing(stack: Stack, druid: Druid) -> None:
    frame = reading_schema().frame
    (whole,) = encode_dicts(reading_schema(), [GOOD | {"dataset": "garbage"}])
    unknown = b"\x01" + (7).to_bytes(4, "big") + whole[5:]
    huge_string = frame + b"\x02\x02" + b"\xfe\xff\xff\xff\x0f" + b"x" * 20
    garbage = [b"", b"\x00", b"no avro at all", frame, whole[:-1], b"\x02" + whole[1:], unknown, huge_string]
    before = druid.row_counts("powerraw").get("unparseable", 0)
    (task,) = [task["id"] for task in druid.supervisor_status("powerraw")["activeTasks"]]
    produce(stack, "powerraw", [*garbage * 50, whole], partition=1)
    assert summed(druid, "garbage", 1)["n"] == 1
    wait_until(lambda: druid.row_counts("powerraw").get("unparseable", 0) - before >= 50 * len(garbage))
    assert druid.row_counts("powerraw")["unparseable"] - before == 50 * len(garbage)
    assert [one["id"] for one in druid.supervisor_status("powerraw")["activeTasks"]] == [task]
    assert druid.parse_errors("powerraw")


def test_duty_cycles__keep_their_nulls_and_every_row(stack: Stack, druid: Druid) -> None:
    common = {name: GOOD[name] for name in ("dataset", "region", "feeder", "house_id", "appliance_id", "appliance")}
    running = common | {"event_time_ms": NOON_MS + 1, "kind": "activation", "status": "confirmed", "start_ms": NOON_MS}
    running |= {"on_s": 60.5, "observed_s": 60.5, "energy_wh": 2.25}
    running |= {"end_ms": None, "duty_cycle": None, "mean_on_power_w": None}
    window = running | {"kind": "window", "status": "closed", "end_ms": NOON_MS + 1, "duty_cycle": 0.25}
    window |= {"mean_on_power_w": 133.5}
    produce(stack, "dutycycle", encode_dicts(duty_cycle_schema(), [running, running, window]))
    found = rows(druid, "dutycycle", "SELECT * FROM dutycycle", when="COUNT(*) >= 3")
    found.sort(key=lambda row: str(row["kind"]))
    assert [row.pop("__time") for row in found] == ["2023-11-15T12:00:00.001Z"] * 3
    expected = [dict(running), dict(running), dict(window)]
    for row in expected:
        del row["event_time_ms"]
    assert found == expected


def test_rejections__are_counted_by_reason(stack: Stack, druid: Druid) -> None:
    rejection = {"event_time_ms": NOON_MS, "stage": "stream", "reason": "not_finite", "source": "reasons"}
    rejection |= {"position": "powerraw/1/7", "kafka_partition": 1, "kafka_offset": 7, "count": 1, "detail": "NaN"}
    rejection["dataset"] = None
    many = rejection | {"reason": "missing", "dataset": "redd", "count": 41, "raw": b"\x00\xff", "kafka_offset": None}
    values = encode_dicts(rejection_schema(), [rejection | {"raw": b""}, rejection | {"raw": b"\xfe"}, many])
    produce(stack, "deadletter", values)
    ours = "WHERE source = 'reasons'"
    query = f'SELECT reason, dataset, SUM("count") AS n FROM deadletter {ours} GROUP BY 1, 2 ORDER BY 1'
    found = rows(druid, "deadletter", query, when=f'SUM("count") FILTER ({ours}) >= 43')
    expected = [("missing", "redd", 41), ("not_finite", None, 2)]
    assert [(row["reason"], row["dataset"], row["n"]) for row in found] == expected


def test_reading__is_answered_by_sql_soon_after_it_was_produced(stack: Stack, druid: Druid) -> None:
    took_s = []
    for i in range(5):
        dataset = f"fresh-{i}"
        value = encode_dicts(
            reading_schema(), [GOOD | {"dataset": dataset, "event_time_ms": time.time_ns() // 1_000_000}]
        )
        produced = time.monotonic()
        produce(stack, "powerraw", value)
        assert summed(druid, dataset, 1)["n"] == 1
        took_s.append(time.monotonic() - produced)
    assert sorted(took_s)[2] < 2


def test_wrong_sql__is_refused_with_its_place_and_not_with_all_that_would_be_right(druid: Druid) -> None:
    with pytest.raises(ServiceError, match=r"unexpected token \[, method\] \(line \[1\], column \[9\]\)$"):
        druid.sql("SELECT 1, method FROM powerraw")


def test_later_schema__is_read_beside_todays(stack: Stack, druid: Druid) -> None:
    record = json.loads(reading_schema().text)
    extra = {"name": "voltage_v", "type": ["null", "double"], "default": None, "unit": "V", "olap": "none"}
    record["fields"].insert(3, extra)
    later = parse_schema("later", json.dumps(record))
    assert later.schema_id != reading_schema().schema_id
    druid.submit_supervisor(supervisor_spec(stack.config, feed("readings"), [reading_schema(), later]))
    try:
        today = encode_dicts(reading_schema(), [GOOD | {"dataset": "versions"}] * 3)
        values = [GOOD | {"dataset": "versions", "voltage_v": volts, "power_w": 60.0} for volts in (230.0, None)]
        produce(stack, "powerraw", [*today, *encode_dicts(later, values)])
        found = summed(druid, "versions", 5)
        assert (found["n"], found["observed_s"]) == (5, 15.0)
        assert found["energy_wh"] == pytest.approx((3 * 120 + 2 * 60) * 3 / 3600, rel=1e-12)
    finally:
        druid.submit_supervisor(supervisor_specs(stack.config)["powerraw"])
    wait_until(lambda: druid.supervisor_status("powerraw").get("activeTasks"))


_UNSETTLED = (
    "SELECT segment_id FROM sys.segments WHERE datasource = 'powerraw' AND is_active = 1 "
    "AND (is_published = 0 OR is_available = 0)"
)
"""What a task still holds, or no historical serves; segments that others have replaced count no more."""


def test_published_segments__answer_like_the_task_that_wrote_them(stack: Stack, druid: Druid) -> None:
    readings = [GOOD | {"dataset": "published", "power_w": 0.1 * i} for i in range(1000)]
    produce(stack, "powerraw", encode_dicts(reading_schema(), readings))
    before = summed(druid, "published", len(readings))
    changed = supervisor_specs(stack.config)["powerraw"]
    changed["context"]["published"] = True
    druid.submit_supervisor(changed)
    wait_until(lambda: not druid.sql(_UNSETTLED), 180, "segments published and loaded")
    wait_until(lambda: not druid.supervisor_status("powerraw")["publishingTasks"], what="tasks handed over")
    assert summed(druid, "published", len(readings)) == before
    assert before["energy_wh"] == pytest.approx(math.fsum(0.1 * i * 3.0 / 3600 for i in range(1000)), rel=1e-12)


TYPES = {
    "type": "record",
    "name": "Types",
    "fields": [
        {"name": "event_time_ms", "type": "long", "unit": "ms", "olap": "timestamp"},
        {"name": "text", "type": ["null", "string"], "unit": "name", "olap": "dimension"},
        {"name": "reversed_union", "type": ["string", "null"], "unit": "name", "olap": "dimension"},
        {"name": "whole", "type": ["null", "int"], "unit": "1", "olap": "dimension"},
        {"name": "large", "type": ["null", "long"], "unit": "1", "olap": "dimension"},
        {"name": "real", "type": ["null", "double"], "unit": "1", "olap": "dimension"},
        {"name": "small_real", "type": "float", "unit": "1", "olap": "dimension"},
        {"name": "flag", "type": "boolean", "unit": "1", "olap": "dimension"},
        {"name": "octets", "type": "bytes", "unit": "bytes", "olap": "dimension"},
        {
            "name": "kind",
            "type": {"type": "enum", "name": "Kind", "symbols": ["ON", "OFF"]},
            "unit": "1",
            "olap": "none",
        },
        {"name": "tag", "type": {"type": "fixed", "name": "Tag", "size": 2}, "unit": "1", "olap": "none"},
        {"name": "several", "type": {"type": "array", "items": "string"}, "unit": "1", "olap": "none"},
    ],
}
FULL = {
    "event_time_ms": NOON_MS,
    "text": "Kébili ⚡",
    "reversed_union": "b",
    "whole": -(2**31),
    "large": 2**53 + 1,
    "real": 0.1,
    "small_real": 0.5,
    "flag": True,
    "octets": b"abc",
    "kind": "OFF",
    "tag": b"xy",
    "several": ["p", "q"],
}
NULLS: dict[str, Any] = dict.fromkeys(("text", "reversed_union", "whole", "large", "real"))


@pytest.mark.parametrize("decoder", ["schema_inline", "multiple_schemas_inline"])
def test_avro_stream__reads_what_fastavro_wrote(stack: Stack, druid: Druid, decoder: str) -> None:
    schema = parse_schema("types", json.dumps(TYPES))
    framed = encode_dicts(schema, [FULL, FULL | NULLS])
    assert fastavro.schemaless_reader(io.BytesIO(framed[0][5:]), schema.parsed, None) == FULL
    table = f"types_{decoder}"
    admin = AdminClient({"bootstrap.servers": stack.config.kafka.bootstrap_servers})
    admin.create_topics([NewTopic(table, num_partitions=1, replication_factor=1)])[table].result()
    produce(stack, table, framed if decoder == "multiple_schemas_inline" else [value[5:] for value in framed])
    druid.submit_supervisor(_types_spec(stack, schema, table, decoder))
    try:
        found = rows(druid, table, f"SELECT * FROM {table}", when="COUNT(*) = 2")
    finally:
        druid.terminate_supervisor(table, timeout_s=10)
    nulls, full = sorted(found, key=lambda row: row["text"] is not None)
    expected = FULL | {"flag": "true", "octets": "YWJj", "tag": "eHk="}
    del expected["event_time_ms"]
    assert {name: full[name] for name in expected} == expected | {"several": full["several"]}
    assert json.loads(full["several"]) == ["p", "q"]
    assert {name: nulls[name] for name in NULLS} == NULLS


def _types_spec(stack: Stack, schema: Schema, table: str, decoder: str) -> dict[str, Any]:
    """The duty cycles' spec, bent to another topic, table and schema."""
    spec = supervisor_specs(stack.config)["dutycycle"]
    data, io_config = spec["spec"]["dataSchema"], spec["spec"]["ioConfig"]
    io_config["topic"] = table
    numbers = [{"name": name, "type": "long"} for name in ("whole", "large")]
    numbers += [{"name": "real", "type": "double"}, {"name": "small_real", "type": "float"}]
    texts = ["text", "reversed_union", "flag", "octets", "kind", "tag", "several"]
    data |= {"dataSource": table, "metricsSpec": [], "dimensionsSpec": {"dimensions": [*texts, *numbers]}}
    record = json.loads(schema.text)
    one, many = {"schema": record}, {"schemas": {str(schema.schema_id): record}}
    bytes_decoder = {"type": decoder} | (one if decoder == "schema_inline" else many)
    io_config["inputFormat"]["valueFormat"]["avroBytesDecoder"] = bytes_decoder
    return spec
