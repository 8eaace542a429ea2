"""Defines the detector's parameters by appliance class: what is on and what is off.

The numbers live in a table (gridflex.contracts.profiles reads it); this module says what they mean and lays them out
as columns for the detector.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from gridflex.domain.readings import MS_PER_S, Flags, Floats, Ints

DEFAULT = "default"
"""The class of every appliance that has no row of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One class of appliances, or one data set's own view of it.

    Invariants: ``0 < off_w <= on_w <= max_w``; times are not negative.
    """

    appliance: str
    dataset: str = ""
    """Empty: for every data set that has no row of its own."""
    on_w: float
    """On at or above it."""
    off_w: float
    """Off below it; between the two the appliance stays as it was."""
    min_on_s: float
    """A shorter activation is retracted."""
    min_off_s: float
    """A shorter pause does not end an activation."""
    max_w: float
    """The class's plausible maximum; readings above it are still readings."""
    detect: bool
    """Whether activations and duty cycles make sense."""
    aggregate: bool
    """A sum of other circuits: never added to them."""

    def __post_init__(self) -> None:
        if not 0 < self.off_w <= self.on_w <= self.max_w:
            raise ValueError(
                f"{self.appliance}: found off_w={self.off_w}, on_w={self.on_w}, max_w={self.max_w}; "
                "allowed: 0 < off_w <= on_w <= max_w"
            )
        if self.min_on_s < 0 or self.min_off_s < 0:
            raise ValueError(f"{self.appliance}: min_on_s and min_off_s must not be negative")


@dataclass(frozen=True, slots=True)
class Profiles:
    """All profiles; a profile's place in ``rows`` is its code. Columns have shape ``(len(rows),)``, times are ms.

    >>> kettle = Profile(appliance="kettle", on_w=2000, off_w=1000, min_on_s=12, min_off_s=0, max_w=3100,
    ...                  detect=True, aggregate=False)
    >>> other = Profile(appliance="default", on_w=20, off_w=10, min_on_s=10, min_off_s=30, max_w=50_000,
    ...                 detect=True, aggregate=False)
    >>> profiles = Profiles.of([kettle, other])
    >>> profiles.code("kettle", "redd"), profiles.code("sauna", "redd")
    (0, 1)
    >>> profiles.min_on_ms.tolist()
    [12000, 10000]
    """

    rows: tuple[Profile, ...]
    on_w: Floats = field(repr=False)
    off_w: Floats = field(repr=False)
    min_on_ms: Ints = field(repr=False)
    min_off_ms: Ints = field(repr=False)
    detect: Flags = field(repr=False)
    codes: dict[tuple[str, str], int] = field(repr=False)
    """(appliance, dataset) -> code."""

    @classmethod
    def of(cls, profiles: Iterable[Profile]) -> Profiles:
        """Lay out profiles as columns. Raises ``ValueError`` on rows that contradict each other or no default row."""
        rows = tuple(profiles)
        codes: dict[tuple[str, str], int] = {}
        for code, row in enumerate(rows):
            if codes.setdefault((row.appliance, row.dataset), code) != code:
                raise ValueError(f"{row.appliance} ({row.dataset or 'every data set'}) has two rows")
        if strange := {row.appliance for row in rows if row.aggregate} & {r.appliance for r in rows if not r.aggregate}:
            raise ValueError(f"{', '.join(sorted(strange))}: aggregate must be the same in all rows of a class")
        if (DEFAULT, "") not in codes:
            raise ValueError(f"no row {DEFAULT!r} for classes without a row")
        return cls(
            rows=rows,
            on_w=np.array([row.on_w for row in rows], dtype=np.float64),
            off_w=np.array([row.off_w for row in rows], dtype=np.float64),
            min_on_ms=np.array([round(row.min_on_s * MS_PER_S) for row in rows], dtype=np.int64),
            min_off_ms=np.array([round(row.min_off_s * MS_PER_S) for row in rows], dtype=np.int64),
            detect=np.array([row.detect for row in rows], dtype=np.bool_),
            codes=codes,
        )

    def code(self, appliance: str, dataset: str) -> int:
        """The code of a class: the data set's own row, else the class's, else the default row."""
        for key in ((appliance, dataset), (appliance, ""), (DEFAULT, dataset)):
            if key in self.codes:
                return self.codes[key]
        return self.codes[DEFAULT, ""]

    @property
    def aggregates(self) -> tuple[str, ...]:
        """The classes of circuits that are sums of others, in the order of the alphabet."""
        return tuple(sorted({row.appliance for row in self.rows if row.aggregate}))

    def get(self, appliance: str, dataset: str = "") -> Profile:
        """The profile of a class."""
        return self.rows[self.code(appliance, dataset)]
