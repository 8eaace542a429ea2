"""Generates light, screens and sockets: what people leave on while they are up, and what is never off."""

from __future__ import annotations

import numpy as np

from ingestion.generator.occupancy import DAYTIME, EVENING, MEALS, MORNING, Occupancy, Peaks
from ingestion.generator.trace import LoadTrace, MeasurementModel, Plan

MINUTE_S = 60.0
NIGHT: Peaks = ((22.0, 0.6, 1.0),)


def lighting(occupancy: Occupancy, rng: np.random.Generator) -> LoadTrace:
    """Lamps of one circuit: early in the morning and from dusk to bedtime, one to four of them."""
    lamp_w = rng.uniform(30, 70)
    dusk = occupancy.dusk_h()
    peaks: Peaks = ((occupancy.wake_h, 0.5, 0.3), (dusk + 0.5, 0.7, 0.45), (dusk + 2.5, 1.0, 0.25))
    plan = Plan()
    for moment in plan.apart(occupancy.moments(rng, rng.uniform(3.5, 6), peaks), 90):
        evening = occupancy.local_hour(moment) > 12
        parts = int(rng.integers(1, 4))
        length = rng.uniform(20, 110) if evening else rng.uniform(8, 35)
        plan.activate(moment, *[(length / parts * MINUTE_S, lamp_w * int(rng.integers(1, 4))) for _ in range(parts)])
    return plan.trace("lighting", MeasurementModel(standby_w=rng.uniform(0, 1), noise=0.01), before_s=occupancy.end_s)


def tv(occupancy: Occupancy, rng: np.random.Generator, appliance: str = "tv") -> LoadTrace:
    """30-200 minutes at 60-150 W that follow the picture; 0.5-3 W on stand-by."""
    power_w = rng.uniform(60, 150)
    plan = Plan()
    for moment in plan.apart(occupancy.moments(rng, 1.6, [*EVENING, *MEALS]), 180):
        plan.activate(moment, (rng.uniform(30, 200) * MINUTE_S, power_w))
    model = MeasurementModel(standby_w=rng.uniform(0.5, 3), noise=0.02, surge=0.3, wander=0.15)
    return plan.trace(appliance, model, before_s=occupancy.end_s)


def computer(occupancy: Occupancy, rng: np.random.Generator) -> LoadTrace:
    """20-240 minutes between 45 and 130 W as it works."""
    idle_w = rng.uniform(45, 70)
    plan = Plan()
    for moment in plan.apart(occupancy.moments(rng, 1.3, [*DAYTIME, *EVENING]), 180):
        count = int(rng.integers(5, 40))
        plan.activate(moment, *[(rng.uniform(4, 7) * MINUTE_S, idle_w * rng.uniform(1, 1.8)) for _ in range(count)])
    return plan.trace("computer", MeasurementModel(standby_w=rng.uniform(1.5, 4), noise=0.03), before_s=occupancy.end_s)


def radio(occupancy: Occupancy, rng: np.random.Generator) -> LoadTrace:
    """10-70 minutes at 7-12 W."""
    plan = Plan()
    power_w = rng.uniform(7.5, 12)
    for moment in plan.apart(occupancy.moments(rng, 1.6, [*MORNING, *MEALS]), 120):
        plan.activate(moment, (rng.uniform(10, 70) * MINUTE_S, power_w))
    return plan.trace(
        "radio", MeasurementModel(standby_w=rng.uniform(0.8, 1.6), noise=0.04, wander=0.1), before_s=occupancy.end_s
    )


def electronics(occupancy: Occupancy, rng: np.random.Generator) -> LoadTrace:
    """A rack that is always on, and a screen in the evening: no clean on and off."""
    base_w = rng.uniform(35, 75)
    screen = tv(occupancy, rng)
    plan = Plan()
    for start, end in screen.activations:
        plan.run(start, (end - start, base_w + rng.uniform(60, 160)))
    return plan.trace(
        "electronics", MeasurementModel(standby_w=base_w, noise=0.02, wander=0.1), before_s=occupancy.end_s
    )


def outlets(occupancy: Occupancy, rng: np.random.Generator, appliance: str = "outlets") -> LoadTrace:
    """Whatever is plugged in: chargers, a lamp, now and then a heater of some kind."""
    plan = Plan()
    for moment in plan.apart(occupancy.moments(rng, 4, [*MORNING, *DAYTIME, *EVENING]), 120):
        heavy = rng.random() < 0.2
        watts = rng.uniform(600, 1300) if heavy else rng.uniform(15, 120)
        plan.activate(moment, (rng.uniform(2, 12) * MINUTE_S if heavy else rng.uniform(10, 120) * MINUTE_S, watts))
    plan.activations.clear()
    model = MeasurementModel(standby_w=rng.uniform(1, 14), noise=0.03, wander=0.1)
    return plan.trace(appliance, model, before_s=occupancy.end_s)


def always_on(occupancy: Occupancy, rng: np.random.Generator, appliance: str, low_w: float, high_w: float) -> LoadTrace:
    """A load that never sleeps: router, smoke alarms, storage."""
    count = occupancy.days * 24
    starts = occupancy.start_s + 3600.0 * np.arange(count)
    plan = Plan(stretches=[(start, start + 3600.0, rng.uniform(low_w, high_w)) for start in starts.tolist()])
    return plan.trace(appliance, MeasurementModel(noise=0.02))
