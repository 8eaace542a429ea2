"""Defines messages as numpy columns, as they travel from the decoder to the detector."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from gridflex.domain.duty_cycle import Batch
from gridflex.domain.readings import GOOD, Flags, Floats, Ints

OFFSET_BITS = 44
"""A position is ``partition << 44 | offset``."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MessageBatch:
    """Validated messages. Columns have shape (n,)."""

    series: Ints
    """Whose state a good reading belongs to; of a bad message any number."""
    profile: npt.NDArray[np.int32]
    """The detector's profile of a good reading."""
    time_ms: Ints
    power_w: Floats
    observed_s: Floats
    position: Ints
    """Kafka partition and offset in one number, ascending in order of arrival."""
    kafka_ms: Ints
    reason: npt.NDArray[np.int8]
    """``GOOD`` or the code of a reason."""
    payload: npt.NDArray[np.int32]
    """Index into ``payloads``."""
    payloads: pa.Array
    """Shape (k,), binary: the identity of good readings, a bad message's own bytes."""

    def __len__(self) -> int:
        return len(self.series)

    @property
    def partition(self) -> Ints:
        """Kafka partition."""
        return self.position >> OFFSET_BITS

    @property
    def offset(self) -> Ints:
        """Kafka offset."""
        return self.position & ((1 << OFFSET_BITS) - 1)

    @property
    def raw(self) -> list[bytes]:
        """The payload of each message."""
        raw: list[bytes] = self.payloads.take(pa.array(self.payload)).to_pylist()
        return raw

    def take(self, chosen: Ints | Flags) -> MessageBatch:
        """A batch of the chosen messages."""
        return MessageBatch(payloads=self.payloads, **{name: getattr(self, name)[chosen] for name in COLUMNS})

    def good(self) -> MessageBatch:
        """The valid readings grouped by series, each series in order of arrival; series in the order of their numbers.

        In that order they are found quickly among the series that are remembered.
        """
        readings = self if (self.reason == GOOD).all() else self.take(self.reason == GOOD)
        codes, series = pd.factorize(readings.series)
        rank = np.empty(len(series), dtype=np.int64)
        rank[np.argsort(series)] = np.arange(len(series))
        codes = rank[codes]
        order = np.argsort(codes.astype(np.uint16) if codes.max(initial=0) < 1 << 16 else codes, kind="stable")
        codes, position = codes[order], readings.position[order]
        same = codes[1:] == codes[:-1]
        if (same & (position[1:] < position[:-1])).any():
            order = order[np.lexsort((position, codes))]
        return readings.take(order)

    def bad(self) -> MessageBatch:
        """The messages that are not valid readings."""
        return self.take(np.flatnonzero(self.reason != GOOD))


COLUMNS = tuple(column.name for column in fields(MessageBatch) if column.name != "payloads")


def starts_of(readings: MessageBatch) -> Ints:
    """The index at which each series starts, in readings that are grouped by series."""
    series = readings.series
    return np.flatnonzero(np.append(True, series[1:] != series[:-1])) if len(series) else np.zeros(0, dtype=np.int64)


def as_batch(readings: MessageBatch, starts: Ints) -> Batch:
    """Good readings, grouped by series, for the detector."""
    return Batch(
        key=readings.series[starts],
        profile=readings.profile[starts],
        appliance=np.repeat(np.arange(len(starts)), np.diff(starts, append=len(readings))),
        time_ms=readings.time_ms,
        power_w=readings.power_w,
        observed_s=readings.observed_s,
    )


def split(messages: MessageBatch, buckets: int) -> Iterator[tuple[int, bytes]]:
    """Bucket and encoded block of each bucket that has messages. A series is always in the same bucket."""
    owner = np.zeros(len(messages.payloads), dtype=np.int64)
    owner[messages.payload] = messages.series % buckets
    by_bucket = np.argsort(owner, kind="stable")
    rank = np.empty(len(owner), dtype=np.int32)
    rank[by_bucket] = np.arange(len(owner), dtype=np.int32)
    payload = rank[messages.payload]
    order = np.argsort(payload.astype(np.uint16) if len(owner) <= 1 << 16 else payload, kind="stable")
    columns = {name: getattr(messages, name)[order] for name in COLUMNS}
    columns["payload"] = payload[order]
    payloads = messages.payloads.take(pa.array(by_bucket))
    for bucket in np.unique(owner[messages.payload]).tolist():
        first, last = np.searchsorted(owner[by_bucket], [bucket, bucket + 1])
        start, end = np.searchsorted(columns["payload"], [first, last])
        part = {name: column[start:end] for name, column in columns.items()}
        part["payload"] = part["payload"] - np.int32(first)
        yield bucket, _block(part, payloads.slice(first, last - first))


def join(blocks: Sequence[bytes]) -> MessageBatch:
    """Decode blocks and concatenate their messages."""
    parts = [pa.ipc.open_stream(block).read_next_batch() for block in blocks]
    columns: dict[str, list[npt.NDArray[np.generic]]] = {name: [] for name in COLUMNS}
    payloads: list[pa.Array] = []
    seen = 0
    for part in parts:
        payload = part["payload"]
        for name in COLUMNS:
            numbers = payload.indices.to_numpy() + np.int32(seen) if name == "payload" else part[name].to_numpy()
            columns[name].append(numbers)
        payloads.append(payload.dictionary)
        seen += len(payload.dictionary)
    return MessageBatch(
        payloads=pa.concat_arrays(payloads),
        **{name: np.concatenate(column) for name, column in columns.items()},
    )


def _block(columns: dict[str, npt.NDArray[np.generic]], payloads: pa.Array) -> bytes:
    arrays = {name: pa.array(column) for name, column in columns.items()}
    arrays["payload"] = pa.DictionaryArray.from_arrays(arrays["payload"], payloads)
    batch = pa.RecordBatch.from_pydict(arrays)
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, batch.schema) as stream:
        stream.write_batch(batch)
    block: bytes = out.getvalue().to_pybytes()
    return block
