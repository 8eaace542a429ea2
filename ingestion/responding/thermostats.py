"""Simulates loads with a thermostat: heat or cold that was withheld is made up for once they may run again.

While off, an appliance owes what it would have taken while on, less what its class never takes back. Afterwards it runs
at its power while on through times when it would have rested, until nothing is owed::

    without     ..####....####....####....####....
    off         ..________|
    with        ..        ##############..####....     the first two runs were withheld, the rests between are used
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gridflex.domain.readings import MS_PER_S, Flags, Floats, Ints
from ingestion.responding.appliances import Fleet

_FORGIVEN_AFTER_MS = 3 * 3600 * MS_PER_S
"""What could not be made up for by then never is: the load ran on and on anyway."""


class Thermostats:
    """The heat or cold that each appliance of a fleet has to make up for."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self.owed_ws: Floats = np.zeros(len(fleet))
        self._on_ws: Floats = np.zeros(len(fleet))
        """Withheld energy of times on, ..."""
        self._on_s: Floats = np.zeros(len(fleet))
        """... and their length: together its power while on."""
        self._held_ms: Ints = np.zeros(len(fleet), dtype=np.int64)

    def play(self, series: Ints, time_ms: Ints, held: Flags, power_w: Floats, observed_s: Floats) -> Floats:
        """The power taken by readings of different appliances; shapes (n,). Each appliance's readings come in order of
        time.
        """
        on = power_w >= self._fleet.on_w[series]
        withheld_ws = np.where(held & on, power_w * observed_s, 0.0)
        self._on_ws[series] += withheld_ws
        self._on_s[series] += np.where(held & on, observed_s, 0.0)
        self._held_ms[series] = np.where(held, time_ms, self._held_ms[series])
        owed_ws = self.owed_ws[series] + withheld_ws * self._fleet.rebound_share[series]
        owed_ws[time_ms - self._held_ms[series] > _FORGIVEN_AFTER_MS] = 0.0
        on_s = self._on_s[series]
        running_w = self._on_ws[series] / np.where(on_s > 0, on_s, 1.0)
        extra_w = np.where(held | on | (owed_ws <= 0), 0.0, np.maximum(0.0, running_w - power_w))
        taken_ws = np.minimum(extra_w * observed_s, owed_ws)
        self.owed_ws[series] = owed_ws - taken_ws
        extra_w = np.where(observed_s > 0, taken_ws / np.where(observed_s > 0, observed_s, 1.0), extra_w)
        played: Floats = np.where(held, 0.0, power_w + extra_w)
        return played

    def to_json(self, series: Ints) -> dict[str, Any]:
        """The state of these appliances as JSON values."""
        return {
            "owed_ws": self.owed_ws[series].tolist(),
            "on_ws": self._on_ws[series].tolist(),
            "on_s": self._on_s[series].tolist(),
            "held_ms": self._held_ms[series].tolist(),
        }

    def load(self, series: Ints, values: dict[str, Any]) -> None:
        """Load what ``to_json`` gave."""
        self.owed_ws[series] = values["owed_ws"]
        self._on_ws[series] = values["on_ws"]
        self._on_s[series] = values["on_s"]
        self._held_ms[series] = values["held_ms"]
