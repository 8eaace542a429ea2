"""Kafka values -> validated readings: the fast way, the slow way and garbage, without Spark."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridflex.adapters.avro import encode_dicts
from gridflex.config import Readings
from gridflex.contracts.profiles import load_profiles
from gridflex.contracts.schemas import duty_cycle_schema, flexibility_schema, parse_schema, reading_schema
from gridflex.domain.readings import EARLIEST_EVENT_MS, GOOD, IDENTITY_FIELDS, MS_PER_DAY, REASONS, Reason
from gridflex.operations.checks.canary import Canary
from stream_processing.codec.decoder import Decoder
from stream_processing.codec.identity import encode, identify
from stream_processing.codec.message_batch import OFFSET_BITS, MessageBatch, join, split
from tests.support.examples import examples
from tests.support.reading_edges import EDGES

SCHEMA = reading_schema()
DECODER = Decoder(reader=SCHEMA, writers=(SCHEMA,), limits=Readings(), profiles=load_profiles())
NOW_MS = 1_750_000_000_000
GOOD_READING: dict[str, Any] = {
    "event_time_ms": NOW_MS, "source_time_ms": NOW_MS - 86_400_000, "dataset": "redd", "region": "Béja", "feeder": "f1",
    "house_id": "redd-1-0", "appliance_id": "redd-1-0-5", "appliance": "fridge", "power_w": 120.5, "observed_s": 3.0,
}  # fmt: skip


def _value(**changes: Any) -> bytes:
    return encode_dicts(SCHEMA, [GOOD_READING | changes])[0]


def _decode(*values: bytes | None, decoder: Decoder = DECODER) -> MessageBatch:
    count = len(values)
    position = (3 << OFFSET_BITS) + np.arange(count)
    return decoder.decode(pa.array(values, pa.binary()), position, np.full(count, NOW_MS))


def _reasons(messages: MessageBatch) -> list[Reason | None]:
    return [None if code == GOOD else REASONS[code - 1] for code in messages.reason.tolist()]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        *((_value(**change), reason) for change, reason in EDGES),
        (_value(event_time_ms=NOW_MS + 300_000), None),
        (_value(event_time_ms=Canary.at(NOW_MS).start_ms), None),
        (_value(appliance_id="x" * 300), None),
        (_value(event_time_ms=NOW_MS // 1000), Reason.BAD_TIME),
        (_value(event_time_ms=NOW_MS // 60_000), Reason.BAD_TIME),
        (_value(event_time_ms=365 * MS_PER_DAY), Reason.BAD_TIME),
        (_value(event_time_ms=NOW_MS * 1000), Reason.FUTURE_TIME),
        (_value(event_time_ms=NOW_MS + 300_001), Reason.FUTURE_TIME),
        (b"", Reason.UNKNOWN_SCHEMA),
        (None, Reason.UNKNOWN_SCHEMA),
        (b"\x01\x00\x00\x00\x07" + _value()[5:], Reason.UNKNOWN_SCHEMA),
        (b"\x02" + _value()[1:], Reason.UNKNOWN_SCHEMA),
        (_value()[:-1], Reason.UNDECODABLE),
        (_value()[:30], Reason.UNDECODABLE),
        (SCHEMA.frame + b"\xff" * 80, Reason.UNDECODABLE),
        (SCHEMA.frame + b"\x02\x02\xfe\xff\xff\xff\x0f" + b"a" * 60, Reason.UNDECODABLE),
    ],
)
def test_decode__gives_each_value_its_reason(value: bytes | None, reason: Reason | None) -> None:
    messages = _decode(_value(appliance_id="before"), value, _value(appliance_id="after"))

    assert _reasons(messages) == [None, reason, None]
    raw = messages.raw[1]
    assert raw == (value or b"") if reason else identify(raw) is not None


def test_decode__reads_what_was_written() -> None:
    messages = _decode(_value(), _value(event_time_ms=EARLIEST_EVENT_MS + 5, power_w=7.25), _value(appliance="kettle"))

    assert messages.time_ms.tolist() == [NOW_MS, EARLIEST_EVENT_MS + 5, NOW_MS]
    assert messages.power_w.tolist() == [120.5, 7.25, 120.5]
    assert messages.observed_s.tolist() == [3.0, 3.0, 3.0]
    assert (messages.partition.tolist(), messages.offset.tolist()) == ([3, 3, 3], [0, 1, 2])
    assert set(messages.raw[:2]) == {encode([GOOD_READING[name] for name in IDENTITY_FIELDS])}
    assert messages.series[0] == messages.series[1] != messages.series[2]


def test_decode__reads_a_later_schema_beside_todays() -> None:
    text = json.loads(SCHEMA.text)
    text["fields"].insert(0, {"name": "voltage_v", "type": "double", "unit": "V", "olap": "metric"})
    later = parse_schema("appliance_reading_later", json.dumps(text))
    decoder = Decoder(reader=SCHEMA, writers=(SCHEMA, later), limits=Readings(), profiles=load_profiles())
    value = encode_dicts(later, [GOOD_READING | {"voltage_v": 230.0, "power_w": 99.0}])[0]

    messages = _decode(_value(), value, decoder=decoder)

    assert _reasons(messages) == [None, None]
    assert messages.power_w.tolist() == [120.5, 99.0]
    assert messages.series[0] == messages.series[1]
    assert _reasons(_decode(value)) == [Reason.UNKNOWN_SCHEMA]


@settings(max_examples=examples(60))
@given(
    st.lists(st.one_of(st.binary(max_size=120), st.binary(max_size=120).map(lambda b: SCHEMA.frame + b)), max_size=8)
)
def test_decode__survives_any_bytes_and_loses_no_message(garbage: list[bytes]) -> None:
    messages = _decode(*garbage, _value())

    assert len(messages) == len(garbage) + 1
    assert _reasons(messages)[-1] is None


@settings(max_examples=examples(30))
@given(
    st.lists(st.sampled_from([_value(appliance_id=f"a{n}", region=f"r{n % 3}") for n in range(9)] + [b"x", b""])),
    st.integers(1, 7),
)
def test_split__joins_to_the_same_messages_with_a_series_in_one_bucket(values: list[bytes], buckets: int) -> None:
    messages = _decode(*values)
    blocks = list(split(messages, buckets)) if values else []

    parts = {bucket: join([block]) for bucket, block in blocks}
    assert len(parts) == len(blocks)
    found = sorted(
        (int(part.position[row]), part.raw[row], int(part.series[row]), int(part.reason[row]))
        for part in parts.values()
        for row in range(len(part))
    )
    assert found == [
        (int(messages.position[row]), messages.raw[row], int(messages.series[row]), int(messages.reason[row]))
        for row in range(len(messages))
    ]
    for bucket, part in parts.items():
        assert (part.series % buckets == bucket).all()


def test_identity__is_the_same_run_of_fields_in_all_schemas() -> None:
    assert reading_schema().dimensions == IDENTITY_FIELDS
    for schema in (SCHEMA, duty_cycle_schema(), flexibility_schema()):
        names = [field.name for field in schema.fields]
        start = names.index(IDENTITY_FIELDS[0])
        assert tuple(names[start : start + len(IDENTITY_FIELDS)]) == IDENTITY_FIELDS
