"""Computes what an event would really have shed of a circuit: from its generated load, not from its readings."""

from __future__ import annotations

import numpy as np

from gridflex.domain.flexibility import Handling, Rule
from gridflex.domain.readings import Floats
from ingestion.generator.layouts import Circuit
from ingestion.generator.trace import LoadTrace

MINUTE_S = 60.0


def shed_w(trace: LoadTrace, circuit: Circuit, rule: Rule, *, on_w: float, start_s: Floats, horizon_min: int) -> Floats:
    """Mean power that an event of ``horizon_min`` (0: one minute) from each instant on would have shed, shape (n,).

    What the appliance takes while on, at ``on_w`` or more, less what the rule leaves it; of a program only if it runs
    when the event begins.
    """
    least_w = on_w / circuit.share
    length_s = max(1, horizon_min) * MINUTE_S
    taken_w = (trace.energy_until_ws(start_s + length_s, least_w) - trace.energy_until_ws(start_s, least_w)) / length_s
    if rule.handling is Handling.DEFER:
        taken_w = taken_w * _runs(trace, start_s)
    kept_w = rule.least_duty(horizon_min) * power_while_on_w(trace, least_w)
    return np.maximum(0.0, taken_w - kept_w) * circuit.share


def power_while_on_w(trace: LoadTrace, least_w: float) -> float:
    """Mean power over all stretches of ``least_w`` or more; 0 without any."""
    length_s = (trace.end_s - trace.start_s)[trace.power_w >= least_w].sum()
    end_s = np.array([trace.end_s.max(initial=0.0)])
    return float(trace.energy_until_ws(end_s, least_w)[0] / length_s) if length_s else 0.0


def _runs(trace: LoadTrace, time_s: Floats) -> Floats:
    """1 where an activation runs, else 0."""
    spans = np.array(trace.activations, dtype=np.float64).reshape(-1, 2)
    at = np.searchsorted(spans[:, 0], time_s, side="right") - 1
    running = np.zeros(len(time_s))
    running[at >= 0] = time_s[at >= 0] < spans[at[at >= 0], 1]
    return running
