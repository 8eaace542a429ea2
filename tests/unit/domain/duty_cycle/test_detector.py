"""The vectorised detector against a slow one, and what must hold whatever the readings and however they are split."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridflex.domain.duty_cycle import (
    ENERGY,
    OBSERVED,
    ON,
    ON_ENERGY,
    Batch,
    Detector,
    DetectorState,
    Profile,
    Profiles,
    Rows,
    Status,
    empty_state,
)
from tests.support.duty_cycle_reference import SlowAppliance, Told
from tests.support.examples import examples

WINDOW_S, SLIDE_S, MAX_GAP_S = 40, 10, 15


def _profile(name: str, min_on_s: float, min_off_s: float, *, detect: bool = True) -> Profile:
    return Profile(
        appliance=name, on_w=50, off_w=25, min_on_s=min_on_s, min_off_s=min_off_s, max_w=1e4, detect=detect,
        aggregate=False,
    )  # fmt: skip


PROFILES = Profiles.of(
    [
        _profile("default", 4, 3),
        _profile("instant", 0, 0),
        _profile("slow", 20, 25),
        _profile("kettle", 6, 0),
        _profile("mains", 0, 0, detect=False),
    ]
)
DETECTOR = Detector(PROFILES, max_gap_s=MAX_GAP_S, window_s=WINDOW_S, slide_s=SLIDE_S)


@dataclass(frozen=True)
class Reading:
    appliance: int
    time_ms: int
    power_w: float
    observed_s: float


@st.composite
def _readings(draw: st.DrawFn, most: int = 50) -> list[Reading]:
    """Readings of a few appliances: even and uneven steps, gaps, late ones, doubtful observed times."""
    newest = dict.fromkeys(range(len(PROFILES.rows)), draw(st.integers(0, 100)) * 777)
    steps = st.sampled_from([1000, 1000, 2000, 3000, 3000, 4001, 9999, 10_000, 25_000, 60_000, 0, -3000])
    powers = st.one_of(st.sampled_from([0.0, 24.9, 25.0, 30.0, 49.9, 50.0, 60.0]), st.floats(0, 3000, width=32))
    seen = st.sampled_from(["all", "all", "all", "none", "half", "more"])
    readings = []
    for _ in range(draw(st.integers(0, most))):
        appliance = draw(st.integers(0, len(PROFILES.rows) - 1))
        step, how = draw(steps), draw(seen)
        time_ms = newest[appliance] + step
        newest[appliance] = max(time_ms, newest[appliance])
        whole = max(step, 0) / 1000
        if whole > MAX_GAP_S and how == "all":
            how = "none"
        observed = {"all": whole, "none": 0.0, "half": whole / 2, "more": whole + 1.5}[how]
        readings.append(Reading(appliance, time_ms, draw(powers), observed))
    return readings


def _batch(readings: Sequence[Reading]) -> Batch:
    return Batch(
        key=np.arange(len(PROFILES.rows), dtype=np.int64) * 11 - 20,
        profile=np.arange(len(PROFILES.rows)),
        appliance=np.array([reading.appliance for reading in readings], dtype=np.int64),
        time_ms=np.array([reading.time_ms for reading in readings], dtype=np.int64),
        power_w=np.array([reading.power_w for reading in readings], dtype=np.float64),
        observed_s=np.array([reading.observed_s for reading in readings], dtype=np.float64),
    )


def _told(rows: Rows) -> list[tuple[int, Told]]:
    sums = rows.sums[[ON, OBSERVED, ON_ENERGY, ENERGY]].T.tolist()
    return [
        (
            (int(key) + 20) // 11,
            (Status(status).name, int(event), int(start), int(end) if has_end else None, *one),  # type: ignore[misc]
        )
        for key, status, event, start, end, has_end, one in zip(
            rows.key, rows.status, rows.event_time_ms, rows.start_ms, rows.end_ms, rows.has_end, sums, strict=True
        )
    ]


def _fold(state: DetectorState, readings: Sequence[Reading]) -> tuple[list[tuple[int, Told]], list[int], DetectorState]:
    rows, late, state = DETECTOR.fold(state, _batch(readings))
    return _told(rows), late.reading.tolist(), state


@settings(max_examples=examples(100))
@given(_readings())
def test_fold__tells_what_a_reading_at_a_time_tells(readings: list[Reading]) -> None:
    slow = [SlowAppliance(row, MAX_GAP_S * 1000, WINDOW_S * 1000, SLIDE_S * 1000) for row in PROFILES.rows]
    expected: list[tuple[int, Told]] = []
    expected_late = []
    for index, reading in enumerate(readings):
        told = slow[reading.appliance].feed(reading.time_ms, reading.power_w, reading.observed_s)
        if told is None:
            expected_late.append(index)
        else:
            expected.extend((reading.appliance, row) for row in told)

    rows, late, state = _fold(empty_state(), readings)

    assert rows == expected
    assert late == expected_late
    assert sorted(_told(DETECTOR.flush(state))) == sorted(
        (index, row) for index, appliance in enumerate(slow) for row in appliance.close()
    )


@settings(max_examples=examples(60))
@given(_readings(), st.lists(st.integers(0, 50), max_size=4))
def test_fold__is_the_same_bit_for_bit_however_the_readings_are_split(readings: list[Reading], cuts: list[int]) -> None:
    whole_rows, whole_late, whole_state = _fold(empty_state(), readings)

    state, rows, late = empty_state(), [], []
    edges = [0, *sorted(min(cut, len(readings)) for cut in cuts), len(readings)]
    for start, end in itertools.pairwise(edges):
        part, lost, state = _fold(DETECTOR.decode(DETECTOR.encode(state)), readings[start:end])
        rows.extend(part)
        late.extend(index + start for index in lost)

    assert rows == whole_rows
    assert late == whole_late
    assert DETECTOR.encode(state) == DETECTOR.encode(whole_state)


@settings(max_examples=examples(30))
@given(_readings())
def test_rows__hold_possible_values_only(readings: list[Reading]) -> None:
    rows, _, _ = DETECTOR.fold(empty_state(), _batch(readings))

    assert (rows.duty_cycle >= 0).all()
    assert (rows.duty_cycle <= 1).all()
    assert (rows.on_s <= rows.observed_s).all()
    assert (rows.energy_wh >= 0).all()
    assert (rows.sums[ON_ENERGY] <= rows.sums[ENERGY]).all()
    assert (rows.observed_s[rows.is_window] > 0).all()
    assert (rows.observed_s[rows.is_window] <= WINDOW_S).all()
    assert (rows.mean_on_power_w[rows.has_on] >= 0).all()


@given(st.booleans(), st.lists(st.floats(25, 49.99), min_size=1, max_size=30))
def test_fold__does_not_toggle_while_power_stays_between_the_thresholds(on: bool, powers: list[float]) -> None:
    first = Reading(1, 1000, 60.0 if on else 10.0, 1.0)
    readings = [first, *(Reading(1, 2000 + 1000 * index, power, 1.0) for index, power in enumerate(powers))]

    rows, _, state = _fold(empty_state(), readings)

    activations = [row for _, row in rows if row[0] != "CLOSED"]
    assert [row[0] for row in activations] == (["CONFIRMED"] if on else [])
    assert len(DETECTOR.flush(state)) == int(on)


@settings(max_examples=examples(30))
@given(_readings())
def test_state__survives_its_bytes(readings: list[Reading]) -> None:
    _, _, state = _fold(empty_state(), readings)

    again = DETECTOR.decode(DETECTOR.encode(state))

    for name in ("last_ms", "on", "confirmed", "start_ms", "last_on_ms", "sums", "pause"):
        np.testing.assert_array_equal(getattr(again.appliances, name), getattr(state.appliances, name))
    for name in ("slot", "pane", "sums"):
        np.testing.assert_array_equal(getattr(again.panes, name), getattr(state.panes, name))
    np.testing.assert_array_equal(again.key, state.key)


def test_decode__refuses_a_state_written_for_another_slide() -> None:
    encoded = DETECTOR.encode(empty_state())

    with pytest.raises(ValueError, match=r"slide_s=10; allowed: version 1 with slide_s=20"):
        Detector(PROFILES, max_gap_s=15, window_s=40, slide_s=20).decode(encoded)


def test_detector__refuses_a_window_that_is_not_a_multiple_of_its_slide() -> None:
    with pytest.raises(ValueError, match=r"window_s=50 must be a whole multiple of slide_s=20"):
        Detector(PROFILES, max_gap_s=15, window_s=50, slide_s=20)
