"""Flexibility against what would really have been shed of generated houses."""

from __future__ import annotations

import numpy as np
import pytest

from gridflex.domain.flexibility import HORIZONS_MIN
from tests.support.flexible_town import Town, make_town

pytestmark = pytest.mark.sampled(1, by="towns")

DRAWS = 200
HOUSES, DAYS = 30, 3
SEEDS = (1, 2)
NEIGHBOURS = 10


@pytest.fixture(scope="module", params=["redd", "greend"])
def towns(request: pytest.FixtureRequest) -> list[Town]:
    """Summer with air conditioners, and winter without."""
    return [make_town(request.param, HOUSES, DAYS, seed) for seed in SEEDS]


@pytest.mark.parametrize("houses", [HOUSES, NEIGHBOURS])
def test_p10_to_p90__holds_what_would_have_been_shed_in_three_of_four_draws(towns: list[Town], houses: int) -> None:
    for town in towns:
        (p10, _, p90), truth = town.draws(DRAWS, 1, houses)
        assert (truth.mean(axis=1) > 200).all()
        assert (np.mean((truth >= p10) & (truth <= p90), axis=1) >= 0.75).all(), HORIZONS_MIN


def test_p50__has_no_bias(towns: list[Town]) -> None:
    told = [town.draws(DRAWS, 1) for town in towns]
    p50 = sum(quantiles[1].sum(axis=1) for quantiles, _ in told)
    truth = sum(shed.sum(axis=1) for _, shed in told)
    assert np.abs(p50 / truth - 1).max() <= 0.03


def test_p10_to_p90__tells_more_than_nothing(towns: list[Town]) -> None:
    """Its half is less than three quarters of P50 for an hour, and less than a fifth now."""
    for town in towns:
        (p10, p50, p90), _ = town.draws(DRAWS, 1)
        half = ((p90 - p10) / 2).mean(axis=1) / p50.mean(axis=1)
        assert half[0] < 0.2
        assert (half < 0.75).all()


def test_now__follows_the_hour(towns: list[Town]) -> None:
    for town in towns:
        (_, p50, _), truth = town.draws(DRAWS, 1)
        assert np.corrcoef(p50[0], truth[0])[0, 1] > 0.9
