from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridflex.domain.curtailment import Call, Limit, Program, event_breaches, group_breach
from gridflex.domain.flexibility import Handling
from tests.support.examples import examples

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
PROGRAM = Program(
    name="summer",
    appliances=frozenset({"air_conditioning"}),
    handling=frozenset({Handling.CYCLE}),
    events_per_week=2,
    event_h=2,
    season_h=6,
    season_months=(6, 9),
    rest_h=12,
    notice_min=30,
    hours=(12, 20),
    weekdays=frozenset({1, 2, 3, 4, 5}),
)


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


MONDAY_MS = ms("2025-07-14T18:00")


def breached(start: str, end: str, *, notice_min: float = 60, zone: str = "UTC") -> list[Limit]:
    found = event_breaches(PROGRAM, start_ms=ms(start), end_ms=ms(end), now_ms=ms(start) - round(notice_min * 60_000),
                           zone=ZoneInfo(zone))  # fmt: skip
    return [one.limit for one in found]


@pytest.mark.parametrize(
    ("start", "end", "limits"),
    [
        ("2025-07-14T18:00", "2025-07-14T20:00", []),
        ("2025-07-14T18:30", "2025-07-14T20:30", [Limit.HOURS]),
        ("2025-07-14T11:55", "2025-07-14T12:55", [Limit.HOURS]),
        ("2025-07-14T13:00", "2025-07-14T15:05", [Limit.EVENT_HOURS]),
        ("2025-07-12T13:00", "2025-07-12T14:00", [Limit.WEEKDAY]),
        ("2025-10-01T13:00", "2025-10-01T14:00", [Limit.SEASON]),
        ("2025-10-04T21:00", "2025-10-05T01:00", [Limit.EVENT_HOURS, Limit.HOURS, Limit.WEEKDAY, Limit.SEASON]),
    ],
)
def test_event__breaches_each_limit_of_its_program(start: str, end: str, limits: list[Limit]) -> None:
    assert breached(start, end) == limits


def test_event__needs_the_notice_time() -> None:
    assert breached("2025-07-14T18:00", "2025-07-14T19:00", notice_min=29) == [Limit.NOTICE]
    assert breached("2025-07-14T18:00", "2025-07-14T19:00", notice_min=30) == []


def test_event__is_held_in_local_hours() -> None:
    assert breached("2025-07-14T18:30", "2025-07-14T19:30", zone="Africa/Tunis") == [Limit.HOURS]
    assert breached("2025-07-14T11:00", "2025-07-14T12:00", zone="Africa/Tunis") == []


def calls(*starts: str, hours: float = 1) -> list[Call]:
    return [Call(start_ms=ms(start), end_ms=ms(start) + round(hours * HOUR_MS)) for start in starts]


@pytest.mark.parametrize(
    ("held", "limit"),
    [
        (calls(), None),
        (calls("2025-07-14T05:01"), Limit.REST),
        (calls("2025-07-14T05:00"), None),
        (calls("2025-07-15T06:30"), Limit.REST),
        (calls("2025-07-14T18:30"), Limit.REST),
        (calls("2025-07-08T18:00", "2025-07-10T18:00"), Limit.EVENTS_PER_WEEK),
        (calls("2025-07-07T18:00", "2025-07-10T18:00"), None),
        (calls("2025-07-13T00:00", "2025-07-19T00:00"), Limit.EVENTS_PER_WEEK),
        (calls("2025-06-02T13:00", "2025-06-12T13:00", "2025-06-22T13:00", hours=2), Limit.SEASON_HOURS),
        (calls("2024-07-02T13:00", "2024-07-12T13:00", "2024-07-22T13:00", hours=2), None),
    ],
)
def test_group__is_held_back_by_its_own_calls(held: list[Call], limit: Limit | None) -> None:
    found = group_breach(PROGRAM, held, start_ms=MONDAY_MS, end_ms=MONDAY_MS + HOUR_MS)
    assert (found and found.limit) == limit


@settings(max_examples=examples(60))
@given(st.lists(st.tuples(st.integers(0, 60 * 24), st.sampled_from([0.25, 1, 2])), max_size=60))
def test_calls__that_are_allowed_one_by_one_stay_within_every_limit(wanted: list[tuple[int, float]]) -> None:
    held: list[Call] = []
    for hour, length_h in wanted:
        start_ms = ms("2025-06-01T00:00") + hour * HOUR_MS
        end_ms = start_ms + round(length_h * HOUR_MS)
        if group_breach(PROGRAM, held, start_ms=start_ms, end_ms=end_ms) is None:
            held.append(Call(start_ms=start_ms, end_ms=end_ms))
    held.sort(key=lambda call: call.start_ms)
    assert sum(call.end_ms - call.start_ms for call in held) <= PROGRAM.season_h * HOUR_MS
    for one, after in pairwise(held):
        assert after.start_ms - one.end_ms >= PROGRAM.rest_h * HOUR_MS
    for call in held:
        week = [one for one in held if call.start_ms <= one.start_ms < call.start_ms + 7 * DAY_MS]
        assert len(week) <= PROGRAM.events_per_week


def test_program__says_all_that_is_wrong_with_it() -> None:
    with pytest.raises(ValueError, match=r"events_per_week=0; allowed: at least 1; hours=\(20, 12\); allowed"):
        Program(name="odd", appliances=frozenset(), handling=frozenset({Handling.CYCLE}), events_per_week=0, event_h=1,
                season_h=1, hours=(20, 12))  # fmt: skip
