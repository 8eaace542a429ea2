"""Instants and durations of OpenADR."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridflex.adapters.openadr.times import FOR_EVER, format_duration, format_instant, parse_duration, parse_instant

HOUR = dt.timedelta(hours=1)


@given(st.datetimes(timezones=st.just(dt.UTC)))
def test_instant__comes_back_as_it_was_written(instant: dt.datetime) -> None:
    assert parse_instant(format_instant(instant)) == instant


@given(st.timedeltas(min_value=dt.timedelta()))
def test_duration__comes_back_as_it_was_written(duration: dt.timedelta) -> None:
    found = parse_duration(format_duration(duration))
    assert abs(found - duration) <= max(dt.timedelta(microseconds=1), duration * 1e-12)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("P0Y0M0DT0H5M0S", dt.timedelta(minutes=5)),
        ("PT0S", dt.timedelta()),
        ("P1DT1H", 25 * HOUR),
        ("P2W", dt.timedelta(weeks=2)),
        ("PT0.5S", dt.timedelta(seconds=0.5)),
        ("P9999Y", FOR_EVER),
    ],
)
def test_duration__is_read_in_every_form(text: str, expected: dt.timedelta) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "5M", "P1M", "P1Y", "PT-5M", "-PT5M", "PT5M ", "P5H", "P99999999999D", "x"]
)
def test_duration__of_no_fixed_length_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="allowed"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["2026-11-29T18:00:00+00:00", "2026-11-29T18:00:00Z", "2026-11-29T19:00:00+01:00"])
def test_instant__is_the_same_in_every_zone(text: str) -> None:
    assert parse_instant(text) == dt.datetime(2026, 11, 29, 18, tzinfo=dt.UTC)


@pytest.mark.parametrize("text", ["2026-11-29T18:00:00", "2026-11-29", "0001-01-01T00:00:00+01:00", "now", "", None, 5])
def test_instant__without_a_zone_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="with its zone"):
        parse_instant(text)
