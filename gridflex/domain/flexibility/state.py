"""Defines the forecaster's state: one record for each flexible appliance, ordered by key.

Numbers are 32-bit, and every record is brought forward a minute at a time by element-wise arithmetic alone. So a record
depends on its appliance's own minutes and on nothing else, bit for bit, however they were batched.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gridflex.domain.flexibility.rules import AHEAD_MIN, Rules
from gridflex.domain.readings import Flags, Ints

CELL_MIN = 5
"""Length of a cell: flexibility ahead is learned from sums over whole cells."""
CELLS = max(AHEAD_MIN) // CELL_MIN
NEVER_ON_MIN = 1_000_000
"""In place of the minutes since it was on."""
OFF, ON, UNKNOWN = 0, 1, -1
"""Phases; of an appliance that rests or is not observed, ``UNKNOWN``."""

RECORD = np.dtype(
    [
        ("key", "<i8"),
        ("minute", "<i4"),  # end of the last minute told, minutes since 1970
        ("cell", "<i4"),  # the last cell that was closed, five minutes each since 1970
        ("rested_min", "<i4"),  # since it was last on
        ("observed_ms", "<i4"),  # of the open cell
        ("on_uj", "<i8"),  # of the open cell
        ("phase", "i1", (CELLS + 1,)),  # at cells' ends, the newest first
        ("cell_w", "<f4", (CELLS,)),  # mean power while on, of closed cells, the newest first; NaN: unknown
        ("minute_w", "<f4"),  # the same of the last minute
        ("change_w2", "<f4"),  # mean square of its change from minute to minute
        ("on_min", "<f4"),  # on-time and energy of which the power while on is known
        ("on_wmin", "<f4"),
        ("program_on_min", "<f4"),  # the same of a program that runs, not yet counted
        ("program_on_wmin", "<f4"),
        ("weight", "<f4", (2, len(AHEAD_MIN))),  # by phase and horizon: samples,
        ("mean", "<f4", (2, len(AHEAD_MIN))),  # their mean yield relative to the power while on,
        ("square", "<f4", (2, len(AHEAD_MIN))),  # and its mean square
    ]
)
Records = npt.NDArray[np.void]

_VERSION = 1
_HEADER = np.dtype([("version", "u1"), ("records", "<u4")])
_CHANGES_SHARE = 0.05
"""Mean square of the change from minute to minute until it is known, relative to the square of the power while on."""
TYPICAL_MIN = {True: 30.0, False: 120.0}
"""On-time that the typical power while on counts for, of classes that are cycled and of the others."""
TYPICAL_SAMPLES = {True: 3.0, False: 60.0}
"""Samples that the typical course counts for."""


def no_records() -> Records:
    """Nothing is remembered.

    >>> len(no_records())
    0
    """
    return np.zeros(0, dtype=RECORD)


def new_records(key: Ints, rule: Ints, minute: Ints, rules: Rules) -> Records:
    """Appliances of which nothing is known but their class, before their first minute. Shape (n,) each."""
    cycles, on_w = rules.cycles[rule], rules.typical_on_w[rule]
    records = np.zeros(len(key), dtype=RECORD)
    records["key"] = key
    records["minute"] = minute - 1
    records["cell"] = (minute - 1) // CELL_MIN - 1
    records["rested_min"] = NEVER_ON_MIN
    records["phase"] = UNKNOWN
    records["cell_w"] = np.nan
    records["minute_w"] = np.nan
    records["change_w2"] = _CHANGES_SHARE * on_w**2
    records["on_min"] = np.where(cycles, TYPICAL_MIN[True], TYPICAL_MIN[False])
    records["on_wmin"] = records["on_min"] * on_w
    records["weight"] = np.where(cycles, TYPICAL_SAMPLES[True], TYPICAL_SAMPLES[False])[:, None, None]
    records["mean"], records["square"] = rules.typical[:, rule]
    return records


def find(records: Records, key: Ints) -> tuple[Ints, Flags]:
    """Places of ``key`` and whether they are there; a missing one's place is where it would stand."""
    place = np.searchsorted(records["key"], key).astype(np.int64)
    if len(records) == 0:
        return place, np.zeros(len(key), dtype=np.bool_)
    found: Flags = records["key"][np.minimum(place, len(records) - 1)] == key
    return place, found


def without(records: Records, key: Ints) -> Records:
    """The records without those of ``key``.

    >>> len(without(no_records(), np.array([3])))
    0
    """
    place, found = find(records, key)
    return np.delete(records, place[found])


def to_bytes(records: Records) -> bytes:
    """Encode records.

    >>> len(from_bytes(to_bytes(no_records())))
    0
    """
    return np.array([(_VERSION, len(records))], dtype=_HEADER).tobytes() + records.tobytes()


def from_bytes(encoded: bytes) -> Records:
    """Decode records. Raises ``ValueError`` when they were written by another version."""
    header = np.frombuffer(encoded, dtype=_HEADER, count=1)[0]
    if int(header["version"]) != _VERSION:
        raise ValueError(
            f"flexibility state of version {header['version']}; allowed: {_VERSION}: start from a fresh checkpoint"
        )
    return np.frombuffer(encoded, dtype=RECORD, count=int(header["records"]), offset=_HEADER.itemsize).copy()
