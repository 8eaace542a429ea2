"""Dead letters of the stream: each bad message once, where it came from, and what would have been allowed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from gridflex.adapters.avro import decode, encode_dicts
from gridflex.config import Readings, Spark
from gridflex.contracts.profiles import load_profiles
from gridflex.contracts.schemas import reading_schema, rejection_schema
from gridflex.domain.duty_cycle import Late
from gridflex.domain.readings import EARLIEST_EVENT_MS
from stream_processing.codec.decoder import Decoder
from stream_processing.codec.message_batch import OFFSET_BITS, MessageBatch
from stream_processing.codec.rejections import DeadLetters

READINGS = reading_schema()
REJECTIONS = rejection_schema()
NOW_MS = 1_750_000_000_000
GOOD_READING: dict[str, Any] = {
    "event_time_ms": NOW_MS, "source_time_ms": NOW_MS, "dataset": "redd", "region": "Béja", "feeder": "f1",
    "house_id": "redd-1-0", "appliance_id": "redd-1-0-5", "appliance": "fridge", "power_w": 120.5, "observed_s": 3.0,
}  # fmt: skip
DEAD_LETTERS = DeadLetters(
    schema=REJECTIONS, topic="readings", limits=Readings(), spark=Spark(), known_ids=(READINGS.schema_id,)
)


def value(**changes: Any) -> bytes:
    return encode_dicts(READINGS, [GOOD_READING | changes])[0]


def arrived(*values: bytes) -> MessageBatch:
    """The messages at offsets 7, 8, ... of partition 3."""
    decoder = Decoder(reader=READINGS, writers=(READINGS,), limits=Readings(), profiles=load_profiles())
    position = (3 << OFFSET_BITS) + 7 + np.arange(len(values))
    return decoder.decode(pa.array(values, pa.binary()), position, np.full(len(values), NOW_MS))


def told(messages: Any) -> list[dict[str, Any]]:
    known = {REJECTIONS.schema_id: REJECTIONS}
    return [decode(message, known) for message in messages.value]


def test_bad_message__is_kept_with_its_bytes_and_its_place() -> None:
    bad = [b"\x01\x00\x00\x00\x07rubbish", value(power_w=-0.1)]
    messages = DEAD_LETTERS.of_bad(arrived(*bad))
    found = told(messages)
    assert [record["raw"] for record in found] == bad
    assert [record["position"] for record in found] == ["readings/3/7", "readings/3/8"]
    assert [bytes(key) for key in messages.key] == [b"readings/3/7", b"readings/3/8"]
    assert {record["stage"] for record in found} == {"stream"}
    assert [(record["kafka_partition"], record["kafka_offset"]) for record in found] == [(3, 7), (3, 8)]
    assert [record["count"] for record in found] == [1, 1]
    assert [record["event_time_ms"] for record in found] == [NOW_MS, NOW_MS]


@pytest.mark.parametrize(
    ("message", "reason", "detail"),
    [
        (b"\x01\x00\x00\x00\x07x", "unknown_schema", f"frame=0100000007; allowed: 01 and one of the schema ids "
         f"{READINGS.schema_id:08x}"),
        (value()[:-1], "undecodable", f"{len(value()) - 1} bytes that are not of the schema their frame names"),
        (value(power_w=math.nan), "not_finite", "power_w=nan; allowed: 0..50000"),
        (value(power_w=-2.5), "negative_power", "power_w=-2.5; allowed: 0..50000"),
        (value(power_w=60_000.0), "absurd_power", "power_w=60000.0; allowed: 0..50000"),
        (value(observed_s=-1.0), "bad_observed", "observed_s=-1.0; allowed: 0..86400"),
        (value(event_time_ms=5), "bad_time", f"event_time_ms=5; allowed: {EARLIEST_EVENT_MS}..{NOW_MS + 300_000}"),
        (value(event_time_ms=NOW_MS + 300_001), "future_time", f"event_time_ms={NOW_MS + 300_001}; allowed: "
         f"{EARLIEST_EVENT_MS}..{NOW_MS + 300_000}, 300000 ms after the message's time stamp"),
    ],
)  # fmt: skip
def test_bad_message__names_its_reason_and_what_is_allowed(message: bytes, reason: str, detail: str) -> None:
    (found,) = told(DEAD_LETTERS.of_bad(arrived(message)))
    assert found["reason"] == reason
    assert found["detail"].startswith(detail)


def test_late_reading__names_its_appliance_and_the_newest_one() -> None:
    readings = arrived(value(), value(event_time_ms=NOW_MS - 5000, power_w=7.5), value())
    late = Late(reading=np.array([1]), newest_ms=np.array([NOW_MS]))
    (found,) = told(DEAD_LETTERS.of_late(readings, late))
    assert (found["reason"], found["dataset"], found["position"], found["raw"]) == ("late", "redd", "readings/3/8", b"")
    assert found["detail"] == (
        f"appliance_id=redd-1-0-5 event_time_ms={NOW_MS - 5000} power_w=7.5 observed_s=3.0; "
        f"allowed: after {NOW_MS}, its newest reading"
    )


def test_no_bad_message__gives_no_dead_letter() -> None:
    assert told(DEAD_LETTERS.of_bad(arrived(value()).take(np.array([], dtype=np.int64)))) == []
