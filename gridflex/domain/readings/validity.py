"""Validates readings by the one rule of validity: its limits, and the reason of the first that a reading breaks.

The streaming job, the reconciliation and the quality check of batch jobs call it. The filter in
``database/druid_specs/powerraw.json`` says the same in Druid's expressions, and a test compares the two. It never asks
the wall clock.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from gridflex.domain.readings.columns import MS_PER_S, Flags, Floats, Ints
from gridflex.domain.readings.record import Reason

EARLIEST_SOURCE_MS, LATEST_SOURCE_MS = 978_307_200_000, 2_524_608_000_000
"""2001-01-01 and 2050-01-01, UTC: a data set's time lies from the one up to, not including, the other. No smart meter
is older; clocks that were never set stand in 1970, 1980 or 2000, and a damaged one in 2099."""
EARLIEST_EVENT_MS = 63_072_000_000
"""1972-01-01, UTC: an event time before it is damage, such as seconds for milliseconds. Canaries live 50 years ago."""
MAX_OBSERVED_S = 86_400
"""A reading stands for a day at most."""
GOOD = 0
"""In place of a reason's code."""
REASONS: tuple[Reason, ...] = (
    Reason.UNKNOWN_SCHEMA,
    Reason.UNDECODABLE,
    Reason.NOT_FINITE,
    Reason.NEGATIVE_POWER,
    Reason.ABSURD_POWER,
    Reason.BAD_OBSERVED,
    Reason.BAD_TIME,
    Reason.FUTURE_TIME,
)
"""Why a message is no good reading: its bytes first, then its values. A reason's code is its place here, from 1."""


class Limits(Protocol):
    """The limits that an installation sets: section ``readings`` of its configuration."""

    @property
    def max_power_w(self) -> float: ...

    @property
    def max_future_s(self) -> float: ...


def code_of(reason: Reason) -> int:
    """A reason as a small number.

    >>> code_of(Reason.UNKNOWN_SCHEMA)
    1
    """
    return REASONS.index(reason) + 1


def impossible_power(power_w: Floats, max_power_w: float) -> dict[Reason, Flags]:
    """Powers outside of what one circuit can draw, by reason. NaN is in neither: a value that is missing is no number.

    >>> [flags.tolist() for flags in impossible_power(np.array([-1.0, 0.0, 5.0, 6.0, np.nan]), 5.0).values()]
    [[True, False, False, False, False], [False, False, False, True, False]]
    """
    return {Reason.NEGATIVE_POWER: power_w < 0, Reason.ABSURD_POWER: power_w > max_power_w}


def power_problem(power_w: float, max_power_w: float) -> Reason | None:
    """The first rule that one power breaks; None: a reading may have it.

    >>> power_problem(-3.0, 100.0), power_problem(float("nan"), 100.0), power_problem(100.0, 100.0)
    (<Reason.NEGATIVE_POWER: 'negative_power'>, <Reason.NOT_FINITE: 'not_finite'>, None)
    """
    broken = _power_rules(np.array([power_w]), max_power_w)
    return next((reason for reason, flags in broken.items() if flags.any()), None)


def _power_rules(power_w: Floats, max_power_w: float) -> dict[Reason, Flags]:
    return {Reason.NOT_FINITE: ~np.isfinite(power_w), **impossible_power(power_w, max_power_w)}


def validate(
    time_ms: Ints, power_w: Floats, observed_s: Floats, kafka_ms: Ints, limits: Limits
) -> npt.NDArray[np.int8]:
    """The code of the first rule that each reading breaks, or ``GOOD``: shape (n,), as all columns.

    ``time_ms``: event time, UTC epoch. ``kafka_ms``: the message's Kafka time stamp; the sum with ``max_future_s`` is
    taken in doubles, as Druid's.

    >>> class Household:
    ...     max_power_w, max_future_s = 50_000.0, 300.0
    >>> codes = validate(np.array([1, 0]), np.array([-5.0, 5]), np.zeros(2), np.zeros(2, np.int64), Household())
    >>> [REASONS[code - 1].value for code in codes]
    ['negative_power', 'bad_time']
    """
    broken = {
        **_power_rules(power_w, limits.max_power_w),
        Reason.BAD_OBSERVED: ~((observed_s >= 0) & (observed_s <= MAX_OBSERVED_S)),
        Reason.BAD_TIME: time_ms < EARLIEST_EVENT_MS,
        Reason.FUTURE_TIME: time_ms > kafka_ms + limits.max_future_s * MS_PER_S,
    }
    codes = np.full(len(time_ms), GOOD, dtype=np.int8)
    for reason, flags in reversed(broken.items()):
        if flags.any():
            codes[flags] = code_of(reason)
    return codes
