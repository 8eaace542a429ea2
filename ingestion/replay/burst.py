"""Computes how many readings of a paced replay go into one transaction, so that it does not stay open for long.

Who reads committed messages alone sees nothing of a partition behind the first transaction that is still open there. So
a replay that has fallen behind hides the readings of all others for as long as its transaction lasts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

_LEAST = 1000
"""A transaction's own costs are those of some hundred readings."""
_FIRST = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """The size of the next transaction, adapted to how long earlier ones took.

    >>> slow = Burst.first(most=50_000, open_s=0.2).after(readings=10_000, seconds=1.0)
    >>> slow.size, slow.after(readings=2000, seconds=0.05).size, slow.after(readings=3, seconds=0.05).size
    (2000, 4000, 2000)
    """

    most: int
    open_s: float
    """So long a transaction may be open."""
    size: int

    @classmethod
    def first(cls, *, most: int, open_s: float) -> Burst:
        """The size before any transaction."""
        return cls(most=most, open_s=open_s, size=min(most, _FIRST))

    def after(self, *, readings: int, seconds: float) -> Burst:
        """The size after a transaction of so many readings that took so long. One that was less than half full changes
        nothing.
        """
        if readings < self.size // 2:
            return self
        fitting = int(readings * self.open_s / max(seconds, 1e-3))
        return replace(self, size=min(self.most, max(min(_LEAST, self.most), min(fitting, 2 * self.size))))
