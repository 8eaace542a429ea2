"""What a schema's layout cuts out of messages, and which messages it leaves alone."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from gridflex.adapters.avro import encode_dicts
from gridflex.contracts.schemas import Schema, parse_schema, reading_schema, rejection_schema
from gridflex.errors import SchemaError
from stream_processing.codec.layout import compile_layout

NOW_MS = 1_750_000_000_000


def schema(*fields: tuple[str, str, str]) -> Schema:
    rows = [{"name": name, "type": kind, "unit": unit, "olap": "none"} for name, kind, unit in fields]
    return parse_schema("toy", json.dumps({"type": "record", "name": "Toy", "fields": rows}))


TOY = schema(("time_ms", "long", "ms"), ("site", "string", "name"), ("a_w", "double", "W"), ("b_w", "double", "W"))


def record(**changes: Any) -> dict[str, Any]:
    return {"time_ms": NOW_MS, "site": "Béja", "a_w": 1.5, "b_w": -2.5} | changes


def test_layout__has_the_fields_of_the_readings() -> None:
    layout = compile_layout(reading_schema())
    assert layout.instants == ("event_time_ms", "source_time_ms")
    assert layout.strings == ("dataset", "region", "feeder", "house_id", "appliance_id", "appliance")
    assert (layout.head_length, layout.tail_length) == (17, 16)


def test_cut__gives_each_field_as_it_was_written() -> None:
    values = pa.array(encode_dicts(TOY, [record(), record(time_ms=NOW_MS + 1, site="x", b_w=0.0)]), pa.binary())
    layout = compile_layout(TOY)
    assert layout.long_enough(values).all()
    cut = layout.cut(values)
    assert cut.sound().tolist() == [True, True]
    assert cut.instant("time_ms").tolist() == [NOW_MS, NOW_MS + 1]
    assert (cut.double("a_w").tolist(), cut.double("b_w").tolist()) == ([1.5, 1.5], [-2.5, 0.0])
    assert cut.strings.to_pylist() == [b"\x0aB\xc3\xa9ja", b"\x02x"]


def test_cut__leaves_messages_of_another_form_alone() -> None:
    layout = compile_layout(TOY)
    good, early = encode_dicts(TOY, [record(), record(time_ms=5)])
    assert layout.long_enough(pa.array([good, None, b"", good[:20]], pa.binary())).tolist() == [
        True,
        False,
        False,
        False,
    ]
    cut = layout.cut(pa.array([good, early + b"12345", b"\x02" + good[1:]], pa.binary()))
    assert cut.sound().tolist() == [True, False, False]


@pytest.mark.parametrize(
    "other",
    [
        rejection_schema(),
        schema(("site", "string", "name"), ("time_ms", "long", "ms"), ("a_w", "double", "W")),
        schema(("time_ms", "long", "ms"), ("site", "string", "name"), ("count", "long", "1")),
        schema(("time_ms", "long", "ms"), ("site", "string", "name")),
    ],
    ids=lambda other: " ".join(field.name for field in other.fields[:3]),
)
def test_compile_layout__refuses_fields_of_another_order_or_kind(other: Schema) -> None:
    with pytest.raises(SchemaError, match="a layout needs instants, then strings, then doubles"):
        compile_layout(other)
