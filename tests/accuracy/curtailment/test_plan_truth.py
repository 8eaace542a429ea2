"""What plans expect against what generated houses really shed: events of many days and seasons, seeds fixed."""

from __future__ import annotations

import os
from datetime import date

import numpy as np
import pytest

from tests.support.curtailment.truth import Outcome, as_many, simulate
from tests.support.flexible_town import make_town

EVENTS = int(os.environ.get("TEST_EVENTS", "80"))
"""Drawn over all towns; 200 for the figures in docs/curtailment.md."""
TOWNS = (
    ("redd", date(2011, 7, 4), 1),
    ("redd", date(2011, 11, 7), 2),
    ("greend", date(2013, 12, 9), 1),
    ("greend", date(2013, 5, 6), 2),
)
HOUSES, DAYS = 30, 3
TAIL = 18
"""Steps of rebound that every event is followed for."""


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    """Summer with air conditioners, autumn, winter and spring."""
    found = []
    for place, (dataset, first_day, seed) in enumerate(TOWNS):
        town = as_many(make_town(dataset, HOUSES, DAYS, seed, first_day))
        drawn = (simulate(town, dataset, 1000 * place + event) for event in range(EVENTS // len(TOWNS)))
        found += [one for one in drawn if one is not None]
    assert len(found) > 0.9 * EVENTS
    return found


def test_p10_to_p90__holds_what_was_shed_in_most_intervals(outcomes: list[Outcome]) -> None:
    inside = [(one.shed_kw >= one.expected_kw[0]) & (one.shed_kw <= one.expected_kw[2]) for one in outcomes]
    assert np.concatenate(inside).mean() >= 0.75


def test_p50__has_no_bias(outcomes: list[Outcome]) -> None:
    expected_kw = sum(float(one.expected_kw[1].sum()) for one in outcomes)
    shed_kw = sum(float(one.shed_kw.sum()) for one in outcomes)
    assert abs(expected_kw / shed_kw - 1) <= 0.05


def test_p10_to_p90__tells_more_than_nothing(outcomes: list[Outcome]) -> None:
    """Its half is about P50, of 60 houses of which a plan calls a part."""
    half_kw = sum(float((one.expected_kw[2] - one.expected_kw[0]).sum()) / 2 for one in outcomes)
    assert half_kw < 1.25 * sum(float(one.expected_kw[1].sum()) for one in outcomes)


def test_rebound__of_all_events_peaks_as_planned(outcomes: list[Outcome]) -> None:
    """Of all together: the peak of a single event is that of a mean in the plan, and of a noisy curve in truth."""
    planned_kw = sum(one.planned_rebound_kw[:TAIL] for one in outcomes)
    rebound_kw = sum(one.rebound_kw[:TAIL] for one in outcomes)
    assert abs(np.max(planned_kw) / np.max(rebound_kw) - 1) <= 0.25
