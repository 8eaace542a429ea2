from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridflex.contracts.flexibility import load_rules
from gridflex.domain.curtailment import COHORTS, STEP_MIN, cohort_of, control_cohort, off_patterns
from gridflex.domain.flexibility import Handling, Rule
from tests.support.curtailment.response import response_of
from tests.support.examples import examples
from tests.support.simulated.fleet import group

RULES = load_rules().rows


def test_cohort__is_stable_and_even() -> None:
    counts = Counter(cohort_of(f"redd-{house}-0") for house in range(10_000))
    assert set(counts) == set(range(COHORTS))
    assert max(counts.values()) - min(counts.values()) < 250
    assert [cohort_of(f"redd-{house}-0") for house in range(5)] == [7, 1, 8, 2, 2]


def test_control_group__has_every_cohort_once_before_any_twice() -> None:
    held: list[int] = []
    for event in range(3 * COHORTS):
        held.append(control_cohort(f"event {event}", 7, held))
        counts = Counter(held)
        assert max(counts.values()) - min(counts[cohort] for cohort in range(COHORTS)) <= 1
    assert held[:COHORTS] != sorted(held[:COHORTS])


@settings(max_examples=examples(60))
@given(st.sampled_from(RULES), st.integers(1, 48))
def test_patterns__keep_the_rule_of_their_class(rule: Rule, steps: int) -> None:
    off = off_patterns(rule, steps)
    assert 1 <= len(off) <= 24
    assert len({pattern.tobytes() for pattern in off}) == len(off)
    assert off[:, :steps].any(axis=1).all()
    assert not off[:, steps + 6 :].any()
    if rule.handling is Handling.CYCLE:
        for pattern in off:
            edges = np.flatnonzero(np.diff(np.concatenate(([0], pattern, [0])))) * STEP_MIN
            starts, ends = edges[::2], edges[1::2]
            assert (ends - starts).max() <= rule.max_off_min
            assert (starts[1:] - ends[:-1] >= rule.min_on_min).all()


def test_patterns__of_a_class_that_may_not_be_off_for_a_step_are_none() -> None:
    rule = Rule(
        appliance="pump", handling=Handling.CYCLE, max_off_min=4, min_on_min=5, typical_on_w=1, course=((1, 1),)
    )
    assert len(off_patterns(rule, 12)) == 0


@settings(max_examples=examples(40))
@given(st.sampled_from(RULES), st.sampled_from([3, 6, 12, 24]))
def test_response__takes_back_at_most_what_was_withheld(rule: Rule, steps: int) -> None:
    one = group(rule.appliance, appliances=50)
    off = off_patterns(rule, steps)
    answer = response_of(one, off.shape[1])
    shed_w = answer.shed_w(off)
    withheld = np.where(off, shed_w, 0).sum(axis=1)
    taken = -np.where(off, 0, shed_w).sum(axis=1)
    assert (shed_w[off] >= 0).all()
    assert (shed_w[~off] <= 0).all()
    assert (taken <= withheld * max(rule.rebound_share, 1e-9) + 1e-6).all()
    if rule.handling is Handling.CYCLE and steps <= 12:
        assert (taken >= 0.5 * withheld * rule.rebound_share).all()


@pytest.mark.parametrize("appliance", ["fridge", "air_conditioning", "heat_pump"])
def test_response__of_an_hour_of_cycling_sheds_what_the_forecast_says(appliance: str) -> None:
    one = group(appliance, appliances=100)
    assert one.rule
    off_steps, on_steps = int(one.rule.max_off_min // STEP_MIN), int(one.rule.min_on_min // STEP_MIN)
    turn = np.arange(12) % (off_steps + on_steps) < off_steps
    mean_w = response_of(one, 12).shed_w(turn[None])[0].mean()
    assert mean_w == pytest.approx(float(one.moments.flex_w[-1]), rel=0.25)
