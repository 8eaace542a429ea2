"""What the generator says would have been shed."""

from __future__ import annotations

import numpy as np
import pytest

from gridflex.domain.flexibility import Handling, Rule
from ingestion.generator.layouts import Circuit
from ingestion.generator.shed import shed_w
from ingestion.generator.trace import LoadTrace, MeasurementModel, Plan

CYCLE = Rule(
    appliance="fridge", handling=Handling.CYCLE, max_off_min=30, min_on_min=15, typical_on_w=100, course=((1, 1),)
)
DEFER = Rule(appliance="dryer", handling=Handling.DEFER, typical_on_w=100, course=((1, 1),))
WHOLE, HALF = (Circuit(label="x", load="x", share=share) for share in (1.0, 0.5))
MINUTE_S = 60.0


def trace(look: MeasurementModel) -> LoadTrace:
    """On for 20 minutes of each hour, at 200 W."""
    plan = Plan()
    for hour in range(4):
        plan.activate(hour * 3600.0, (20 * MINUTE_S, 200.0))
    return plan.trace("fridge", look)


@pytest.mark.parametrize(
    ("start_min", "horizon_min", "circuit", "expected_w"),
    [
        (0, 0, WHOLE, 200),
        (30, 0, WHOLE, 0),
        (0, 30, WHOLE, 200 * 20 / 30),
        (10, 60, WHOLE, 200 / 3 - 0.25 * 200),
        (10, 60, HALF, 100 / 3 - 0.25 * 100),
        (50, 15, WHOLE, 200 * 5 / 15),
        (20, 30, WHOLE, 0),
    ],
)
def test_shed_w__of_a_cycle_is_what_the_rule_does_not_leave(
    start_min: float, horizon_min: int, circuit: Circuit, expected_w: float
) -> None:
    start_s = np.array([start_min * MINUTE_S])
    found = shed_w(trace(MeasurementModel()), circuit, CYCLE, on_w=50, start_s=start_s, horizon_min=horizon_min)
    assert found.tolist() == pytest.approx([expected_w])


def test_shed_w__of_a_program_needs_it_to_run() -> None:
    starts_s = np.array([10.0, 55.0, 61.0]) * MINUTE_S
    found = shed_w(trace(MeasurementModel()), WHOLE, DEFER, on_w=50, start_s=starts_s, horizon_min=15)
    assert found.tolist() == pytest.approx([200 * 10 / 15, 0, 200])


def test_shed_w__counts_the_inrush_and_not_the_standby() -> None:
    look = MeasurementModel(standby_w=5, surge=1.0)
    found = shed_w(trace(look), WHOLE, DEFER, on_w=50, start_s=np.array([0.0]), horizon_min=0)
    assert found.tolist() == pytest.approx([200 * (1 + 3 / 60)], rel=1e-6)


def test_energy_until__is_the_integral_of_the_power() -> None:
    one = trace(MeasurementModel(surge=0.8, settle=0.1, noise=0))
    instants = np.arange(0.0, 4 * 3600.0, 0.5) + 0.25
    power_w = one.power(instants, np.random.default_rng(1))
    ends = np.array([100.0, 1200.0, 1800.0, 7500.0, 14_400.0])
    summed = [power_w[instants < end].sum() * 0.5 for end in ends]
    assert one.energy_until_ws(ends).tolist() == pytest.approx(summed, rel=1e-3)
