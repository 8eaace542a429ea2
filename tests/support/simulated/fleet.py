"""Fleets to be planned for: groups with flexibility as Druid would give it, drawn by a seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gridflex.contracts.flexibility import load_rules
from gridflex.contracts.programs import load_programs
from gridflex.domain.curtailment import COHORTS, Call, FlexibleGroup, PlanRequest, Program
from gridflex.domain.flexibility import Handling, Moments, Rule

NOW_MS = 1_752_487_200_000  # 2025-07-14, a Monday, 10:00 UTC
MINUTE_MS = 60_000
JUST_CALLED = [Call(start_ms=NOW_MS, end_ms=NOW_MS + 60 * MINUTE_MS)]
CLASSES = ("fridge", "freezer", "air_conditioning", "electric_heat", "dishwasher", "washing_machine", "water_heater")


def rule_of(appliance: str) -> Rule | None:
    """What the table that ships with the package allows."""
    code = load_rules().code(appliance, "")
    return load_rules().rows[code] if code >= 0 else None


def group(
    appliance: str,
    *,
    feeder: str = "SFX-F01",
    region: str = "Sfax",
    appliances: int = 100,
    mean_w: float | None = None,
    calls: Mapping[int, Sequence[Call]] | None = None,
) -> FlexibleGroup:
    """So many appliances in the middle of their usual course. ``mean_w``: of one, what it usually takes."""
    rule = rule_of(appliance)
    usual_w = mean_w if mean_w is not None else _usual_w(rule)
    least = np.array([0.0, *(rule.least_duty(horizon) for horizon in (15, 30, 60))]) if rule else np.zeros(4)
    duty = _duty(rule)
    yields = np.maximum(0.0, duty - least) / duty if rule and rule.handling is Handling.CYCLE else [1, 1, 0.8, 0.5]
    flex_w = usual_w * appliances * np.asarray(yields)
    return FlexibleGroup(
        region=region,
        feeder=feeder,
        appliance=appliance,
        rule=rule,
        known=appliances,
        appliances=appliances,
        households=appliances,
        moments=Moments(
            flex_w=flex_w,
            variance_w2=np.full(4, appliances * usual_w**2 * 0.5),
            shared_w=flex_w * (rule.shared_error if rule else 0),
            rebound_wh=flex_w * (rule.rebound_share if rule else 0),
        ),
        calls=calls or {},
    )


def resting(appliance: str, feeder: str, free: int, **more: Any) -> FlexibleGroup:
    """A group of which only the first so many cohorts may be called, the control group's among them."""
    return group(appliance, feeder=feeder, calls=dict.fromkeys(range(free, COHORTS), JUST_CALLED), **more)


def fleet(groups: int, appliances: int, seed: int, *, per_feeder: int = 4) -> list[FlexibleGroup]:
    """Groups of so many appliances each, ``per_feeder`` classes a feeder."""
    random = np.random.default_rng(seed)
    made = []
    for number in range(groups):
        name = CLASSES[(number + number // per_feeder) % len(CLASSES)]
        usual_w = _usual_w(rule_of(name)) * random.uniform(0.6, 1.4)
        made.append(group(name, feeder=f"F{number // per_feeder:04d}", appliances=appliances, mean_w=usual_w))
    return made


def request(
    target_kw: float, *, minutes: int = 60, seed: int = 1, program: Program | None = None, appliance: str = ""
) -> PlanRequest:
    """An event in Sfax that begins in two hours."""
    start_ms = NOW_MS + 120 * MINUTE_MS
    return PlanRequest(
        program=program or load_programs()["standard"],
        region="Sfax",
        appliance=appliance,
        target_kw=target_kw,
        start_ms=start_ms,
        end_ms=start_ms + minutes * MINUTE_MS,
        now_ms=NOW_MS,
        seed=seed,
    )


def _duty(rule: Rule | None) -> float:
    if rule is None:
        return 1.0
    return sum(length for length, power in rule.course if power) / sum(length for length, _ in rule.course)


def _usual_w(rule: Rule | None) -> float:
    """Power while on times duty; of programs a tenth of it, since few of them run."""
    if rule is None:
        return 0.0
    return rule.typical_on_w * _duty(rule) * (1.0 if rule.handling is Handling.CYCLE else 0.1)
