"""How often somebody may ask: so many times at once, refilled evenly over a minute."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from gridflex.errors import GridflexError

_MOST_NAMES = 10_000


class TooManyError(GridflexError):
    """Somebody asks too often, or for too much at once."""


class RateLimit:
    """Requests of each name: at most ``per_min`` at once, and as many again within a minute."""

    def __init__(self, per_min: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_min, self._clock = per_min, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """What is left of each name, and when that was counted; who asked last stands last. Others have all left."""
        self._lock = threading.Lock()

    def take(self, name: str) -> bool:
        """Whether this request of ``name`` is within the limit; if so, it counts.

        >>> limit = RateLimit(2, clock=lambda: 0.0)
        >>> [limit.take("amira") for _ in range(3)], limit.take("bilel")
        ([True, True, False], True)
        """
        with self._lock:
            now = self._clock()
            left = self._now(name, now)
            if left < 1:
                return False
            self._left[name] = (left - 1, now)
            self._left.move_to_end(name)
            if len(self._left) > _MOST_NAMES:
                self._left.popitem(last=False)
            return True

    def _now(self, name: str, now: float) -> float:
        left, then = self._left.get(name, (float(self._per_min), now))
        return min(float(self._per_min), left + (now - then) * self._per_min / 60)
