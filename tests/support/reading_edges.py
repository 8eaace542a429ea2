"""Readings at the limits of what is good, and beyond each of them: what every place that validates must agree on."""

from __future__ import annotations

import math
from typing import Any

from gridflex.domain.readings import EARLIEST_EVENT_MS, MAX_OBSERVED_S, Reason

AT_MS = 1_700_049_600_000
"""2023-11-15T12:00Z: the event time of ``READING``, and its Kafka time stamp unless a test says another."""
READING: dict[str, Any] = {
    "event_time_ms": AT_MS,
    "source_time_ms": 0,
    "dataset": "redd",
    "region": "Tunis",
    "feeder": "Tunis-1",
    "house_id": "redd-1-0",
    "appliance_id": "redd-1-0-5",
    "appliance": "fridge",
    "power_w": 120.0,
    "observed_s": 3.0,
}
GOOD_EDGES: dict[str, dict[str, Any]] = {
    "usual": {},
    "no power": {"power_w": 0.0},
    "negative zero power": {"power_w": -0.0},
    "most power": {"power_w": 50_000.0},
    "first of its series": {"observed_s": 0.0},
    "negative zero observed time": {"observed_s": -0.0},
    "observed for a day": {"observed_s": float(MAX_OBSERVED_S)},
    "earliest": {"event_time_ms": EARLIEST_EVENT_MS},
}
BAD_EDGES: dict[str, tuple[dict[str, Any], Reason]] = {
    "NaN": ({"power_w": math.nan}, Reason.NOT_FINITE),
    "infinite": ({"power_w": math.inf}, Reason.NOT_FINITE),
    "minus infinite": ({"power_w": -math.inf}, Reason.NOT_FINITE),
    "negative": ({"power_w": -0.001}, Reason.NEGATIVE_POWER),
    "least negative": ({"power_w": -5e-324}, Reason.NEGATIVE_POWER),
    "just absurd": ({"power_w": math.nextafter(50_000.0, math.inf)}, Reason.ABSURD_POWER),
    "a 10 MW fridge": ({"power_w": 10_000_000.0}, Reason.ABSURD_POWER),
    "negative observed time": ({"observed_s": -1.0}, Reason.BAD_OBSERVED),
    "observed for more than a day": ({"observed_s": math.nextafter(86_400.0, math.inf)}, Reason.BAD_OBSERVED),
    "observed time NaN": ({"observed_s": math.nan}, Reason.BAD_OBSERVED),
    "observed time infinite": ({"observed_s": math.inf}, Reason.BAD_OBSERVED),
    "no time": ({"event_time_ms": 0}, Reason.BAD_TIME),
    "before 1970": ({"event_time_ms": -1}, Reason.BAD_TIME),
    "start of time": ({"event_time_ms": -(2**63)}, Reason.BAD_TIME),
    "seconds for milliseconds": ({"event_time_ms": AT_MS // 1000}, Reason.BAD_TIME),
    "just too early": ({"event_time_ms": EARLIEST_EVENT_MS - 1}, Reason.BAD_TIME),
    "end of time": ({"event_time_ms": 2**63 - 1}, Reason.FUTURE_TIME),
    "bad twice, power first": ({"power_w": -1.0, "observed_s": -1.0}, Reason.NEGATIVE_POWER),
}
"""A change of ``READING``, and the reason it is rejected with, for any Kafka time stamp of this century."""
EDGES = [*((change, None) for change in GOOD_EDGES.values()), *BAD_EDGES.values()]
FUTURE_EDGES: list[tuple[int, Reason | None]] = [(300_000, None), (300_001, Reason.FUTURE_TIME)]
"""Event time after the Kafka time stamp, ms, with the default limits."""
