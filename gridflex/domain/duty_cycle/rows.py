"""Defines the detector's output: one kind of row for windows and activations, as columns."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np

from gridflex.domain.duty_cycle.activations import ActivationEvents
from gridflex.domain.duty_cycle.grouping import Batch, GroupedReadings
from gridflex.domain.duty_cycle.state import ENERGY, OBSERVED, ON, ON_ENERGY
from gridflex.domain.duty_cycle.windows import Windows
from gridflex.domain.readings import MS_PER_S, Flags, Floats, Ints

UJ_PER_WH = 3.6e9


class Status(IntEnum):
    """What a row tells. At one reading an end comes before a confirmation, and both before windows."""

    ENDED = 0
    """A confirmed activation is over."""
    RETRACTED = 1
    """An activation is over that was too short to count."""
    CONFIRMED = 2
    """An activation has lasted ``min_on_s``; it goes on."""
    CLOSED = 3
    """A window is complete."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """What the detector emits, as columns of shape (m,), in order of the readings that emitted it."""

    key: Ints
    """The appliance."""
    cause: Ints
    """Index in the batch of the reading that emitted it; -1 from ``flush``."""
    status: Ints
    """``Status``; ``CLOSED`` is a window, the others are activations."""
    event_time_ms: Ints
    """A window's end; of an activation the instant at which its status holds."""
    start_ms: Ints
    end_ms: Ints
    """Meaningless where ``has_end`` is false."""
    sums: Ints
    """Shape (4, m): observed ms, observed ms while on, microjoules while on, microjoules."""
    slide_sums: Ints
    """Shape (4, m): of a window the same over its last slide alone; of an activation nothing."""

    def __len__(self) -> int:
        return len(self.key)

    @property
    def is_window(self) -> Flags:
        """Windows, not activations."""
        flags: Flags = self.status == Status.CLOSED
        return flags

    @property
    def has_end(self) -> Flags:
        """False for an activation that goes on."""
        flags: Flags = self.status != Status.CONFIRMED
        return flags

    @property
    def observed_s(self) -> Floats:
        """Observed seconds of the interval."""
        values: Floats = self.sums[OBSERVED] / MS_PER_S
        return values

    @property
    def on_s(self) -> Floats:
        """Observed seconds in the on state."""
        values: Floats = self.sums[ON] / MS_PER_S
        return values

    @property
    def duty_cycle(self) -> Floats:
        """On time / observed time, 0..1; 0 where nothing was observed."""
        values: Floats = self.sums[ON] / np.maximum(self.sums[OBSERVED], 1)
        return values

    @property
    def has_on(self) -> Flags:
        """Whether any on time was observed."""
        flags: Flags = self.sums[ON] > 0
        return flags

    @property
    def mean_on_power_w(self) -> Floats:
        """Mean power while on; meaningless where ``has_on`` is false."""
        values: Floats = self.sums[ON_ENERGY] / np.maximum(self.sums[ON], 1) / 1000
        return values

    @property
    def energy_wh(self) -> Floats:
        """Observed energy of the interval."""
        values: Floats = self.sums[ENERGY] / UJ_PER_WH
        return values

    def take(self, chosen: Ints | Flags) -> Rows:
        """The chosen rows."""
        return Rows(**{column.name: getattr(self, column.name)[..., chosen] for column in fields(self)})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Emitted:
    """What a batch's readings emitted, by kind."""

    ended: ActivationEvents
    confirmed: ActivationEvents
    windows: Windows


def gather(batch: Batch, readings: GroupedReadings, emitted: Emitted, min_on_ms: Ints, window_ms: int) -> Rows:
    """All rows, in order of their causes. ``min_on_ms``: shape (g,), of each group of readings."""
    ended, confirmed, windows = emitted.ended, emitted.confirmed, emitted.windows
    at = np.concatenate((ended.at, confirmed.at, windows.at))
    status = np.concatenate(
        (
            np.where(ended.confirmed, Status.ENDED, Status.RETRACTED),
            np.full(len(confirmed), Status.CONFIRMED),
            np.full(len(windows), Status.CLOSED),
        )
    ).astype(np.int64)
    confirmed_ms = confirmed.start_ms + min_on_ms[readings.group[confirmed.at]]
    end_ms = np.concatenate((ended.end_ms, confirmed.end_ms, windows.end_ms))
    cause = readings.cause[at]
    rows = Rows(
        key=batch.key[readings.appliance[readings.group[at]]],
        cause=cause,
        status=status,
        event_time_ms=np.concatenate((ended.end_ms, confirmed_ms, windows.end_ms)),
        start_ms=np.concatenate((ended.start_ms, confirmed.start_ms, windows.end_ms - window_ms)),
        end_ms=end_ms,
        sums=np.concatenate((ended.sums, confirmed.sums, windows.sums), axis=1),
        slide_sums=np.concatenate((no_sums(len(ended) + len(confirmed)), windows.slide_sums), axis=1),
    )
    return rows.take(np.lexsort((end_ms, status, cause)))


def joined(first: Rows, second: Rows) -> Rows:
    """The rows of both, one after the other."""
    names = [column.name for column in fields(Rows)]
    return Rows(**{name: np.concatenate((getattr(first, name), getattr(second, name)), axis=-1) for name in names})


def no_rows() -> Rows:
    """Nothing to tell."""
    none = np.zeros(0, dtype=np.int64)
    return Rows(
        key=none,
        cause=none,
        status=none,
        event_time_ms=none,
        start_ms=none,
        end_ms=none,
        sums=no_sums(0),
        slide_sums=no_sums(0),
    )


def no_sums(count: int) -> Ints:
    """Nothing measured, of so many rows: shape (4, count)."""
    return np.zeros((4, count), dtype=np.int64)
