"""Defines the state of a bucket, and its encoding as the bytes that Spark keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from gridflex.domain import flexibility
from gridflex.domain.duty_cycle import Detector, DetectorState, empty_state
from gridflex.domain.flexibility import Records, no_records
from gridflex.domain.readings import Ints
from stream_processing.state import roster
from stream_processing.state.roster import Roster, no_roster

State = tuple[bytes, bytes]
"""What is remembered of all series, and of flexible appliances."""

_WITHOUT_ROSTER = 1
"""First byte of a state that was written before series were forgotten: the detector's own version."""
_VERSION = 2
_HEADER = np.dtype([("version", "u1"), ("detector_bytes", "<u4")])


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """A bucket's state between micro-batches, except for the identities of its series."""

    detector: DetectorState
    roster: Roster
    """Its rows are those of the detector's state."""
    flexible: Records

    def after(self, detector: DetectorState) -> Memory:
        """The state with a later state of the detector; the roster gets a row for each series that is new in it."""
        if len(detector) == len(self.detector):
            return replace(self, detector=detector)
        new = np.ones(len(detector), dtype=np.bool_)
        new[np.searchsorted(detector.key, self.detector.key)] = False
        at = np.searchsorted(self.detector.key, detector.key[new])
        return replace(self, detector=detector, roster=self.roster.grown(at))


def no_memory() -> Memory:
    """The state before any reading."""
    return Memory(detector=empty_state(), roster=no_roster(), flexible=no_records())


def to_bytes(memory: Memory, detector: Detector) -> State:
    """Encode a bucket's state."""
    encoded = detector.encode(memory.detector)
    header = np.array([(_VERSION, len(encoded))], dtype=_HEADER)
    series = header.tobytes() + encoded + roster.to_bytes(memory.roster)
    return series, flexibility.to_bytes(memory.flexible)


def from_bytes(encoded: State, detector: Detector) -> Memory:
    """Decode a bucket's state, with or without a roster. Raises ``ValueError`` when another version wrote it."""
    series, flexible = encoded
    records = flexibility.from_bytes(flexible)
    if series[0] == _WITHOUT_ROSTER:
        state = detector.decode(series)
        return Memory(detector=state, roster=no_roster(len(state)), flexible=records)
    if series[0] != _VERSION:
        raise ValueError(
            f"the checkpoint's state is of version {series[0]}; allowed: {_WITHOUT_ROSTER} and {_VERSION}: run the "
            "release that wrote it, or start with a fresh checkpoint"
        )
    end = _HEADER.itemsize + int(np.frombuffer(series, dtype=_HEADER, count=1)[0]["detector_bytes"])
    state = detector.decode(series[_HEADER.itemsize : end])
    return Memory(detector=state, roster=roster.from_bytes(series[end:], len(state)), flexible=records)


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The identities of series, as encoded in their readings; messages about a dropped series need them.

    They are written when a series is new or its identity changed, and read only to forget some.
    """

    key: Ints
    identity: pa.Array

    def to_block(self) -> bytes:
        """Encode the identities as one block of bytes."""
        batch = pa.RecordBatch.from_arrays([pa.array(self.key), self.identity], ["key", "identity"])
        out = pa.BufferOutputStream()
        with pa.ipc.new_stream(out, batch.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as stream:
            stream.write_batch(batch)
        block: bytes = out.getvalue().to_pybytes()
        return block

    @classmethod
    def of_blocks(cls, blocks: Sequence[bytes]) -> Names:
        """Decode and join blocks; the last identity of each series is kept."""
        parts = [pa.ipc.open_stream(block).read_next_batch() for block in blocks]
        if not parts:
            return cls(key=np.zeros(0, dtype=np.int64), identity=pa.array([], pa.binary()))
        key = np.concatenate([part["key"].to_numpy() for part in parts])
        identity = pa.concat_arrays([part["identity"] for part in parts])
        _, from_end = np.unique(key[::-1], return_index=True)
        last = len(key) - 1 - from_end
        return cls(key=key[last], identity=identity.take(pa.array(last)))

    def place(self, key: Ints) -> Ints:
        """The index of each ``key``, -1 if it is not there: shape of ``key``. The identities are sorted by key."""
        if len(self.key) == 0:
            return np.full(len(key), -1)
        place = np.minimum(np.searchsorted(self.key, key), len(self.key) - 1)
        return np.where(self.key[place] == key, place, -1)

    def without(self, key: Ints) -> Names:
        """The identities except those of ``key``."""
        kept = np.flatnonzero(~np.isin(self.key, key))
        return Names(key=self.key[kept], identity=self.identity.take(pa.array(kept)))
