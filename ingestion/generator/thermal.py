"""Generates loads with a thermostat: they cycle by themselves, faster when it is hot or cold outside."""

from __future__ import annotations

import numpy as np

from ingestion.generator.occupancy import HOUR_S, Occupancy
from ingestion.generator.trace import LoadTrace, MeasurementModel, Plan

MINUTE_S = 60.0
_DEFROST_EVERY_S = 11 * HOUR_S
_COOL_FROM_C = 24.0
_HEAT_BELOW_C = 15.0


def fridge(occupancy: Occupancy, rng: np.random.Generator, appliance: str = "fridge") -> LoadTrace:
    """A compressor of 80-170 W, on 15-25 of every 45-75 minutes, with an inrush; some defrost by heater; a lamp."""
    power_w, on_min, cycle_min = rng.uniform(85, 165), rng.uniform(15, 24), rng.uniform(46, 72)
    defrosts = rng.random() < 0.5
    plan, now = Plan(), occupancy.start_s + rng.uniform(5, 40) * MINUTE_S
    next_defrost = now + rng.uniform(0.2, 1) * _DEFROST_EVERY_S
    while now < occupancy.end_s:
        hot = 1 + 0.02 * (occupancy.temperature_c(now) - 20)
        if defrosts and now > next_defrost:
            now = plan.activate(now, (rng.uniform(9, 14) * MINUTE_S, rng.uniform(200, 245)))
            next_defrost = now + _DEFROST_EVERY_S * rng.uniform(0.9, 1.1)
        else:
            now = plan.activate(
                now, (on_min * MINUTE_S * rng.uniform(0.9, 1.1) * hot, power_w * rng.uniform(0.97, 1.03))
            )
        now += max(6.0, cycle_min - on_min) * MINUTE_S * rng.uniform(0.9, 1.15) / hot
    for moment in occupancy.moments(rng, 10, ((8.0, 1.0, 0.3), (13.0, 1.0, 0.3), (19.5, 1.5, 0.4))):
        plan.aside(moment, rng.uniform(8, 40), rng.uniform(9, 14))
    model = MeasurementModel(
        standby_w=rng.uniform(0, 6), noise=0.015, surge=rng.uniform(0.4, 1.0), settle=rng.uniform(0.08, 0.2)
    )
    return plan.trace(appliance, model, before_s=occupancy.end_s)


def freezer(occupancy: Occupancy, rng: np.random.Generator) -> LoadTrace:
    """A compressor of 65-120 W, on 12-20 minutes of every 40-60."""
    power_w, on_min, cycle_min = rng.uniform(65, 120), rng.uniform(12, 20), rng.uniform(40, 60)
    plan, now = Plan(), occupancy.start_s + rng.uniform(5, 40) * MINUTE_S
    while now < occupancy.end_s:
        now = plan.activate(now, (on_min * MINUTE_S * rng.uniform(0.92, 1.08), power_w))
        now += (cycle_min - on_min) * MINUTE_S * rng.uniform(0.9, 1.1)
    model = MeasurementModel(
        standby_w=rng.uniform(0, 3), noise=0.015, surge=rng.uniform(0.3, 0.8), settle=rng.uniform(0.05, 0.15)
    )
    return plan.trace("freezer", model, before_s=occupancy.end_s)


def air_conditioning(occupancy: Occupancy, rng: np.random.Generator) -> LoadTrace:
    """Compressor cycles when it is hotter than 24 C and someone is up; the fan of 25-40 W runs on between them."""
    power_w, fan_w = rng.uniform(750, 1300), rng.uniform(25, 38)
    plan, now = Plan(), occupancy.start_s + rng.uniform(10, 60) * MINUTE_S
    while now < occupancy.end_s:
        excess = occupancy.temperature_c(now) - _COOL_FROM_C
        hour = occupancy.local_hour(now)
        wanted = 11 < hour < occupancy.sleep_h and excess > 0
        if not wanted:
            now += rng.uniform(15, 30) * MINUTE_S
            continue
        now = plan.activate(now, (rng.uniform(7, 10) * MINUTE_S * (1 + 0.08 * min(excess, 10)), power_w))
        rest = rng.uniform(12, 24) * MINUTE_S / (1 + 0.12 * min(excess, 10))
        now = plan.run(now, (rest, fan_w))
    return plan.trace(
        "air_conditioning", MeasurementModel(noise=0.015, surge=0.5, settle=0.1), before_s=occupancy.end_s
    )


def electric_heat(occupancy: Occupancy, rng: np.random.Generator) -> LoadTrace:
    """A storage water heater all year, and room heat when it is colder than 15 C: one resistive load."""
    power_w = rng.uniform(900, 1500)
    plan, now = Plan(), occupancy.start_s + rng.uniform(30, 120) * MINUTE_S
    while now < occupancy.end_s:
        lack = max(0.0, _HEAT_BELOW_C - occupancy.temperature_c(now))
        hour = occupancy.local_hour(now)
        bathing = 1.8 if occupancy.wake_h <= hour < occupancy.wake_h + 2 or 20 <= hour < 22 else 1.0
        now = plan.activate(now, (rng.uniform(5, 9) * MINUTE_S * bathing * (1 + 0.1 * lack), power_w))
        now += rng.uniform(110, 170) * MINUTE_S / bathing / (1 + 0.9 * lack)
    return plan.trace("electric_heat", MeasurementModel(noise=0.01), before_s=occupancy.end_s)


def furnace(occupancy: Occupancy, rng: np.random.Generator) -> LoadTrace:
    """A gas furnace's blower of 350-550 W when it is cold; in summer it ventilates a few times a day."""
    power_w = rng.uniform(350, 550)
    plan, now = Plan(), occupancy.start_s + rng.uniform(20, 90) * MINUTE_S
    while now < occupancy.end_s:
        lack = max(0.0, _HEAT_BELOW_C - occupancy.temperature_c(now))
        now = plan.activate(now, (rng.uniform(4, 8) * MINUTE_S * (1 + 0.1 * lack), power_w))
        now += rng.uniform(40, 70) * MINUTE_S / (0.15 + 0.3 * lack)
    model = MeasurementModel(standby_w=rng.uniform(4, 9), noise=0.015, surge=0.8, settle=0.1)
    return plan.trace("furnace", model, before_s=occupancy.end_s)
