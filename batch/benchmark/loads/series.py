"""Puts one slice's rows on the grid; bad rows are dropped and counted, or end the reading."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from batch.benchmark.loads.checks import (
    Placed,
    absurd,
    is_net,
    is_register,
    other_interval,
    place,
    usual_step_ms,
)
from batch.benchmark.loads.defects import Defects
from gridflex.domain.baseline import MINUTES_PER_DAY, MS_PER_MINUTE, lay_out
from gridflex.domain.readings import MS_PER_DAY, Flags, Floats, Ints
from gridflex.errors import SourceError

LONGEST_COMMON_MIN = 60
MOST_OFF = 0.55
"""A larger share of rows that are not on the grid: the grid is another."""
MOST_STEP_OFF_MS = 5000
_ENOUGH_ROWS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class OnGrid:
    """One slice on the grid of its own interval."""

    name: str
    step_min: int
    first_day: int
    kwh: Floats
    """Shape (days, slots), NaN where it is missing."""

    def summed(self, step_min: int) -> Floats:
        """Energy of longer intervals, shape (days, slots); missing where a part is."""
        parts = step_min // self.step_min
        if parts == 1:
            return self.kwh
        return np.asarray(self.kwh.reshape(len(self.kwh), -1, parts).sum(axis=2), dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One slice's rows; arrays of shape (n,)."""

    name: str
    start_ms: Ints
    """The instant, UTC where the layout knows it."""
    offset_min: npt.NDArray[np.int16]
    """Wall clock less instant."""
    kwh: Floats

    @property
    def wall_ms(self) -> Ints:
        """The start of each row on the local wall clock, ms."""
        return np.asarray(self.start_ms + self.offset_min.astype(np.int64) * MS_PER_MINUTE)

    def near(self, days: Flags, first_day: int, defects: Defects) -> Series:
        """The rows of the given days. ``days``: flags from ``first_day`` on."""
        far = ~days[self.wall_ms // MS_PER_DAY - first_day]
        return self._without(far, "far_from_the_rest", defects)

    def once(self, defects: Defects) -> Series:
        """The rows in order of time; of rows with one start the first is kept."""
        order = np.argsort(self.start_ms, kind="stable")
        one = replace(self, start_ms=self.start_ms[order], offset_min=self.offset_min[order], kwh=self.kwh[order])
        again = np.zeros(len(order), dtype=np.bool_)
        again[1:] = one.start_ms[1:] == one.start_ms[:-1]
        same = again.copy()
        same[1:] &= one.kwh[1:] == one.kwh[:-1]
        one._count(same, "duplicate", defects)
        one._count(again & ~same, "contradicting_duplicate", defects)
        return one._where(~again)

    def placed(self, step_min: int, defects: Defects, source: str, *, fixed: bool) -> OnGrid:
        """The rows as energy on the grid of the slice's own interval. Raises ``SourceError`` if they are not interval
        energy.
        """
        if MINUTES_PER_DAY % step_min:
            raise SourceError(
                f"{source}: slice {self.name}: rows are {step_min} min apart; allowed: a step that divides a day"
            )
        one = self
        if not fixed:
            one._must_be_whole_minutes(step_min, source)
            one = one._without(other_interval(one.start_ms, step_min), "interval_changes", defects)
        one = one._energy(step_min, defects, source)
        found = place(one.wall_ms, step_min)
        one._must_be_on_grid(found, step_min, source)
        on = found.on_grid
        one._count(~on, "off_grid", defects)
        moved = on & (found.off_ms != 0)
        one._count(moved, "moved_to_grid", defects)
        wall = found.wall_ms[on]
        near = np.diff(one.start_ms[on], prepend=-MS_PER_DAY) < step_min * MS_PER_MINUTE // 2
        one._where(on)._count(near, "duplicate", defects)
        one_slice = np.zeros(int((~near).sum()), dtype=np.int8)
        first, cube = lay_out(one_slice, wall[~near], one.kwh[on][~near], slices=1, interval_minutes=step_min)
        return OnGrid(name=self.name, step_min=step_min, first_day=first, kwh=cube[0])

    def _must_be_whole_minutes(self, step_min: int, source: str) -> None:
        step_ms = usual_step_ms(self.start_ms, step_min)
        if abs(step_ms - step_min * MS_PER_MINUTE) > MOST_STEP_OFF_MS:
            raise SourceError(
                f"{source}: slice {self.name}: rows are {step_ms / 1000:g} s apart; "
                "allowed: whole minutes that divide a day"
            )

    def _energy(self, step_min: int, defects: Defects, source: str) -> Series:
        """The rows without negative and absurd values. Raises ``SourceError`` for net metering and for a register."""
        negative = self.kwh < 0
        if is_net(self.kwh):
            raise SourceError(
                f"{source}: slice {self.name}: {int(negative.sum()):,} of {len(self.kwh):,} values are negative, "
                f"first {self._text(negative)}: net metering (feed-in), or a mark for missing values; allowed: "
                f"consumption of 0 or more, and nothing where it is missing. Baselines of net load are not supported"
            )
        one = self._without(negative, "negative_energy", defects)
        if is_register(one.kwh):
            raise SourceError(
                f"{source}: slice {self.name}: energy only ever rises, from {one.kwh[0]:g} to {one.kwh[-1]:g} kWh over "
                f"{len(one.kwh):,} rows: a meter's register; allowed: the energy of each interval, its differences"
            )
        never, doubtful = absurd(one.kwh, step_min)
        one._count(doubtful, "doubtful_energy", defects)
        return one._without(never, "absurd_energy", defects)

    def _must_be_on_grid(self, found: Placed, step_min: int, source: str) -> None:
        """Most rows must start on the grid, or just after it; just before it they may be ends of intervals."""
        rows = len(found.off_ms)
        if rows < _ENOUGH_ROWS:
            return
        early = found.on_grid & (found.off_ms < 0)
        wrong = ~found.on_grid if (~found.on_grid).mean() > MOST_OFF else early
        if wrong.mean() <= MOST_OFF:
            return
        usual = float(np.median(found.off_ms[wrong])) / MS_PER_MINUTE
        example = f"{np.datetime64(int(self.wall_ms[wrong][0]), 'ms')} local (UTC{self._offset(wrong)})"
        raise SourceError(
            f"{source}: slice {self.name}: {int(wrong.sum()):,} of {rows:,} rows lie off the grid of {step_min} min, "
            f"by {usual:+.3g} min, such as {example}; allowed: the interval's start, on the local clock. Ends of "
            f"intervals, and a zone whose offset is no multiple of {step_min} min, do not fit"
        )

    def _offset(self, flags: Flags) -> str:
        minutes = int(self.offset_min[flags][0])
        return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"

    def _without(self, bad: Flags, kind: str, defects: Defects) -> Series:
        self._count(bad, kind, defects)
        return self if not bad.any() else self._where(~bad)

    def _count(self, flags: Flags, kind: str, defects: Defects) -> None:
        if flags.any():
            defects.add(kind, int(flags.sum()), self._text(flags))

    def _text(self, flags: Flags) -> str:
        return f"{self.name} at {np.datetime64(int(self.start_ms[flags][0]), 'ms')}: {self.kwh[flags][0]:g} kWh"

    def _where(self, keep: Flags) -> Series:
        return replace(self, start_ms=self.start_ms[keep], offset_min=self.offset_min[keep], kwh=self.kwh[keep])


def usual_of_all(steps: Counter[int], source: str) -> int:
    """The most common step of a file's rows, the shorter of equals. Raises ``SourceError`` when there is none."""
    known = {minutes: rows for minutes, rows in steps.items() if minutes}
    if not known:
        raise SourceError(
            f"{source}: one row a slice, or rows less than a minute apart; the interval cannot be determined"
        )
    return min(known, key=lambda minutes: (-known[minutes], minutes))


def common_step_min(slices: Sequence[OnGrid], source: str, notes: list[str]) -> int:
    """The interval to which all slices can be summed, at most an hour. Raises ``SourceError`` when there is none."""
    count = Counter(one.step_min for one in slices)
    step = math.lcm(*count)
    if len(count) == 1:
        return step
    kinds = ", ".join(f"{rows:,} of {minutes} min" for minutes, rows in sorted(count.items()))
    if step > LONGEST_COMMON_MIN:
        longest = max(slices, key=lambda one: one.step_min)
        raise SourceError(
            f"{source}: slices of other intervals stand side by side ({kinds}), such as {longest.name} of "
            f"{longest.step_min} min; allowed together: intervals that an hour holds whole. Give the others in a file "
            f"of their own"
        )
    notes.append(f"slices of other intervals ({kinds}) are summed to intervals of {step} min")
    return step
