"""Thresholds from an appliance's own power levels."""

from __future__ import annotations

import numpy as np
import pytest

from gridflex.contracts.profiles import load_profiles
from gridflex.domain.duty_cycle import Levels, PowerHistogram, Profile, own_profile
from gridflex.domain.readings import Floats

DAY_S = 86_400.0


def of(appliance: str, power_w: Floats | list[float], share: Floats | list[float]) -> tuple[Profile, Profile, Levels]:
    """The class's profile, the appliance's own, and its levels after two days."""
    seen = PowerHistogram.of(1)
    seen.add(np.zeros(len(power_w), np.int64), np.asarray(power_w), 2 * DAY_S * np.asarray(share))
    profile = load_profiles().get(appliance)
    return profile, *own_profile(profile, seen.observed_ms[0])


def test_levels__a_small_fridge_is_found_below_its_class() -> None:
    profile, own, levels = of("fridge", [1.0, 42.0, 44.0], [0.6, 0.2, 0.2])
    assert levels is Levels.CLEAR
    assert profile.on_w > 44 > own.on_w > own.off_w > 1


def test_levels__rare_activations_beside_a_noisy_standby_are_found() -> None:
    _, own, levels = of("kettle", [0.0, 1.0, 4.0, 1100.0], [0.5, 0.3, 0.198, 0.002])
    assert levels is Levels.CLEAR
    assert own.off_w < own.on_w < 1100


def test_levels__stay_within_a_factor_of_two_of_the_class() -> None:
    for power_w in (120.0, 700.0, 3000.0):
        profile, own, _ = of("kettle", [0.5, power_w], [0.99, 0.01])
        assert profile.on_w / 2 <= own.on_w <= profile.on_w * 2
        assert profile.off_w / 2 <= own.off_w <= profile.off_w * 2


@pytest.mark.parametrize("power_w", [60.0, 79.0, 150.0])
def test_levels__a_constant_power_does_not_say_that_a_fridge_is_on(power_w: float) -> None:
    _, own, levels = of("fridge", [power_w, power_w + 1], [0.5, 0.5])
    assert levels is Levels.CONSTANT
    assert not own.detect


def test_levels__a_fridge_that_runs_most_of_the_time_is_not_constant() -> None:
    _, own, levels = of("fridge", [2.0, 79.0], [0.05, 0.95])
    assert levels is Levels.CLEAR
    assert own.detect


def test_levels__programs_of_many_powers_and_short_data_keep_the_class() -> None:
    programs = np.geomspace(15, 2200, 20)
    profile, own, levels = of("washing_machine", [1.0, *programs], [0.9, *[0.005] * 20])
    assert (own, levels) == (profile, Levels.UNCLEAR)
    seen = PowerHistogram.of(1)
    seen.add(np.zeros(2, np.int64), np.array([1.0, 900.0]), np.array([3600.0, 60.0]))
    assert own_profile(load_profiles().get("kettle"), seen.observed_ms[0])[1] is Levels.UNCLEAR


def test_histogram__does_not_depend_on_blocks() -> None:
    random = np.random.default_rng(1)
    series, power_w = random.integers(0, 3, 500), random.uniform(0, 3000, 500)
    whole, parts = PowerHistogram.of(3), PowerHistogram.of(3)
    whole.add(series, power_w, np.ones(500))
    for cut in (slice(0, 7), slice(7, 300), slice(300, 500)):
        parts.add(series[cut], power_w[cut], np.ones(500)[cut])
    assert np.array_equal(whole.observed_ms, parts.observed_ms)
    assert whole.observed_ms.sum() == 500_000
