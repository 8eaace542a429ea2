"""Generates washing, drying, ironing and cleaning: programs with a drum that turns and rests."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ingestion.generator.occupancy import DAYTIME, EVENING, MORNING, Occupancy
from ingestion.generator.trace import LoadTrace, MeasurementModel, Plan

MINUTE_S = 60.0
_TWO_PROGRAMS_S = 1500.0


def washing_machine(occupancy: Occupancy, rng: np.random.Generator) -> LoadTrace:
    """1-2 hours: water heating of 1.9-2.1 kW, a drum that turns and rests, spinning; pauses shorter than 75 s."""
    heat_w, drum_w = rng.uniform(1900, 2100), rng.uniform(110, 260)
    plan = Plan()
    for moment in plan.apart(
        occupancy.moments(rng, 0.2 + 0.12 * occupancy.people, [*DAYTIME, *EVENING]), _TWO_PROGRAMS_S
    ):
        plan.activate(moment, *_washing(rng, heat_w, drum_w))
    model = MeasurementModel(standby_w=rng.uniform(0.3, 2.5), noise=0.02, surge=0.3)
    return plan.trace("washing_machine", model, before_s=occupancy.end_s)


def washer(occupancy: Occupancy, rng: np.random.Generator) -> LoadTrace:
    """A top loader on hot water from elsewhere: 35-55 minutes of agitation and spinning."""
    drum_w = rng.uniform(260, 420)
    plan = Plan()
    for moment in plan.apart(
        occupancy.moments(rng, 0.25 + 0.1 * occupancy.people, [*DAYTIME, *EVENING]), _TWO_PROGRAMS_S
    ):
        plan.activate(moment, *_agitation(rng, drum_w))
    return plan.trace(
        "washer_dryer", MeasurementModel(standby_w=rng.uniform(0, 3), noise=0.02, surge=0.6), before_s=occupancy.end_s
    )


def dryer(occupancy: Occupancy, rng: np.random.Generator, appliance: str = "dryer") -> LoadTrace:
    """45-90 minutes: a drum of 150-250 W, a heater of 1.7-2.2 kW behind a thermostat."""
    heat_w, drum_w = rng.uniform(1700, 2200), rng.uniform(150, 250)
    plan = Plan()
    for moment in plan.apart(
        occupancy.moments(rng, 0.12 + 0.08 * occupancy.people, [*DAYTIME, *EVENING]), _TWO_PROGRAMS_S
    ):
        plan.activate(moment, *_drying(rng, drum_w + heat_w, drum_w))
    return plan.trace(
        appliance, MeasurementModel(standby_w=rng.uniform(0.5, 3), noise=0.015, surge=0.2), before_s=occupancy.end_s
    )


def iron(occupancy: Occupancy, rng: np.random.Generator) -> LoadTrace:
    """Heating pulses of 20-45 s for 15-50 minutes."""
    power_w = rng.uniform(1200, 2200)
    plan = Plan()
    for moment in plan.apart(occupancy.moments(rng, 0.35, [*DAYTIME, *EVENING]), 600):
        phases = [(rng.uniform(60, 150), power_w)]
        for _ in range(int(rng.integers(10, 40))):
            phases += [(rng.uniform(30, 80), 0.0), (rng.uniform(20, 45), power_w)]
        plan.activate(moment, *phases)
    return plan.trace("iron", MeasurementModel(noise=0.01), before_s=occupancy.end_s)


def vacuum_cleaner(occupancy: Occupancy, rng: np.random.Generator) -> LoadTrace:
    """5-25 minutes, two or three times a week."""
    power_w = rng.uniform(900, 1500)
    plan = Plan()
    for moment in plan.apart(occupancy.moments(rng, 0.45, DAYTIME), 300):
        plan.activate(moment, (rng.uniform(5, 25) * MINUTE_S, power_w))
    return plan.trace("vacuum_cleaner", MeasurementModel(noise=0.02, surge=0.7, wander=0.08), before_s=occupancy.end_s)


def hair_dryer(occupancy: Occupancy, rng: np.random.Generator, appliance: str = "hair_dryer") -> LoadTrace:
    """2-8 minutes, at a low and a high setting."""
    high_w, low_w = rng.uniform(1100, 1700), rng.uniform(420, 700)
    plan = Plan()
    for moment in plan.apart(occupancy.moments(rng, 0.25 * occupancy.people, [*MORNING, *EVENING]), 240):
        parts = int(rng.integers(1, 4))
        plan.activate(moment, *[(rng.uniform(45, 160), high_w if rng.random() < 0.7 else low_w) for _ in range(parts)])
    return plan.trace(appliance, MeasurementModel(standby_w=rng.uniform(0, 1.5), noise=0.02), before_s=occupancy.end_s)


def _washing(rng: np.random.Generator, heat_w: float, drum_w: float) -> Iterator[tuple[float, float]]:
    rest_w = rng.uniform(12, 16)
    yield from _turning(rng, rng.uniform(2, 4), drum_w * 0.6, rest_w)
    yield rng.uniform(14, 26) * MINUTE_S, heat_w
    yield from _turning(rng, rng.uniform(20, 40), drum_w, rest_w)
    for _ in range(int(rng.integers(2, 4))):
        yield rng.uniform(20, 70), rng.uniform(4, 7)
        yield from _turning(rng, rng.uniform(5, 9), drum_w * 0.9, rest_w)
    yield rng.uniform(20, 60), rng.uniform(4, 7)
    yield rng.uniform(90, 180), drum_w * 1.6
    yield rng.uniform(4, 8) * MINUTE_S, drum_w * 2.2


def _agitation(rng: np.random.Generator, drum_w: float) -> Iterator[tuple[float, float]]:
    rest_w = rng.uniform(5, 8)
    yield from _turning(rng, rng.uniform(12, 18), drum_w, rest_w)
    yield rng.uniform(40, 75), rest_w
    yield rng.uniform(4, 7) * MINUTE_S, drum_w * 1.5
    yield rng.uniform(40, 75), rest_w
    yield from _turning(rng, rng.uniform(7, 12), drum_w, rest_w)
    yield rng.uniform(30, 60), rest_w
    yield rng.uniform(7, 11) * MINUTE_S, drum_w * 1.6


def _turning(rng: np.random.Generator, minutes: float, drum_w: float, rest_w: float) -> Iterator[tuple[float, float]]:
    """The drum turns 20-50 s and rests 6-14 s."""
    count = max(1, int(minutes * MINUTE_S / 45))
    turns, rests, load = rng.uniform(20, 50, count), rng.uniform(6, 14, count), rng.uniform(0.8, 1.25, count)
    for turn, rest, part in zip(turns.tolist(), rests.tolist(), load.tolist(), strict=True):
        yield turn, drum_w * part
        yield rest, rest_w


def _drying(rng: np.random.Generator, hot_w: float, cool_w: float) -> Iterator[tuple[float, float]]:
    """Heating of 3-8 minutes and pauses of 60-140 s in turn; it begins and ends with heating."""
    yield rng.uniform(6, 10) * MINUTE_S, hot_w
    for _ in range(int(rng.integers(6, 9))):
        yield rng.uniform(60, 140), cool_w
        yield rng.uniform(4, 8) * MINUTE_S, hot_w
