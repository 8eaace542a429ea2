"""Lists the patterns in which an appliance may be off during an event, in steps of five minutes, by its class's rule.

::

    step        0   2   4   6   8   10  | 12  14  16  | 18 ..       event of an hour, ramp, tail
    cycling     ________^^^^________^^^^|             |             off 20, on 10, from the begin
    cycling     ^^^^^^^^________^^^^____|____         |             begun later; released after the end
    once        ^^^^^^^^^^^^________^^^^|             |             relieves a cohort that was off before
    defer       ^^^^____________________|________     |             one pause

A pattern may end up to half an hour after the event: staggered release keeps the rebound from being a step. Off-runs
are never longer than ``max_off_min``, and on-runs between them never shorter than ``min_on_min``.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np

from gridflex.domain.flexibility import Handling, Rule
from gridflex.domain.readings import Flags

STEP_MIN = 5
RAMP_STEPS = 6
"""A pattern may end so much later than the event."""
TAIL_STEPS = 12
"""The rebound is followed so much longer."""
_STARTS = 6
MOST_PATTERNS = 24
"""More make the linear program slower and hardly better."""


def horizon_steps(event_steps: int) -> int:
    """Steps that a plan looks at: event, ramp and tail."""
    return event_steps + RAMP_STEPS + TAIL_STEPS


def off_patterns(rule: Rule, event_steps: int) -> Flags:
    """Patterns of a class: shape (patterns, steps), true while off; none if it may not be off for a whole step.

    >>> fridge = Rule(appliance="fridge", handling=Handling.CYCLE, max_off_min=30, min_on_min=15, rest_after_min=180,
    ...               typical_on_w=100, course=((20, 1), (37, 0)))
    >>> off = off_patterns(fridge, 12)
    >>> off.shape, int(off[0].sum()) * STEP_MIN
    ((24, 30), 45)
    >>> "".join(".#"[int(step)] for step in off[0])
    '######...###..................'
    """
    if rule.handling is Handling.DEFER:
        return _distinct(event_steps, tuple(_pauses(event_steps)))
    most_off, least_on = int(rule.max_off_min // STEP_MIN), int(-(-rule.min_on_min // STEP_MIN))
    if most_off < 1:
        return np.zeros((0, horizon_steps(event_steps)), dtype=np.bool_)
    return _cycling(event_steps, most_off, max(1, least_on))


@cache
def _cycling(event_steps: int, most_off: int, least_on: int) -> Flags:
    return _distinct(event_steps, (*_cycles(event_steps, most_off, least_on), *_single_runs(event_steps, most_off)))


def _starts(event_steps: int) -> range:
    """Steps at which cohorts begin one after the other: six over the event."""
    return range(0, event_steps, max(1, event_steps // _STARTS))


def _cycles(event_steps: int, off: int, on: int) -> Iterator[Flags]:
    """Off and on in turn from each start on; over with the event, or some steps later."""
    steps = np.arange(horizon_steps(event_steps))
    for after in (0, RAMP_STEPS // 2, RAMP_STEPS):
        for first in _starts(event_steps):
            yield (steps >= first) & ((steps - first) % (off + on) < off) & (steps < event_steps + after)


def _single_runs(event_steps: int, most_off: int) -> Iterator[Flags]:
    """Off once, from each start on: for as long as may be, and for half as long. One cohort relieves the other."""
    for length in (most_off, max(1, most_off // 2)):
        for first in _starts(event_steps):
            yield _run(event_steps, first, min(first + length, event_steps + RAMP_STEPS))


def _pauses(event_steps: int) -> Iterator[Flags]:
    """One pause from each start on, to the end of the event or some steps later; and of the event's first half."""
    for after in range(0, RAMP_STEPS + 1, 2):
        for first in _starts(event_steps):
            yield _run(event_steps, first, event_steps + after)
    if event_steps > 1:
        yield _run(event_steps, 0, event_steps // 2)


def _run(event_steps: int, first: int, end: int) -> Flags:
    steps = np.arange(horizon_steps(event_steps))
    run: Flags = (steps >= first) & (steps < end)
    return run


def _distinct(event_steps: int, patterns: tuple[Flags, ...]) -> Flags:
    """The patterns that are off in the event, each once; of too many every so manieth, the first always."""
    kept = {pattern.tobytes(): pattern for pattern in patterns if pattern[:event_steps].any()}
    chosen = list(kept.values())
    if len(chosen) > MOST_PATTERNS:
        chosen = [chosen[place] for place in np.linspace(0, len(chosen) - 1, MOST_PATTERNS).round().astype(int)]
    return np.stack(chosen)
