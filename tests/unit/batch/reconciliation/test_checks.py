"""The gate's and the reconciliation's judgements, without servers."""

import datetime as dt
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.baselines.jobs import read_dates
from batch.reconciliation import validity
from batch.reconciliation.quality import DayFindings, check, problems
from batch.reconciliation.reconcile import Range, ReconciliationResult, gaps, refuse_another_topic
from batch.reconciliation.validity import GOOD, Validity
from gridflex.adapters.avro import encode_dicts
from gridflex.config import Config, Readings
from gridflex.contracts.schemas import parse_schema, reading_schema
from gridflex.domain.readings import Reason
from gridflex.errors import DataQualityError, UsageError
from tests.support.reading_edges import AT_MS, EDGES, FUTURE_EDGES, READING

DAY = DayFindings(
    day=dt.date(2024, 5, 1),
    length_s=86_400.0,
    readings=1000,
    appliances=10,
    observed_s=800_000.0,
    least_energy_wh=0.0,
    most_power_w=3000.0,
)


def told(day: DayFindings) -> list[str]:
    return problems(day, min_observed_share=0.5, max_power_w=50_000)


def test_problems__a_good_day_has_none() -> None:
    assert told(DAY) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"readings": 0}, "holds no reading"),
        ({"observed_s": 400_000.0}, "46.3% of the time of 10 appliances was observed; needed: 50.0%"),
        ({"least_energy_wh": -1.0}, "-1 Wh"),
        ({"least_energy_wh": math.nan}, "nan Wh"),
        ({"most_power_w": 60_000.0}, "60000 W; allowed: 0 to 50000"),
        ({"most_power_w": math.nan}, "nan W"),
        ({"most_power_w": -1.0}, "-1 W; allowed: 0 to 50000"),
    ],
)
def test_problems__each_names_the_day_and_what_is_needed(change: dict[str, Any], words: str) -> None:
    (problem,) = told(replace(DAY, **change))
    assert problem.startswith("2024-05-01: ")
    assert words in problem


def test_check__a_day_that_is_not_over_stops_the_run() -> None:
    noon = dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)
    with pytest.raises(DataQualityError, match=r"2024-05-01 is not over before 2024-05-02T00:00:00\.000Z"):
        check(Config(), [dt.date(2024, 5, 1)], now=noon)


def test_read_dates__names_the_wrong_line(tmp_path: Path) -> None:
    path = tmp_path / "days.txt"
    path.write_text("# events\n2024-05-01  # heat\n\n2024-06-31\n")
    with pytest.raises(UsageError, match=r"days\.txt:4: found '2024-06-31'"):
        read_dates(path)
    path.write_text("2024-05-01\n")
    assert read_dates(path) == [dt.date(2024, 5, 1)]


@pytest.mark.parametrize(("in_druid", "unexplained"), [(99, -1), (100, 0), (105, 0), (110, 0), (112, 2)])
def test_balance__what_was_in_flight_is_explained_and_no_more(in_druid: int, unexplained: int) -> None:
    balance = ReconciliationResult(good_before=100, good_after=110, in_druid=in_druid, bad={}, dead_letters=0, unread=0)
    assert balance.unexplained == unexplained
    assert f"Druid counts {in_druid} (asked after 100 and before 110); 0 dead letters" in balance.summary()
    assert f"Druid counts {in_druid}; 0 dead letters" in replace(balance, good_before=110).summary()


@pytest.mark.parametrize(("in_druid", "unexplained"), [(99, -1), (110, 0), (117, 0), (118, 1)])
def test_balance__druid_may_hold_what_kafka_deleted_before_it_was_counted(in_druid: int, unexplained: int) -> None:
    balance = ReconciliationResult(
        good_before=100, good_after=110, in_druid=in_druid, bad={}, dead_letters=0, unread=0, deleted=7
    )
    assert balance.unexplained == unexplained
    assert balance.summary().endswith("up to 7 deleted by Kafka before they were counted")


def test_kept_range__that_the_topic_never_had_is_another_topics() -> None:
    kept = [Range(partition=2, start=0, end=1000, counts={GOOD: 1000})]
    refuse_another_topic("powerraw", kept, {2: 1000})
    for end in ({2: 999}, {0: 5000}):
        with pytest.raises(
            DataQualityError, match=r"powerraw was deleted and created again: partition 2 .* offset 1,000"
        ):
            refuse_another_topic("powerraw", kept, end)


@given(st.lists(st.integers(1, 8), max_size=8), st.lists(st.booleans(), min_size=8, max_size=8), st.integers(0, 40))
def test_gaps__and_kept_ranges_cover_everything_once(lengths: list[int], kept_ones: list[bool], end: int) -> None:
    kept, at = [], 3
    for length, keep in zip(lengths, kept_ones, strict=False):
        if keep:
            kept.append(Range(partition=0, start=at, end=at + length, counts={}))
        at += length
    covered = [offset for one in kept for offset in range(one.start, one.end) if offset < end]
    missing = [offset for start, stop in gaps(kept, 0, 0, end) for offset in range(start, stop)]
    assert sorted(covered + missing) == list(range(end))


def test_verdicts__follow_the_rule_of_druid_and_spark() -> None:
    values = encode_dicts(reading_schema(), [READING | change for change, _ in EDGES])
    outcomes = Validity(Readings()).outcomes([b"", *values], [AT_MS] * (len(values) + 1))
    assert outcomes == [Reason.UNKNOWN_SCHEMA, *(reason or GOOD for _, reason in EDGES)]


@pytest.mark.parametrize(("ahead_ms", "reason"), FUTURE_EDGES)
def test_verdicts__are_held_against_each_messages_own_time_stamp(ahead_ms: int, reason: Reason | None) -> None:
    values = encode_dicts(reading_schema(), [READING | {"event_time_ms": AT_MS + ahead_ms}]) * 2
    assert Validity(Readings()).outcomes(values, [AT_MS, AT_MS + 1]) == [reason or GOOD, GOOD]


def test_verdicts__accept_every_schema_that_the_feeds_row_names(monkeypatch: pytest.MonkeyPatch) -> None:
    record = json.loads(reading_schema().text)
    record["fields"].insert(0, {"name": "voltage_v", "type": "double", "unit": "V", "olap": "metric"})
    later = parse_schema("later", json.dumps(record))
    values = [*encode_dicts(reading_schema(), [READING]), *encode_dicts(later, [READING | {"voltage_v": 230.0}])]
    assert Validity(Readings()).outcomes(values, [AT_MS, AT_MS]) == [GOOD, Reason.UNKNOWN_SCHEMA]
    monkeypatch.setattr(validity, "accepted_schemas", lambda feed: (reading_schema(), later))
    assert Validity(Readings()).outcomes(values, [AT_MS, AT_MS]) == [GOOD, GOOD]


def test_verdict__bytes_that_are_no_reading_have_a_reason_too() -> None:
    other = parse_schema("other", '{"type": "record", "name": "o", "fields": []}')
    frame = reading_schema().frame
    values = [None, b"garbage", other.frame, frame, frame + b"\xff" * 30]
    expected = [Reason.UNKNOWN_SCHEMA] * 3 + [Reason.UNDECODABLE] * 2
    assert Validity(Readings()).outcomes(values, [AT_MS] * len(values)) == expected
    assert Validity(Readings()).outcomes([], []) == []
