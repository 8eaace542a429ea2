"""What is wrong with a reading: the same rule as Druid's, which never asks the wall clock."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gridflex import config
from gridflex.domain.readings import MS_PER_S, Flags, Floats, Ints, Reason, plausible_event
from stream_processing.codec.arrivals import GOOD

MAX_OBSERVED_S = 86_400
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
"""A reason's code is its place here, from 1."""


def code_of(reason: Reason) -> int:
    """A reason as a small number.

    >>> code_of(Reason.UNKNOWN_SCHEMA)
    1
    """
    return REASONS.index(reason) + 1


def judge(
    time_ms: Ints, power_w: Floats, observed_s: Floats, kafka_ms: Ints, limits: config.Readings
) -> npt.NDArray[np.int8]:
    """The code of the first rule that each reading breaks, or ``GOOD``: shape (n,).

    >>> judge(np.array([1, 0]), np.array([-5.0, 5]), np.zeros(2), np.zeros(2, np.int64), config.Readings()).tolist()
    [4, 7]
    """
    broken: dict[Reason, Flags] = {
        Reason.NOT_FINITE: ~np.isfinite(power_w),
        Reason.NEGATIVE_POWER: power_w < 0,
        Reason.ABSURD_POWER: power_w > limits.max_power_w,
        Reason.BAD_OBSERVED: ~((observed_s >= 0) & (observed_s <= MAX_OBSERVED_S)),
        Reason.BAD_TIME: ~plausible_event(time_ms),
        Reason.FUTURE_TIME: time_ms > kafka_ms + round(limits.max_future_s * MS_PER_S),
    }
    verdict = np.full(len(time_ms), GOOD, dtype=np.int8)
    for reason in reversed(broken):
        verdict[broken[reason]] = code_of(reason)
    return verdict
