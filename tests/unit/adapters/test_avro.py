import io
import json
import math

import fastavro
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridflex.adapters.avro import Coded, Nullable, StringTable, decode, encode_columns, encode_dicts
from gridflex.contracts.schemas import duty_cycle_schema, parse_schema, reading_schema, rejection_schema
from gridflex.errors import SchemaError

IDENTITY = ("dataset", "region", "feeder", "house_id", "appliance_id", "appliance")
longs = st.integers(-(2**63), 2**63 - 1)
doubles = st.floats(allow_nan=False)
names = st.text(max_size=150)


@given(st.lists(st.tuples(longs, longs, st.tuples(*[names] * 6), doubles, doubles), max_size=12))
def test_encode_columns__is_what_fastavro_writes(rows: list[tuple[int, int, tuple[str, ...], float, float]]) -> None:
    schema = reading_schema()
    values = encode_columns(
        schema,
        {
            "event_time_ms": np.array([row[0] for row in rows], dtype=np.int64),
            "source_time_ms": np.array([row[1] for row in rows], dtype=np.int64),
            IDENTITY: Coded(codes=np.arange(len(rows)), table=StringTable([row[2] for row in rows])),
            "power_w": np.array([row[3] for row in rows], dtype=np.float64),
            "observed_s": np.array([row[4] for row in rows], dtype=np.float64),
        },
    )
    order = [field.name for field in schema.fields]
    records = [dict(zip(order, [row[0], row[1], *row[2], row[3], row[4]], strict=True)) for row in rows]
    assert values == encode_dicts(schema, records)
    for value, record in zip(values, records, strict=True):
        assert decode(value, {schema.schema_id: schema}) == record


@given(st.lists(st.tuples(st.none() | longs, st.none() | doubles, names), min_size=1, max_size=12))
def test_encode_columns__writes_nulls(rows: list[tuple[int | None, float | None, str]]) -> None:
    schema = duty_cycle_schema()
    count = len(rows)
    strings = Coded(codes=np.arange(count), table=StringTable([[row[2]] for row in rows]))
    numbers = np.arange(count, dtype=np.float64)
    ends = np.array([row[0] or 0 for row in rows], dtype=np.int64)
    duty = np.array([row[1] or 0 for row in rows], dtype=np.float64)
    columns = {
        field.name: strings if field.avro_type == "string" else np.arange(count) for field in schema.fields
    } | dict.fromkeys(("on_s", "observed_s", "energy_wh"), numbers)
    columns["end_ms"] = Nullable(values=ends, valid=np.array([row[0] is not None for row in rows]))
    for name in ("duty_cycle", "mean_on_power_w"):
        columns[name] = Nullable(values=duty, valid=np.array([row[1] is not None for row in rows]))
    for row, value in zip(rows, encode_columns(schema, columns), strict=True):
        record = decode(value, {schema.schema_id: schema})
        assert (record["end_ms"], record["duty_cycle"], record["appliance"]) == row


def test_encode_columns__names_the_column_that_does_not_fit() -> None:
    one = np.zeros(1)
    with pytest.raises(SchemaError, match="no column for field event_time_ms"):
        encode_columns(reading_schema(), {"power_w": one})
    with pytest.raises(SchemaError, match="field event_time_ms: cannot encode ndarray as long"):
        encode_columns(reading_schema(), dict.fromkeys([f.name for f in reading_schema().fields], one))
    table = Coded(codes=np.zeros(1, dtype=np.int64), table=StringTable([["x"] * 6]))
    whole = {"event_time_ms": np.zeros(1, dtype=np.int64), "source_time_ms": np.zeros(1, dtype=np.int64),
             IDENTITY: table, "power_w": one, "observed_s": one, "voltage_v": one}  # fmt: skip
    with pytest.raises(SchemaError, match="unknown columns"):
        encode_columns(reading_schema(), whole)


def test_decode__refuses_an_unknown_frame_and_a_cut_value() -> None:
    schema = rejection_schema()
    with pytest.raises(SchemaError, match="unknown frame"):
        decode(b"\x01\0\0\0\x07abc", {schema.schema_id: schema})
    with pytest.raises(SchemaError, match="cannot decode"):
        decode(schema.frame + b"\x02", {schema.schema_id: schema})


def test_decode__reads_a_later_schema_beside_todays() -> None:
    today = reading_schema()
    record = json.loads(today.text)
    record["fields"].insert(2, {"name": "voltage_v", "type": "double", "default": 0.0, "unit": "V", "olap": "metric"})
    later = parse_schema("later", json.dumps(record))
    assert later.schema_id != today.schema_id
    buffer = io.BytesIO()
    values = {f.name: {"string": "x", "long": 7, "double": math.pi}[f.avro_type] for f in later.fields}
    fastavro.schemaless_writer(buffer, later.parsed, values)
    schemas = {today.schema_id: today, later.schema_id: later}
    read = decode(later.frame + buffer.getvalue(), schemas, reader=today)
    assert read == {name: value for name, value in values.items() if name != "voltage_v"}
