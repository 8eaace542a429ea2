import json

import pytest

from gridflex.contracts.schemas import SCHEMA_DIR, load_schema, parse_schema
from gridflex.errors import SchemaError

NAMES = sorted(path.stem for path in SCHEMA_DIR.glob("*.avsc"))
OLAP = {"timestamp", "dimension", "metric", "none"}
SUFFIXES = {"_ms": "ms", "_w": "W", "_w2": "W2", "_wh": "Wh", "_s": "s"}


@pytest.mark.parametrize("name", NAMES)
def test_schema__gives_every_field_a_unit_and_a_role(name: str) -> None:
    fields = load_schema(name).fields
    assert [field.name for field in fields if field.olap == "timestamp"] == ["event_time_ms"]
    for field in fields:
        assert field.olap in OLAP, field.name
        for suffix, unit in SUFFIXES.items():
            if field.name.endswith(suffix):
                assert field.unit == unit, field.name


def test_schema__ids_differ_and_leave_the_sign_bit_free() -> None:
    ids = [load_schema(name).schema_id for name in NAMES]
    assert len(set(ids)) == len(NAMES)
    assert all(0 < schema_id < 2**31 for schema_id in ids)


def test_schema__id_ignores_documentation_but_not_fields() -> None:
    text = (SCHEMA_DIR / "appliance_reading.avsc").read_text()
    record = json.loads(text)
    documented = json.dumps(record | {"doc": "something else"})
    assert parse_schema("x", documented).schema_id == load_schema("appliance_reading").schema_id
    record["fields"].append({"name": "voltage_v", "type": "double", "unit": "V", "olap": "metric"})
    assert parse_schema("x", json.dumps(record)).schema_id != load_schema("appliance_reading").schema_id


def test_load_schema__says_which_there_are() -> None:
    with pytest.raises(SchemaError, match=f"found: {', '.join(NAMES)}"):
        load_schema("appliance")


def test_parse_schema__refuses_a_field_without_a_unit() -> None:
    with pytest.raises(SchemaError, match="has no 'unit'"):
        parse_schema("x", '{"type": "record", "name": "x", "fields": [{"name": "a", "type": "long"}]}')
