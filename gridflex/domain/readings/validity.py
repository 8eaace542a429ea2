"""Which times of readings can be: a data set's, and a message's."""

from __future__ import annotations

from gridflex.domain.readings.columns import Flags, Floats, Ints

EARLIEST_SOURCE_MS, LATEST_SOURCE_MS = 978_307_200_000, 2_524_608_000_000
"""2001-01-01 and 2050-01-01, UTC: a data set's time lies from the one up to, not including, the other. No smart meter
is older; clocks that were never set stand in 1970, 1980 or 2000, and a damaged one in 2099."""
EARLIEST_EVENT_MS = 63_072_000_000
"""1972-01-01, UTC: an event time before it is damage, such as seconds for milliseconds. Canaries live 50 years ago."""


def plausible_source(time_ms: Floats | Ints) -> Flags:
    """Which times of a data set can be, whatever stands around them: the shape of ``time_ms``, UTC epoch.

    >>> import numpy as np
    >>> plausible_source(np.array([1_303_132_929_000, 1_303_132_929, 4_070_908_800_000, np.nan])).tolist()
    [True, False, False, False]
    """
    flags: Flags = (time_ms >= EARLIEST_SOURCE_MS) & (time_ms < LATEST_SOURCE_MS)
    return flags


def plausible_event(time_ms: Ints) -> Flags:
    """Which event times of messages can be, but for those in the future: the shape of ``time_ms``, UTC epoch.

    >>> import numpy as np
    >>> plausible_event(np.array([1_303_132_929_000, 1_303_132_929, 0, -5])).tolist()
    [True, False, False, False]
    """
    flags: Flags = time_ms >= EARLIEST_EVENT_MS
    return flags
