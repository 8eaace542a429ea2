from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridflex.contracts.flexibility import load_rules
from gridflex.domain.flexibility import (
    AHEAD_MIN,
    Flexibility,
    Forecaster,
    Handling,
    Minutes,
    Moments,
    Records,
    Rule,
    Rules,
    Slice,
    from_bytes,
    least_duty,
    no_records,
    quantiles,
    to_bytes,
    total,
    typical_flexibility,
)
from tests.support.examples import examples
from tests.support.flexibility_reference import Minute, SlowForecaster

FRIDGE = Rule(
    appliance="fridge", handling=Handling.CYCLE, max_off_min=20, min_on_min=10, rest_after_min=40,
    silent_means_offline=True, typical_on_w=100, course=((8, 1), (12, 0)), circuits=2,
    shared_error=0.1, rebound_share=0.9,
)  # fmt: skip
WASHER = Rule(
    appliance="washer", handling=Handling.DEFER, rest_after_min=4, typical_on_w=600, course=((5, 1), (20, 0.1)),
    shared_error=0.2, rebound_share=1.0,
)  # fmt: skip
RULES = Rules.of([FRIDGE, WASHER])
FORECASTER = Forecaster(RULES)
START = 29_000_000
_FEW = settings(max_examples=examples(25))
Seen = list[tuple[int, Minute]]
"""Key and minute."""


@st.composite
def _minutes(draw: st.DrawFn, most: int = 240) -> Seen:
    """Minutes of three appliances: on and off in turn, gaps, minutes seen in part; a record is of one key in order."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    ends = np.full(3, START) + random.integers(0, 7, 3)
    on = np.zeros(3, dtype=bool)
    toggles, seen = draw(st.sampled_from([0.02, 0.1, 0.4])), []
    for _ in range(draw(st.integers(1, most))):
        key = int(random.integers(0, 3))
        on[key] ^= random.random() < toggles
        ends[key] += 1 if random.random() < 0.97 else int(random.integers(2, 70))
        observed_s = 60.0 if random.random() < 0.93 else float(random.integers(0, 61))
        on_s = observed_s if on[key] and random.random() < 0.7 else observed_s * float(random.random()) * on[key]
        on_s = round(on_s, 1)
        seen.append((key, Minute(int(ends[key]), observed_s, on_s, float(random.integers(50, 900)))))
    return seen


def _columns(seen: Sequence[tuple[int, Minute]]) -> Minutes:
    keys = np.array([key for key, _ in seen], dtype=np.int64)
    return Minutes(
        key=keys,
        rule=keys % 2,
        minute=np.array([minute.end for _, minute in seen], dtype=np.int64),
        observed_ms=np.array([round(minute.observed_s * 1000) for _, minute in seen], dtype=np.int64),
        on_ms=np.array([round(minute.on_s * 1000) for _, minute in seen], dtype=np.int64),
        on_uj=np.array([round(minute.on_s * minute.power_w * 1e6) for _, minute in seen], dtype=np.int64),
    )


def _fold(records: Records, seen: Sequence[tuple[int, Minute]]) -> tuple[Flexibility, Records]:
    return FORECASTER.fold(records, _columns(seen))


def _course(on_min: int, off_min: int, minutes: int, power_w: float = 120) -> Seen:
    """A fridge's minutes, on and off in turn."""
    return [
        (0, Minute(START + 1 + at, 60, 60.0 * (at % (on_min + off_min) < on_min), power_w)) for at in range(minutes)
    ]


@_FEW
@given(_minutes())
def test_fold__tells_what_a_minute_at_a_time_tells(seen: Seen) -> None:
    told, _ = _fold(no_records(), seen)
    slow = {key: SlowForecaster(RULES.rows[key % 2]) for key in range(3)}
    for index, (key, minute) in enumerate(seen):
        expected = slow[key].see(minute)
        assert bool(told.fresh[index]) is expected.fresh
        assert told.flex_w[:, index] == pytest.approx(expected.flex_w, rel=1e-3, abs=0.05)
        assert told.variance_w2[:, index] == pytest.approx(expected.variance_w2, rel=2e-3, abs=5)


@_FEW
@given(_minutes(), st.lists(st.integers(0, 240), max_size=4))
def test_fold__is_the_same_bit_for_bit_however_the_minutes_are_split(seen: Seen, cuts: list[int]) -> None:
    whole, at_once = _fold(no_records(), seen)
    borders = sorted({0, len(seen), *(min(cut, len(seen)) for cut in cuts)})
    parts, records = [], no_records()
    for start, end in pairwise(borders):
        part, records = _fold(from_bytes(to_bytes(records)), seen[start:end])
        parts.append(part)
    for column in fields(Flexibility):
        joined = np.concatenate([getattr(part, column.name) for part in parts], axis=-1)
        assert joined.tobytes() == np.ascontiguousarray(getattr(whole, column.name)).tobytes(), column.name
    assert to_bytes(records) == to_bytes(at_once)


@_FEW
@given(_minutes())
def test_fold__tells_of_an_appliance_the_same_whatever_others_there_are(seen: Seen) -> None:
    together, _ = _fold(no_records(), seen)
    for key in range(3):
        own = [index for index, (owner, _) in enumerate(seen) if owner == key]
        alone, _ = _fold(no_records(), [seen[index] for index in own])
        assert together.flex_w[:, own].tobytes() == alone.flex_w.tobytes()


@_FEW
@given(_minutes())
def test_flexibility__is_possible(seen: Seen) -> None:
    told, _ = _fold(no_records(), seen)
    for columns in (told.flex_w, told.variance_w2, told.shared_w, told.rebound_wh):
        assert np.isfinite(columns).all()
        assert (columns >= 0).all()
    unseen = [index for index, (_, minute) in enumerate(seen) if minute.observed_s < 30]
    assert not told.fresh[unseen].any()
    assert not told.flex_w[:, unseen].any()
    assert (told.flex_w[:, ~told.fresh] == 0).all()
    hours = np.array([[0], [0.25], [0.5], [1]])
    assert told.rebound_wh == pytest.approx(told.flex_w * hours * np.where(_columns(seen).rule, 1.0, 0.9), rel=1e-5)


def test_flexibility__of_a_steady_cycle_is_its_duty() -> None:
    told, _ = _fold(no_records(), _course(7, 14, 5000))
    day = told.flex_w[:, -2100:].mean(axis=1)
    assert day[:2] == pytest.approx(120 / 3, rel=0.02)
    least = [RULES.least_duty[0, place] for place in (1, 2)]
    assert list(least) == pytest.approx([1 / 3, 1 / 3])
    assert (day[2:] < 5).all()


def test_flexibility__in_a_pause_of_a_cycle_counts_by_duty_and_not_now() -> None:
    told, _ = _fold(no_records(), _course(7, 14, 2113))  # the last minute is the sixth of a pause
    now, quarter = told.flex_w[:2, -1]
    assert now == 0
    assert 20 < quarter < 60


def test_flexibility__of_a_dead_plug_is_nothing() -> None:
    dead = [(0, Minute(START + 1 + 2000 + at, 60, 0, 0)) for at in range(60)]
    told, _ = _fold(no_records(), [*_course(7, 14, 2000), *dead])
    assert not told.fresh[-20:].any()
    assert not told.flex_w[:, -19:].any()
    never_on, _ = _fold(no_records(), [(0, Minute(START + at, 60, 0, 0)) for at in range(200)])
    assert not never_on.flex_w.any()
    assert not never_on.fresh.any()


def test_flexibility__of_a_stale_series_is_nothing() -> None:
    stale = [(0, Minute(START + 1 + 2000 + at, 0 if at else 20, 0, 0)) for at in range(10)]
    told, _ = _fold(no_records(), [*_course(7, 14, 2000), *stale])
    assert told.flex_w[1, -11] > 0
    assert not told.flex_w[:, -10:].any()
    assert not told.fresh[-10:].any()


def test_flexibility__of_a_program_ends_with_it() -> None:
    program = [(1, Minute(START + 1 + at, 60, 60.0, 2000.0 if at < 20 else 150.0)) for at in range(70)]
    after = [(1, Minute(START + 71 + at, 60, 0, 0)) for at in range(10)]
    told, _ = _fold(no_records(), [*program, *after])
    assert told.flex_w[0, :70].tolist() == pytest.approx([2000] * 20 + [150] * 50)
    assert (told.flex_w[1, :70] > 100).all()
    assert not told.flex_w[:, -6:].any()
    assert told.fresh[-6:].all()


def test_shared_error__grows_with_the_whole_duty_not_with_what_the_rule_leaves() -> None:
    told, _ = _fold(no_records(), _course(14, 7, 3000))
    gross_w = told.flex_w[2, -1] + 120 / 3
    assert told.shared_w[2, -1] == pytest.approx(0.1 * gross_w, rel=0.02)


def test_only__leaves_nothing_of_those_who_may_not_be_called() -> None:
    told, _ = _fold(no_records(), _course(7, 14, 100))
    mine = np.arange(100) % 2 == 0
    left = told.only(mine)
    assert not left.flex_w[:, ~mine].any()
    assert not left.shared_w[:, ~mine].any()
    assert (left.variance_w2[:, mine] == told.variance_w2[:, mine]).all()
    assert (left.fresh == told.fresh).all()


@given(st.floats(1, 240), st.floats(1, 120), st.floats(0, 600))
def test_least_duty__lies_between_nothing_and_the_rules_own_share(off: float, on: float, horizon: float) -> None:
    duty = least_duty(off, on, horizon)
    assert 0 <= duty <= on / (off + on) + 1e-9
    assert duty == 0 or horizon > off
    assert duty >= least_duty(off + 1, on, horizon) - 1e-9


@pytest.mark.parametrize("rule", load_rules().rows, ids=lambda rule: f"{rule.appliance}-{rule.dataset}")
def test_typical_flexibility__is_that_of_an_appliance_that_follows_its_course(rule: Rule) -> None:
    for horizon in AHEAD_MIN:
        for mean, square in typical_flexibility(rule, horizon):
            assert 0 <= mean**2 <= square * (1 + 1e-9)
    off, on = typical_flexibility(rule, 60)
    assert on[0] > 0
    assert (off[0] > 0) is (rule.handling is Handling.CYCLE or any(not power for _, power in rule.course))


def _moments(flex_w: float, deviation_w: float, shared_w: float) -> Moments:
    return Moments(
        flex_w=np.full(4, flex_w),
        variance_w2=np.full(4, deviation_w**2),
        shared_w=np.full(4, shared_w),
        rebound_wh=np.zeros(4),
    )


_powers = st.floats(0, 1e6)


@given(st.lists(st.tuples(_powers, _powers, _powers), min_size=1, max_size=8), st.integers(0, 7))
def test_quantiles__of_a_sum_are_ordered_and_narrower_than_sums_of_quantiles(
    parts: list[tuple[float, float, float]], cut: int
) -> None:
    slices = [Slice(known=1, fresh=1, callable=1, moments=_moments(*part)) for part in parts]
    p10, p50, p90 = total(slices).moments.quantiles_kw
    assert (p10 <= p50).all()
    assert (p50 <= p90).all()
    singly = np.sum([one.moments.quantiles_kw for one in slices], axis=0)
    assert p50 == pytest.approx(singly[1])
    assert (p90 <= singly[2] * (1 + 1e-9) + 1e-9).all()
    halves = total([total(slices[:cut]), total(slices[cut:])]).moments.quantiles_kw
    assert halves == pytest.approx(np.stack([p10, p50, p90]), rel=1e-9, abs=1e-6)


def test_quantiles__hold_what_is_drawn() -> None:
    """A sum of 40 appliances, each on or off, and a common error: P10 to P90 holds it in about 80 of 100 cases."""
    random = np.random.default_rng(1)
    on = random.random((4000, 40)) < 0.3
    drawn = (on * 100).sum(axis=1) * (1 + 0.1 * random.standard_normal(4000))
    flex_w = 40 * 0.3 * 100
    p10, p50, p90 = quantiles(np.array(flex_w), np.array(40 * 0.21 * 100**2), np.array(0.1 * flex_w))
    assert 0.78 < np.mean((drawn >= p10) & (drawn <= p90)) < 0.82
    assert p50 == pytest.approx(drawn.mean(), rel=0.01)


def test_from_bytes__refuses_another_version() -> None:
    with pytest.raises(ValueError, match="version 9; allowed: 1"):
        from_bytes(b"\x09" + to_bytes(no_records())[1:])
