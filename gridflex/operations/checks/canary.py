"""Generates a canary: a few test readings of no household, which are followed through the platform.

It must never count as demand. So it lives fifty years ago, where no baseline, no flexibility and no dashboard looks:
all of them ask for a time that they name. Whoever sums up a table without a time leaves out ``dataset = 'canary'``.

::

    seven readings, ten seconds apart, up to a full minute of fifty years ago

      0 W     1200 W  1200 W  1200 W  1200 W  1200 W  1200 W
      |---10 s---|-------|-------|-------|-------|-------|    <- the minute ends: a duty window is told
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridflex.domain.readings import MS_PER_DAY, MS_PER_S, Floats, Ints

CANARY = "canary"
"""Its data set, region, feeder and appliance class."""
_SHIFT_DAYS = 18_262
_HOUSES = 3600
"""Houses take turns, one a second of the hour: two canaries do not meet, and the detector remembers no more of them."""
_STEPS = 6
_STEP_S = 10
_POWER_W = 1200.0
_MS_PER_MIN = 60 * MS_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """One canary's readings, and what must come of them."""

    house_id: str
    end_ms: int
    """Its last reading: a full minute, UTC epoch."""

    @classmethod
    def at(cls, now_ms: int) -> Canary:
        """The canary of an instant, UTC epoch.

        >>> Canary.at(1_800_000_000_000)
        Canary(house_id='canary-0000', end_ms=222163200000)
        """
        past_ms = now_ms - _SHIFT_DAYS * MS_PER_DAY
        house = now_ms // MS_PER_S % _HOUSES
        return cls(house_id=f"{CANARY}-{house:04d}", end_ms=past_ms // _MS_PER_MIN * _MS_PER_MIN)

    @property
    def appliance_id(self) -> str:
        """Its only appliance."""
        return f"{self.house_id}-1"

    @property
    def start_ms(self) -> int:
        """Its first reading, which nothing was observed before."""
        return self.end_ms - _MS_PER_MIN

    @property
    def time_ms(self) -> Ints:
        """Shape (7,).

        >>> (Canary.at(0).time_ms - Canary.at(0).end_ms).tolist()
        [-60000, -50000, -40000, -30000, -20000, -10000, 0]
        """
        return self.end_ms - np.arange(_STEPS, -1, -1, dtype=np.int64) * _STEP_S * MS_PER_S

    @property
    def power_w(self) -> Floats:
        """Shape (7,)."""
        return np.append(0.0, np.full(_STEPS, _POWER_W))

    @property
    def observed_s(self) -> Floats:
        """Shape (7,)."""
        return np.append(0.0, np.full(_STEPS, float(_STEP_S)))

    @property
    def readings(self) -> int:
        """How many there are."""
        return _STEPS + 1

    @property
    def energy_wh(self) -> float:
        """What they add up to.

        >>> Canary.at(0).energy_wh
        20.0
        """
        return float((self.power_w * self.observed_s).sum()) / 3600

    @property
    def on_s(self) -> float:
        """Observed on-time of the window that ends with the last reading: all of it.

        >>> Canary.at(0).on_s
        60.0
        """
        return float(self.observed_s.sum())
