"""Generates kitchen loads: heaters that run for minutes, with pulses and programs, around meals."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ingestion.generator.occupancy import AFTER_MEALS, MEALS, MORNING, Occupancy
from ingestion.generator.trace import LoadTrace, MeasurementModel, Plan

Phases = list[tuple[float, float]]
MINUTE_S = 60.0


def kettle(occupancy: Occupancy, rng: np.random.Generator) -> LoadTrace:
    """1.5-4 minutes at 2.15-2.9 kW."""
    power_w = rng.uniform(2150, 2850)
    plan = Plan()
    for moment in plan.apart(occupancy.moments(rng, 1.5 + 0.8 * occupancy.people, [*MEALS, *MORNING]), 150):
        plan.activate(moment, (rng.uniform(90, 240), power_w * rng.uniform(0.99, 1.01)))
    return plan.trace("kettle", MeasurementModel(standby_w=rng.uniform(0, 0.6), noise=0.01), before_s=occupancy.end_s)


def microwave(occupancy: Occupancy, rng: np.random.Generator) -> LoadTrace:
    """1-6 minutes at 1.1-1.6 kW; at a lower setting the magnetron is pulsed and lamp and fan go on."""
    power_w, standby_w = rng.uniform(1100, 1600), rng.uniform(1.5, 4)
    plan = Plan()
    for moment in plan.apart(occupancy.moments(rng, 1 + 0.7 * occupancy.people, MEALS), 150):
        length = rng.uniform(60, 360)
        if rng.random() < 0.35:
            plan.activate(moment, *_pulses(rng, length, on=(12, 22), off=(8, 15), power_w=power_w, idle_w=45))
        else:
            plan.activate(moment, (length, power_w))
    return plan.trace(
        "microwave", MeasurementModel(standby_w=standby_w, noise=0.02, surge=0.15), before_s=occupancy.end_s
    )


def oven(occupancy: Occupancy, rng: np.random.Generator) -> LoadTrace:
    """Preheats 6-12 minutes, then a thermostat pulses it; fan and lamp of 30-42 W run on between."""
    power_w, idle_w = rng.uniform(2000, 2600), rng.uniform(30, 42)
    plan = Plan()
    for moment in plan.apart(occupancy.moments(rng, 0.45, MEALS), 900):
        phases: Phases = [(rng.uniform(6, 12) * MINUTE_S, power_w), (rng.uniform(70, 140), idle_w)]
        phases += _pulses(
            rng, rng.uniform(15, 55) * MINUTE_S, on=(45, 95), off=(60, 150), power_w=power_w, idle_w=idle_w
        )
        plan.run(plan.activate(moment, *phases), (rng.uniform(60, 300), idle_w))
    return plan.trace("oven", MeasurementModel(standby_w=rng.uniform(1, 4), noise=0.01), before_s=occupancy.end_s)


def stove(occupancy: Occupancy, rng: np.random.Generator, appliance: str = "stove") -> LoadTrace:
    """A plate that is switched in short pulses for 8-35 minutes."""
    power_w = rng.uniform(1000, 1700)
    plan = Plan()
    for moment in plan.apart(occupancy.moments(rng, 0.9, MEALS), 300):
        phases: Phases = [(rng.uniform(90, 200), power_w), (rng.uniform(8, 25), 0.0)]
        phases += _pulses(rng, rng.uniform(6, 30) * MINUTE_S, on=(12, 30), off=(8, 28), power_w=power_w, idle_w=0.0)
        plan.activate(moment, *phases)
    return plan.trace(appliance, MeasurementModel(standby_w=rng.uniform(0, 2), noise=0.01), before_s=occupancy.end_s)


def toaster(occupancy: Occupancy, rng: np.random.Generator) -> LoadTrace:
    """90-200 s at about 900 W."""
    power_w = rng.uniform(820, 1000)
    plan = Plan()
    for moment in plan.apart(occupancy.moments(rng, 1.2, MORNING), 150):
        plan.activate(moment, (rng.uniform(90, 200), power_w))
    return plan.trace("toaster", MeasurementModel(noise=0.01), before_s=occupancy.end_s)


def coffee_machine(occupancy: Occupancy, rng: np.random.Generator) -> LoadTrace:
    """Heats up, then pulses while it brews: 1-3 minutes at 1-1.4 kW."""
    power_w = rng.uniform(1000, 1400)
    plan = Plan()
    for moment in plan.apart(occupancy.moments(rng, 1 + 0.8 * occupancy.people, [*MORNING, *MEALS]), 240):
        phases: Phases = [(rng.uniform(25, 60), power_w), (rng.uniform(6, 15), 20.0)]
        phases += _pulses(rng, rng.uniform(15, 90), on=(8, 20), off=(8, 25), power_w=power_w, idle_w=20.0)
        plan.activate(moment, *phases)
    return plan.trace(
        "coffee_machine", MeasurementModel(standby_w=rng.uniform(0.5, 2), noise=0.02), before_s=occupancy.end_s
    )


def disposal(occupancy: Occupancy, rng: np.random.Generator) -> LoadTrace:
    """A motor of 300-450 W for 12-30 s after meals."""
    power_w = rng.uniform(300, 450)
    plan = Plan()
    for moment in plan.apart(occupancy.moments(rng, 1.2, AFTER_MEALS), 120):
        plan.activate(moment, (rng.uniform(12, 30), power_w))
    return plan.trace("disposal", MeasurementModel(noise=0.03, surge=0.8), before_s=occupancy.end_s)


def dishwasher(occupancy: Occupancy, rng: np.random.Generator) -> LoadTrace:
    """60-120 minutes after meals: two heatings, pump phases, pauses of up to 12 minutes, a last rinse."""
    heat_w, pump_w = rng.uniform(1100, 2100), rng.uniform(55, 110)
    plan = Plan()
    for moment in plan.apart(occupancy.moments(rng, 0.25 + 0.12 * occupancy.people, AFTER_MEALS), 3 * 3600):
        plan.activate(moment, *_dishwashing(rng, heat_w, pump_w))
    model = MeasurementModel(standby_w=rng.uniform(0.2, 1.2), noise=0.02, wander=0.06)
    return plan.trace("dishwasher", model, before_s=occupancy.end_s)


def _dishwashing(rng: np.random.Generator, heat_w: float, pump_w: float) -> Iterator[tuple[float, float]]:
    idle_w = rng.uniform(6.5, 8.5)
    yield rng.uniform(6, 10) * MINUTE_S, pump_w
    yield rng.uniform(40, 90), idle_w
    yield rng.uniform(12, 20) * MINUTE_S, heat_w + pump_w
    yield rng.uniform(10, 18) * MINUTE_S, pump_w * 1.15
    yield rng.uniform(2, 5) * MINUTE_S, rng.uniform(2, 3.5)
    yield rng.uniform(5, 8) * MINUTE_S, pump_w * 0.9
    yield rng.uniform(60, 150), idle_w
    yield rng.uniform(8, 15) * MINUTE_S, heat_w + pump_w * 0.9
    yield rng.uniform(3, 12) * MINUTE_S, rng.uniform(6.5, 8.5)
    yield rng.uniform(2, 4) * MINUTE_S, pump_w * 0.7


def _pulses(
    rng: np.random.Generator,
    length_s: float,
    *,
    on: tuple[float, float],
    off: tuple[float, float],
    power_w: float,
    idle_w: float,
) -> Phases:
    """On and off in turn for about ``length_s``; it begins and ends with on."""
    phases: Phases = [(float(rng.uniform(*on)), power_w)]
    while sum(seconds for seconds, _ in phases) < length_s:
        phases += [(float(rng.uniform(*off)), idle_w), (float(rng.uniform(*on)), power_w)]
    return phases
