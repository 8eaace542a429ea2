"""Computes what a called appliance sheds while it is off, and its rebound afterwards.

What is withheld of heat or cold is held back: once the appliance may run again, a part of it is taken in each step, at
most what the appliance can take on top of its usual mean. How large the part is follows from the forecast itself: it
is fitted so that an hour of off and on in turn sheds what ``flex_60`` says. Where one off-run lasts an hour there is
nothing to fit, and the part follows from the length of the class's usual on-period.

Programs that can be paused are taken to begin as often during an event as before it, so that the class keeps its mean
power; those that would begin during a pause wait as well. What is withheld is taken within a program's usual length.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridflex.domain.curtailment.patterns import STEP_MIN
from gridflex.domain.flexibility import HORIZONS_MIN, Handling, Moments, Rule
from gridflex.domain.readings import Flags, Floats

_HOUR_STEPS = 60 // STEP_MIN
_FIT_ROUNDS = 30
_NOTHING = 1e-4
"""A rebound that has faded to so little of the usual power is over: a solver stumbles over its last traces."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Response:
    """How all appliances of a group respond together; a part of the group responds in proportion."""

    power_w: Floats
    """Mean power that would be taken without an event, by step from its begin; shape (steps,)."""
    rebound_share: float
    """Share of the energy withheld that is taken later."""
    taken_share: float
    """Part of what is held back that is taken in one step."""
    most_w: float
    """What can be taken on top of ``power_w``."""

    def shed_w(self, off: Flags) -> Floats:
        """Power shed by each pattern, negative while more than usual is taken. Shapes (patterns, steps).

        >>> response = Response(power_w=np.full(6, 100.0), rebound_share=1, taken_share=0.5, most_w=80)
        >>> response.shed_w(np.array([[True, True, False, False, False, False]])).tolist()
        [[100.0, 100.0, -80.0, -60.0, -30.0, -15.0]]
        """
        held_w = np.zeros(len(off))
        shed_w = np.empty(off.shape)
        for step in range(off.shape[1]):
            taken_w = np.where(off[:, step], 0.0, np.minimum(held_w * self.taken_share, self.most_w))
            held_w += np.where(off[:, step], self.power_w[step] * self.rebound_share, -taken_w)
            shed_w[:, step] = np.where(off[:, step], self.power_w[step], -taken_w)
        return shed_w

    def staggered_w(self, off: Flags, spread_ms: int) -> Floats:
        """``shed_w`` of appliances that each follow at a time of their own, drawn evenly within ``spread_ms``."""
        late = late_share(spread_ms)
        shed_w = self.shed_w(off)
        before_w = np.concatenate((np.zeros((len(off), 1)), shed_w[:, :-1]), axis=1)
        staggered_w: Floats = (1 - late) * shed_w + late * before_w
        staggered_w[np.abs(staggered_w) < _NOTHING * self.power_w.max()] = 0.0
        return staggered_w


def late_share(spread_ms: int) -> float:
    """Share of a step that passes, on average, before an appliance follows at a time of its own within ``spread_ms``.

    >>> late_share(30_000)
    0.05
    """
    return spread_ms / 2 / (STEP_MIN * 60_000)


def response(rule: Rule, moments: Moments, steps: int) -> Response:
    """The response of a group of one class, from the moments of its flexibility.

    ``moments``: as they are for an event that begins now; an event later on is taken to find the same.
    """
    power_w = _usual_w(rule, moments, steps)
    duty, most_w = _duty(rule), float("inf")
    if rule.handling is Handling.DEFER:
        on_min = sum(minutes for minutes, _ in rule.course)
    else:
        on_min = max(minutes for minutes, power in rule.course if power > 0)
        most_w = float(power_w[0]) * (1 - duty) / duty if duty < 1 else float(power_w[0])
    taken = 1 - float(np.exp(-STEP_MIN / on_min))
    first = Response(
        power_w=power_w,
        rebound_share=rule.rebound_share,
        taken_share=taken,
        most_w=most_w,
    )
    longest = HORIZONS_MIN[-1]
    if rule.handling is Handling.DEFER or rule.max_off_min >= longest or power_w[0] <= 0:
        return first
    return _fitted(first, rule, float(moments.flex_w[-1]))


def _usual_w(rule: Rule, moments: Moments, steps: int) -> Floats:
    """Mean power: of the longest horizon through all of which it may be off, of programs of the shortest."""
    whole = [place for place, horizon in enumerate(HORIZONS_MIN) if 0 < horizon <= rule.max_off_min]
    return np.full(steps, max(0.0, float(moments.flex_w[whole[-1] if whole else 1])))


def _duty(rule: Rule) -> float:
    """Share of its power while on that the class takes over its usual course, 0..1."""
    minutes = sum(length for length, _ in rule.course)
    energy = sum(length * power for length, power in rule.course)
    peak = max(power for _, power in rule.course)
    return energy / (minutes * peak)


def _fitted(first: Response, rule: Rule, flex_60_w: float) -> Response:
    """With the part that is taken in a step such that an hour of off and on in turn sheds ``flex_60_w`` on average."""
    off_steps, on_steps = int(rule.max_off_min // STEP_MIN), int(-(-rule.min_on_min // STEP_MIN))
    turn = (np.arange(_HOUR_STEPS) % max(1, off_steps + on_steps) < off_steps)[None, :]
    low, high = first.taken_share, 1.0
    fitted = first
    for _ in range(_FIT_ROUNDS):
        middle = (low + high) / 2
        fitted = Response(
            power_w=first.power_w,
            rebound_share=first.rebound_share,
            taken_share=middle,
            most_w=first.most_w,
        )
        if fitted.shed_w(turn).mean() > flex_60_w:
            low = middle
        else:
            high = middle
    return fitted
