"""A bucket over many micro-batches: silent series are forgotten with a last word, a flood of new ones is refused."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from gridflex.adapters.avro import decode, encode_dicts
from gridflex.config import load_config
from gridflex.contracts.feeds import feeds
from gridflex.contracts.flexibility import load_rules
from gridflex.contracts.profiles import load_profiles
from gridflex.contracts.schemas import duty_cycle_schema, flexibility_schema, reading_schema, rejection_schema
from gridflex.domain.duty_cycle import Detector
from gridflex.domain.flexibility import Forecaster, no_records, to_bytes
from stream_processing.codec.decoder import Decoder
from stream_processing.codec.rejections import DeadLetters
from stream_processing.state.bucket import DEAD_LETTERS, DUTY_CYCLES, FLEXIBILITY, OUTPUT_FEEDS, REFUSED, Bucket
from stream_processing.state.flexible import FlexibilityEncoder
from stream_processing.state.memory import State, from_bytes
from stream_processing.state.roster import Bounds

SETTINGS = load_config(environ={})
LIMITS = SETTINGS.readings.model_copy(update={"max_future_s": 86_400})
PROFILES = load_profiles()
DECODER = Decoder(reader=reading_schema(), writers=(reading_schema(),), limits=LIMITS, profiles=PROFILES)
SCHEMAS = {schema.schema_id: schema for schema in (duty_cycle_schema(), flexibility_schema(), rejection_schema())}
START_MS = 1_790_000_000_000 // 600_000 * 600_000
MINUTE_MS, HOUR_MS = 60_000, 3_600_000
Record = dict[str, Any]
_POSITION = itertools.count()


def bucket(*, forget_after_s: float = 3600, new_per_min: int = 1000, most: int = 10_000) -> Bucket:
    return Bucket(
        detector=Detector(PROFILES, SETTINGS.readings.max_gap_s, 600, 60),
        schema=duty_cycle_schema(),
        dead_letters=DeadLetters(
            schema=rejection_schema(), topic="powerraw", limits=LIMITS, spark=SETTINGS.spark, known_ids=()
        ),
        flexibility=FlexibilityEncoder(forecaster=Forecaster(load_rules()), schema=flexibility_schema()),
        bounds=Bounds(forget_after_s=forget_after_s, new_per_min=new_per_min, most=most),
    )


@dataclass
class Kept:
    """What Spark keeps of the bucket, and what the bucket told."""

    bucket: Bucket
    state: State | None = None
    names: list[bytes] = field(default_factory=list)
    told: dict[int, list[Record]] = field(default_factory=dict)

    def feed(self, readings: Sequence[Record], kafka_ms: int) -> None:
        values = pa.array(encode_dicts(reading_schema(), readings), pa.binary())
        position = np.array([next(_POSITION) for _ in readings])
        messages = DECODER.decode(values, position, np.full(len(readings), kafka_ms))
        folded = self.bucket.fold(self.state, messages, lambda: self.names)
        self.state = folded.state
        if folded.all_names is not None:
            self.names = [folded.all_names]
        if folded.new_names is not None:
            self.names.append(folded.new_names)
        for topic, batches in folded.emitted.items():
            records = [decode(value, SCHEMAS) for batch in batches for value in batch.value]
            self.told.setdefault(topic, []).extend(records)

    @property
    def series(self) -> int:
        assert self.state is not None
        return len(from_bytes(self.state, self.bucket.detector).detector)

    def of(self, house: str, topic: int = DUTY_CYCLES) -> list[Record]:
        return [row for row in self.told.get(topic, []) if row["house_id"] == house]


def reading(house: str, time_ms: int, power_w: float, observed_s: float, feeder: str = "F") -> Record:
    return {
        "event_time_ms": time_ms, "source_time_ms": time_ms, "dataset": "redd", "region": "Tunis", "feeder": feeder,
        "house_id": house, "appliance_id": f"{house}-1", "appliance": "fridge", "power_w": power_w,
        "observed_s": observed_s,
    }  # fmt: skip


def course(house: str, start_ms: int, seconds: Iterable[int] = range(0, 900, 30), feeder: str = "F") -> list[Record]:
    """A fridge that is on for every other five minutes, and at the end."""
    return [
        reading(house, start_ms + at * 1000, 110.0 if at // 300 % 2 == 0 else 2.0, 0.0 if index == 0 else 30.0, feeder)
        for index, at in enumerate(seconds)
    ]


def clock(kept: Kept, hours: Iterable[float]) -> None:
    """Only one house goes on speaking, in Kafka's time."""
    for hour in hours:
        at = START_MS + round(hour * HOUR_MS)
        kept.feed([reading("steady", at, 2.0, 0.0)], at)


def test_bucket__forgets_a_silent_series_with_the_rows_that_its_return_would_have_told() -> None:
    short, endless = Kept(bucket(forget_after_s=2 * 3600)), Kept(bucket(forget_after_s=1e9))
    for kept in (short, endless):
        kept.feed(course("redd-1-0", START_MS), START_MS)
        clock(kept, (1, 2, 2.5, 3))
        assert kept.series == (1 if kept is short else 2)
    back = START_MS + 4 * HOUR_MS
    before = len(endless.of("redd-1-0"))
    for kept in (short, endless):
        kept.feed([reading("redd-1-0", back, 2.0, 0.0)], back)
        kept.feed(course("redd-1-0", back + 30_000, range(0, 900, 30)), back)

    assert short.of("redd-1-0") == endless.of("redd-1-0")
    late = endless.of("redd-1-0")[before:]
    assert {row["status"] for row in late} == {"ended", "closed", "confirmed"}
    silent = [row for row in short.of("redd-1-0", FLEXIBILITY) if row["event_time_ms"] <= START_MS + 2 * HOUR_MS]
    assert silent == [
        row for row in endless.of("redd-1-0", FLEXIBILITY) if row["event_time_ms"] <= START_MS + 2 * HOUR_MS
    ]
    assert {row["fresh"] for row in silent} == {0, 1}
    assert short.of("steady") == endless.of("steady")
    assert short.of("steady", FLEXIBILITY) == endless.of("steady", FLEXIBILITY)


def test_bucket__remembers_a_series_that_comes_back_within_the_horizon() -> None:
    kept, whole = Kept(bucket(forget_after_s=2 * 3600)), Kept(bucket())
    sent = course("redd-1-0", START_MS)
    kept.feed(sent[:17], START_MS)
    clock(kept, (0.5, 1, 1.5))
    kept.feed(sent[17:], START_MS + 2 * HOUR_MS - MINUTE_MS)  # paused, in event time it goes on
    whole.feed(sent, START_MS)
    assert kept.of("redd-1-0") == whole.of("redd-1-0")
    assert kept.of("redd-1-0", FLEXIBILITY) == whole.of("redd-1-0", FLEXIBILITY)


def test_bucket__takes_a_series_that_comes_back_after_the_horizon_for_a_new_one() -> None:
    kept = Kept(bucket(forget_after_s=3600))
    sent = course("redd-1-0", START_MS)
    kept.feed(sent, START_MS)
    clock(kept, (1, 1.5, 2))
    assert kept.series == 1
    kept.feed(sent, START_MS + 2 * HOUR_MS)
    assert kept.told[DEAD_LETTERS] == []
    again = Kept(bucket())
    again.feed(sent, START_MS)
    told = kept.of("redd-1-0")
    assert told[-len(again.of("redd-1-0")) :] == again.of("redd-1-0")


def test_bucket__calls_a_forgotten_series_by_its_latest_identity() -> None:
    kept = Kept(bucket(forget_after_s=3600))
    kept.feed(course("redd-1-0", START_MS, range(0, 300, 30), feeder="old"), START_MS)
    kept.feed(course("redd-1-0", START_MS + 300_000, range(0, 900, 30), feeder="new"), START_MS)
    seen = len(kept.of("redd-1-0"))
    clock(kept, (1, 1.5, 2))
    last = kept.of("redd-1-0")[seen:]
    assert last
    assert {row["feeder"] for row in last} == {"new"}


def test_bucket__is_as_small_after_one_time_series_as_before() -> None:
    kept = Kept(bucket(forget_after_s=3600, new_per_min=10_000, most=20_000))
    clock(kept, (0,))
    assert kept.state is not None
    before = sum(map(len, kept.state))
    kept.feed([reading(f"once-{number}", START_MS, 60.0, 3.0) for number in range(500)], START_MS)
    assert kept.series == 501
    clock(kept, (0.5, 1, 1.5, 2))
    assert kept.series == 1
    assert sum(map(len, kept.state)) <= before + 8
    assert sum(map(len, kept.names)) < 1000


def test_bucket__refuses_a_flood_of_new_series_and_goes_on_with_the_known_ones() -> None:
    kept, alone = Kept(bucket(new_per_min=100)), Kept(bucket())
    known = course("redd-1-0", START_MS, range(0, 600, 30))
    for at, one in enumerate(known):
        kafka_ms = START_MS + at * 1000
        flood = [reading(f"once-{at}-{number}", kafka_ms, 60.0, 3.0) for number in range(20)]
        kept.feed([*flood, one], kafka_ms)
        alone.feed([one], kafka_ms)
    assert kept.of("redd-1-0") == alone.of("redd-1-0")
    assert kept.series == 100
    refused = kept.told[REFUSED]
    assert len(refused) == 20 * 20 + 1 - 100
    assert Counter(row["reason"] for row in refused) == {"too_many_series": len(refused)}
    assert refused[0]["dataset"] == "redd"
    assert "is new; allowed: 50000 new ones a minute (spark.new_series_per_min), 2000000 in all" in refused[0]["detail"]
    assert len({row["position"] for row in refused}) == len(refused)
    assert kept.told[DEAD_LETTERS] == []


def test_bucket__takes_a_refused_series_in_when_there_is_room_again() -> None:
    kept = Kept(bucket(new_per_min=1))
    kept.feed([reading("a", START_MS, 60.0, 0.0), reading("b", START_MS, 60.0, 0.0)], START_MS)
    kept.feed(course("b", START_MS + MINUTE_MS), START_MS + MINUTE_MS)
    assert [row["detail"][:14] for row in kept.told[REFUSED]] == ["appliance_id=b"]
    assert kept.of("b")


def test_bucket__holds_no_more_series_than_allowed_in_all() -> None:
    kept = Kept(bucket(new_per_min=1000, most=10))
    for minute in range(3):
        at = START_MS + minute * MINUTE_MS
        kept.feed([reading(f"{minute}-{number}", at, 60.0, 0.0) for number in range(6)], at)
    assert kept.series == 10
    assert len(kept.told[REFUSED]) == 8


def test_bucket__goes_on_from_a_state_without_a_roster() -> None:
    sent = course("redd-1-0", START_MS, range(0, 1800, 30))
    whole, old = Kept(bucket(forget_after_s=3600)), Kept(bucket(forget_after_s=3600))
    for kept in (whole, old):
        kept.feed(sent[:30], START_MS)
    assert old.state is not None
    memory = from_bytes(old.state, old.bucket.detector)
    old.state = (old.bucket.detector.encode(memory.detector), to_bytes(memory.flexible))
    old.names = []
    for kept in (whole, old):
        kept.feed(sent[30:], START_MS + HOUR_MS)
        clock(kept, (1.5, 2, 2.5, 3))
    assert old.told == whole.told
    assert old.series == 1


def test_bucket__refuses_a_state_of_a_version_to_come() -> None:
    kept = Kept(bucket())
    kept.state = (b"\x03" + bytes(40), to_bytes(no_records()))
    with pytest.raises(ValueError, match="state is of version 3; allowed: 1 and 2: run the release that wrote it"):
        clock(kept, (0,))


def test_outputs__are_the_feeds_that_spark_may_write() -> None:
    assert set(OUTPUT_FEEDS.values()) == {feed.name for feed in feeds() if "spark" in feed.writers}
    assert [*OUTPUT_FEEDS] == [DUTY_CYCLES, DEAD_LETTERS, FLEXIBILITY, REFUSED]
