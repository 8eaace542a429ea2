"""Defines the detector's state of each appliance, as columns, and its encoding as bytes.

Everything is an integer: times in ms, energies in microjoules. So sums do not depend on how readings were grouped, and
two runs over the same readings end in equal states, bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from gridflex.domain.readings import Flags, Ints, PackedColumns, pack

OBSERVED, ON, ON_ENERGY, ENERGY = range(4)
"""Rows of a matrix of sums, shape (4, n): observed ms, observed ms while on, microjoules while on, microjoules."""

NEVER = -(1 << 62)
"""No reading yet."""
NOT_RUNNING = NEVER - (1 << 61)
"""In place of the last on-reading's time: no activation runs. Far from ``NEVER``: the two are never adjacent."""

_VERSION = 1
_HEADER = np.dtype([("version", "u1"), ("slide_ms", "<i8"), ("slots", "<u4"), ("panes", "<u4"), ("last_ms", "<i8")])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Panes:
    """Sums over slices of event time that windows still need, ordered by slot and pane. Columns have shape (p,)."""

    slot: Ints
    """Index into the state's ``key``."""
    pane: Ints
    """Pane k covers ``[k, k + 1) * slide_ms``."""
    sums: Ints
    """Shape (4, p)."""

    def __len__(self) -> int:
        return len(self.slot)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ApplianceStates:
    """Where each of some appliances stands. Columns have shape (s,); where no activation runs, its columns are zero."""

    last_ms: Ints
    """The last reading's time, ``NEVER`` if there is none."""
    on: Flags
    """Whether that reading was on."""
    confirmed: Flags
    """Whether the running activation was reported."""
    start_ms: Ints
    last_on_ms: Ints
    """The running activation's last on-reading, or ``NOT_RUNNING``."""
    sums: Ints
    """Shape (4, s): the running activation up to its last on-reading."""
    pause: Ints
    """Shape (4, s): since that reading."""

    def __len__(self) -> int:
        return len(self.last_ms)

    @property
    def running(self) -> Flags:
        """Which appliances have a running activation, shape (s,)."""
        running: Flags = self.last_on_ms != NOT_RUNNING
        return running

    def take(self, slot: Ints) -> ApplianceStates:
        """The rows at ``slot``."""
        return ApplianceStates(**{name: getattr(self, name)[..., slot] for name in _STATE_COLUMNS})

    def put(self, slot: Ints, rows: ApplianceStates) -> ApplianceStates:
        """A copy with the rows at ``slot`` replaced."""
        columns = {name: getattr(self, name).copy() for name in _STATE_COLUMNS}
        for name, column in columns.items():
            column[..., slot] = getattr(rows, name)
        return ApplianceStates(**columns)


_STATE_COLUMNS = tuple(column.name for column in fields(ApplianceStates))
_FRESH = {"last_ms": NEVER, "last_on_ms": NOT_RUNNING}


def fresh_states(count: int) -> ApplianceStates:
    """Appliances that no reading has come of yet.

    >>> fresh_states(2).running.tolist()
    [False, False]
    """
    flags, times, sums = np.zeros(count, np.bool_), np.zeros(count, np.int64), np.zeros((4, count), np.int64)
    return ApplianceStates(
        last_ms=times + NEVER,
        on=flags,
        confirmed=flags,
        start_ms=times,
        last_on_ms=times + NOT_RUNNING,
        sums=sums,
        pause=sums,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DetectorState:
    """One row per appliance, ordered by ``key``, which is distinct. Columns have shape (s,)."""

    key: Ints
    """64-bit hash of the appliance's id, or any other number of it."""
    appliances: ApplianceStates
    panes: Panes

    def __len__(self) -> int:
        return len(self.key)


def empty_state() -> DetectorState:
    """The state before any reading.

    >>> len(empty_state())
    0
    """
    none = np.zeros(0, dtype=np.int64)
    panes = Panes(slot=none, pane=none, sums=np.zeros((4, 0), dtype=np.int64))
    return DetectorState(key=none, appliances=fresh_states(0), panes=panes)


def find(state: DetectorState, key: Ints) -> tuple[Ints, Flags]:
    """Slots of ``key`` and whether they are there; a missing one's slot is where it would stand."""
    slot = np.searchsorted(state.key, key).astype(np.int64)
    inside = np.minimum(slot, max(len(state) - 1, 0))
    found = state.key[inside] == key if len(state) else np.zeros(len(key), dtype=np.bool_)
    return slot, found


def with_keys(state: DetectorState, key: Ints) -> DetectorState:
    """The state with a fresh row for each of ``key`` (distinct, not in it yet).

    >>> with_keys(with_keys(empty_state(), np.array([7])), np.array([9, 3])).key.tolist()
    [3, 7, 9]
    """
    if len(key) == 0:
        return state
    key = np.sort(key)
    at, _ = find(state, key)
    columns = {
        name: np.insert(getattr(state.appliances, name), at, _FRESH.get(name, 0), axis=-1) for name in _STATE_COLUMNS
    }
    moved = np.searchsorted(at, state.panes.slot, side="right")
    return DetectorState(
        key=np.insert(state.key, at, key),
        appliances=ApplianceStates(**columns),
        panes=replace(state.panes, slot=state.panes.slot + moved),
    )


def without(state: DetectorState, slot: Ints) -> DetectorState:
    """The state without the rows at ``slot``.

    >>> without(with_keys(empty_state(), np.array([7, 3, 9])), np.array([1])).key.tolist()
    [3, 9]
    """
    kept = np.ones(len(state), dtype=np.bool_)
    kept[slot] = False
    panes = state.panes
    staying = kept[panes.slot]
    moved = np.cumsum(kept) - 1
    return DetectorState(
        key=state.key[kept],
        appliances=state.appliances.take(np.flatnonzero(kept)),
        panes=Panes(slot=moved[panes.slot[staying]], pane=panes.pane[staying], sums=panes.sums[:, staying]),
    )


def to_bytes(state: DetectorState, slide_ms: int) -> bytes:
    """Encode a state: each column in the fewest bytes that hold it, times relative to the newest reading.

    >>> len(from_bytes(to_bytes(empty_state(), 60_000), 60_000))
    0
    """
    appliances, panes = state.appliances, state.panes
    running = appliances.running
    newest = int(appliances.last_ms.max(initial=0))
    header = np.array([(_VERSION, slide_ms, len(state), len(panes), newest)], dtype=_HEADER)
    columns = [
        state.key,
        newest - appliances.last_ms,
        appliances.on + appliances.confirmed * 2 + running * 4,
        (appliances.last_ms - appliances.start_ms)[running],
        (appliances.last_ms - appliances.last_on_ms)[running],
        *appliances.sums[:, running],
        *appliances.pause[:, running],
        np.bincount(panes.slot, minlength=len(state)),
        appliances.last_ms[panes.slot] // slide_ms - panes.pane,
        *panes.sums[[OBSERVED, ON, ENERGY]],
        panes.sums[ON_ENERGY][_mixed(panes.sums)],
    ]
    return header.tobytes() + b"".join(pack(column) for column in columns)


def from_bytes(encoded: bytes, slide_ms: int) -> DetectorState:
    """Decode a state. Raises ``ValueError`` when it was written by another version or for another slide."""
    header = np.frombuffer(encoded, dtype=_HEADER, count=1)[0]
    if int(header["version"]) != _VERSION or int(header["slide_ms"]) != slide_ms:
        raise ValueError(
            f"detector state of version {header['version']} with slide_s={int(header['slide_ms']) / 1000:g}; allowed: "
            f"version {_VERSION} with slide_s={slide_ms / 1000:g}: start from a fresh checkpoint or restore the setting"
        )
    columns = PackedColumns(encoded, _HEADER.itemsize)
    slots = int(header["slots"])
    key, last_ms, flags = columns.read(slots), int(header["last_ms"]) - columns.read(slots), columns.read(slots)
    running = (flags & 4).astype(np.bool_)
    start_ms, last_on_ms = np.zeros(slots, dtype=np.int64), np.full(slots, NOT_RUNNING, dtype=np.int64)
    start_ms[running] = last_ms[running] - columns.read(int(running.sum()))
    last_on_ms[running] = last_ms[running] - columns.read(int(running.sum()))
    appliances = ApplianceStates(
        last_ms=last_ms,
        on=(flags & 1).astype(np.bool_),
        confirmed=(flags & 2).astype(np.bool_),
        start_ms=start_ms,
        last_on_ms=last_on_ms,
        sums=_read_sums(columns, running),
        pause=_read_sums(columns, running),
    )
    return DetectorState(
        key=key, appliances=appliances, panes=_read_panes(columns, last_ms // slide_ms, int(header["panes"]))
    )


def _read_panes(columns: PackedColumns, newest: Ints, count: int) -> Panes:
    slot = np.repeat(np.arange(len(newest), dtype=np.int64), columns.read(len(newest)))
    pane = newest[slot] - columns.read(count)
    sums = np.zeros((4, count), dtype=np.int64)
    for row in (OBSERVED, ON, ENERGY):
        sums[row] = columns.read(count)
    sums[ON_ENERGY] = np.where(sums[ON] > 0, sums[ENERGY], 0)
    mixed = _mixed(sums)
    sums[ON_ENERGY, mixed] = columns.read(int(mixed.sum()))
    return Panes(slot=slot, pane=pane, sums=sums)


def _mixed(sums: Ints) -> Flags:
    """Where the energy while on is neither nothing nor all."""
    mixed: Flags = (sums[ON] > 0) & (sums[ON] < sums[OBSERVED])
    return mixed


def _read_sums(columns: PackedColumns, where: Flags) -> Ints:
    sums = np.zeros((4, len(where)), dtype=np.int64)
    for row in range(4):
        sums[row, where] = columns.read(int(where.sum()))
    return sums
