"""Detects activations and sliding duty windows of many appliances at once.

``fold`` is exact: folding a batch and then another gives the very rows and the very state of folding both at once, so
a stream in micro-batches and a batch run over the same readings agree bit for bit. It works on columns alone; its cost
does not depend on how many appliances the readings are of.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gridflex.domain.duty_cycle.activations import Rules, apply_hysteresis, integrate_energy, track_activations
from gridflex.domain.duty_cycle.grouping import Batch, GroupedReadings, Late, group_readings, select
from gridflex.domain.duty_cycle.profiles import Profiles
from gridflex.domain.duty_cycle.rows import Emitted, Rows, Status, gather, joined, no_rows, no_sums
from gridflex.domain.duty_cycle.state import (
    NEVER,
    DetectorState,
    Panes,
    find,
    from_bytes,
    to_bytes,
    with_keys,
    without,
)
from gridflex.domain.duty_cycle.windows import Sliding, drain, slide
from gridflex.domain.readings import MS_PER_S, Ints


@dataclass(frozen=True, slots=True)
class Detector:
    """The detector's rules; its memory is a ``DetectorState``.

    >>> from gridflex.domain.duty_cycle.profiles import Profile, Profiles
    >>> from gridflex.domain.duty_cycle.rows import Status
    >>> from gridflex.domain.duty_cycle.state import empty_state
    >>> lamp = Profile(appliance="default", on_w=20, off_w=10, min_on_s=4, min_off_s=0, max_w=100, detect=True,
    ...                aggregate=False)
    >>> detector = Detector(Profiles.of([lamp]), max_gap_s=60, window_s=60, slide_s=30)
    >>> batch = Batch(key=np.array([7]), profile=np.array([0]), appliance=np.zeros(6, np.int64),
    ...               time_ms=np.array([2, 4, 6, 8, 10, 31]) * 1000, power_w=np.array([0, 0, 60.0, 60, 0, 0]),
    ...               observed_s=np.array([0, 2.0, 2, 2, 2, 21]))
    >>> rows, late, state = detector.fold(empty_state(), batch)
    >>> [(Status(row).name, int(start), int(end)) for row, start, end in zip(rows.status, rows.start_ms, rows.end_ms)]
    [('CONFIRMED', 4000, 8000), ('ENDED', 4000, 8000), ('CLOSED', -30000, 30000)]
    >>> rows.on_s.tolist(), rows.observed_s.tolist(), rows.energy_wh.round(4).tolist()
    ([4.0, 4.0, 4.0], [4.0, 4.0, 28.0], [0.0667, 0.0667, 0.0667])
    """

    profiles: Profiles
    max_gap_s: float
    window_s: float
    slide_s: float

    def __post_init__(self) -> None:
        if self.slide_ms < 1 or self.window_ms % self.slide_ms or self.window_ms < self.slide_ms:
            raise ValueError(f"window_s={self.window_s} must be a whole multiple of slide_s={self.slide_s}")

    @property
    def slide_ms(self) -> int:
        """The time between the ends of two windows, ms."""
        return round(self.slide_s * MS_PER_S)

    @property
    def window_ms(self) -> int:
        """The length of a window, ms."""
        return round(self.window_s * MS_PER_S)

    def encode(self, state: DetectorState) -> bytes:
        """A state as bytes. Equal states are equal bytes."""
        return to_bytes(state, self.slide_ms)

    def decode(self, encoded: bytes) -> DetectorState:
        """A state from bytes. Raises ``ValueError`` when it was written for another slide."""
        return from_bytes(encoded, self.slide_ms)

    def fold(self, state: DetectorState, batch: Batch) -> tuple[Rows, Late, DetectorState]:
        """Apply readings to a state: gives the rows that they cause, those that came too late, and the new state."""
        slot, found = find(state, batch.key)
        last_ms = np.full(len(batch.key), NEVER)
        last_ms[found] = state.appliances.last_ms[slot[found]]
        readings, late = group_readings(batch, last_ms)
        seen = np.zeros(len(batch.key), dtype=np.bool_)
        seen[readings.appliance] = True
        state = with_keys(state, batch.key[seen & ~found])
        slot, _ = find(state, batch.key[readings.appliance])
        rows, state = self._track(state, batch, readings, slot)
        return rows, late, state

    def flush(self, state: DetectorState) -> Rows:
        """End of input: running activations end with their last on-reading. Incomplete windows are not emitted."""
        running = np.flatnonzero(state.appliances.running)
        rows = _ended(state, running)
        return replace(rows, cause=np.full(len(rows), -1))

    def forget(self, state: DetectorState, slot: Ints) -> tuple[Rows, DetectorState]:
        """Drop the appliances at ``slot``: gives the rows that a much later reading would cause, and the state without
        them.

        Their running activations end with the last on-reading, their windows close with what was observed. A row's
        ``cause`` is the place in ``slot``. An appliance that comes back is a new one.
        """
        own, _ = _split_panes(state.panes, slot, len(state))
        sliding = Sliding(slide_ms=self.slide_ms, count=self.window_ms // self.slide_ms)
        windows = drain(own, state.appliances.last_ms[slot], sliding)
        closed = Rows(
            key=state.key[slot][windows.at],
            cause=windows.at,
            status=np.full(len(windows), Status.CLOSED, dtype=np.int64),
            event_time_ms=windows.end_ms,
            start_ms=windows.end_ms - self.window_ms,
            end_ms=windows.end_ms,
            sums=windows.sums,
            slide_sums=windows.slide_sums,
        )
        rows = joined(_ended(state, slot), closed)
        return rows.take(np.lexsort((rows.end_ms, rows.status, rows.cause))), without(state, slot)

    def _track(
        self, state: DetectorState, batch: Batch, readings: GroupedReadings, slot: Ints
    ) -> tuple[Rows, DetectorState]:
        """Apply readings in time; ``slot``: shape (g,), each group's row in the state."""
        if len(readings) == 0:
            return no_rows(), state
        detect = self.profiles.detect[batch.profile[readings.appliance]]
        last_ms = state.appliances.last_ms.copy()
        last_ms[slot] = readings.time_ms[readings.last]
        appliances = replace(state.appliances, last_ms=last_ms)
        readings, slot = select(readings, detect), slot[detect]
        if len(readings) == 0:
            return no_rows(), replace(state, appliances=appliances)
        carried = state.appliances.take(slot)
        rules = self._rules(batch, readings)
        on = apply_hysteresis(readings, carried.on, rules)
        sums = integrate_energy(readings, on)
        ended, confirmed, now = track_activations(readings, on, sums, carried, rules)
        own, others = _split_panes(state.panes, slot, len(state))
        sliding = Sliding(slide_ms=self.slide_ms, count=self.window_ms // self.slide_ms)
        windows, panes = slide(readings, sums, own, carried.last_ms, sliding)
        emitted = Emitted(ended=ended, confirmed=confirmed, windows=windows)
        rows = gather(batch, readings, emitted, rules.min_on_ms, self.window_ms)
        panes = _join_panes(others, replace(panes, slot=slot[panes.slot]))
        return rows, DetectorState(key=state.key, appliances=appliances.put(slot, now), panes=panes)

    def _rules(self, batch: Batch, readings: GroupedReadings) -> Rules:
        code = batch.profile[readings.appliance]
        return Rules(
            on_w=self.profiles.on_w[code],
            off_w=self.profiles.off_w[code],
            min_on_ms=self.profiles.min_on_ms[code],
            min_off_ms=self.profiles.min_off_ms[code],
            max_gap_ms=round(self.max_gap_s * MS_PER_S),
        )


def _ended(state: DetectorState, slot: Ints) -> Rows:
    """The end of the activations that run at ``slot``; ``cause`` is the place in it."""
    place = np.flatnonzero(state.appliances.running[slot])
    appliances = state.appliances.take(slot[place])
    return Rows(
        key=state.key[slot[place]],
        cause=place,
        status=np.where(appliances.confirmed, Status.ENDED, Status.RETRACTED).astype(np.int64),
        event_time_ms=appliances.last_on_ms,
        start_ms=appliances.start_ms,
        end_ms=appliances.last_on_ms,
        sums=appliances.sums,
        slide_sums=no_sums(len(place)),
    )


def _split_panes(panes: Panes, slot: Ints, slots: int) -> tuple[Panes, Panes]:
    """The panes of ``slot``, their slot now an index into it and in its order, and the others."""
    group = np.full(slots, -1)
    group[slot] = np.arange(len(slot))
    owner = group[panes.slot]
    mine = owner >= 0
    own = np.flatnonzero(mine)
    own = own[np.argsort(owner[own], kind="stable")]
    return (
        Panes(slot=owner[own], pane=panes.pane[own], sums=panes.sums[:, own]),
        Panes(slot=panes.slot[~mine], pane=panes.pane[~mine], sums=panes.sums[:, ~mine]),
    )


def _join_panes(some: Panes, others: Panes) -> Panes:
    slot = np.concatenate((some.slot, others.slot))
    order = np.argsort(slot, kind="stable")
    return Panes(
        slot=slot[order],
        pane=np.concatenate((some.pane, others.pane))[order],
        sums=np.concatenate((some.sums, others.sums), axis=1)[:, order],
    )
