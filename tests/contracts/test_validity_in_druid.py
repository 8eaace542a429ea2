"""Druid's filter of readings and the domain's rule of validity let the same readings pass."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridflex.adapters.druid.specs import supervisor_specs
from gridflex.config import Config, Readings
from gridflex.domain.readings import EARLIEST_EVENT_MS, GOOD, MAX_OBSERVED_S, REASONS, Reason, validate
from tests.support.druid_expressions import evaluate, passes
from tests.support.reading_edges import AT_MS, EDGES, FUTURE_EDGES, READING

LONGS = st.integers(-(2**63), 2**63 - 1)
DOUBLES = st.floats()


@cache
def transform_spec(limits: Readings) -> dict[str, Any]:
    spec = supervisor_specs(Config(readings=limits))["powerraw"]["spec"]
    found: dict[str, Any] = spec["dataSchema"]["transformSpec"]
    return found


def reason_of(reading: dict[str, Any], kafka_ms: int, limits: Readings) -> Reason | None:
    columns = (np.array([reading[name]]) for name in ("event_time_ms", "power_w", "observed_s"))
    (code,) = validate(*columns, np.array([kafka_ms]), limits).tolist()
    return None if code == GOOD else REASONS[code - 1]


def druid_takes(reading: dict[str, Any], kafka_ms: int, limits: Readings) -> bool:
    numbers = {name: reading[name] for name in ("event_time_ms", "power_w", "observed_s")}
    return passes(transform_spec(limits), numbers | {"kafka_time_ms": kafka_ms})


@pytest.mark.parametrize(("change", "reason"), EDGES)
def test_edges__have_their_reason_and_pass_druids_filter_if_they_have_none(
    change: dict[str, Any], reason: Reason | None
) -> None:
    reading = READING | change
    assert reason_of(reading, AT_MS, Readings()) == reason
    assert druid_takes(reading, AT_MS, Readings()) == (reason is None)


@pytest.mark.parametrize(("ahead_ms", "reason"), FUTURE_EDGES)
def test_event_time__ahead_of_kafkas_is_held_against_one_limit(ahead_ms: int, reason: Reason | None) -> None:
    reading = READING | {"event_time_ms": AT_MS + ahead_ms}
    assert reason_of(reading, AT_MS, Readings()) == reason
    assert druid_takes(reading, AT_MS, Readings()) == (reason is None)


@given(
    st.one_of(LONGS, st.integers(-2, 2).map(lambda step: EARLIEST_EVENT_MS + step)),
    st.one_of(DOUBLES, st.sampled_from([0.0, -0.0, 1234.5, 1234.5000000000002])),
    st.one_of(DOUBLES, st.sampled_from([0.0, -0.0, float(MAX_OBSERVED_S), 86_400.00000000001])),
    st.integers(0, 2**62),
)
def test_any_reading__passes_druids_filter_exactly_if_it_is_good(
    time_ms: int, power_w: float, observed_s: float, kafka_ms: int
) -> None:
    limits = Readings(max_power_w=1234.5, max_future_s=0.25)
    reading = {"event_time_ms": time_ms, "power_w": power_w, "observed_s": observed_s}
    assert druid_takes(reading, kafka_ms, limits) == (reason_of(reading, kafka_ms, limits) is None)


@given(st.integers(0, 2_000), st.sampled_from([0.001, 0.0015, 0.25, 1.001, 0.9999]))
def test_event_time__near_a_limit_of_fractions_is_held_against_it_alike(ahead_ms: int, max_future_s: float) -> None:
    limits = Readings(max_future_s=max_future_s)
    reading = READING | {"event_time_ms": AT_MS + ahead_ms}
    assert druid_takes(reading, AT_MS, limits) == (reason_of(reading, AT_MS, limits) is None)


def test_evaluator__compares_as_java_does() -> None:
    row = {"nan": float("nan"), "minus": -0.0}
    assert evaluate("nan >= 1.0", row)
    assert not evaluate("minus >= 0.0", row)
    assert evaluate("minus + 0.0 >= 0.0", row)
