"""Kafka values -> readings with a verdict, by the column.

Nearly every value looks the same: frame, two instants of six bytes each, six strings, two doubles. These are cut out of
the Arrow buffer at once, and their strings are looked at once per appliance. Whatever looks otherwise goes to fastavro,
one by one: another writer's schema, an instant of another length, garbage.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import fastavro
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridflex import config
from gridflex.contracts.schemas import FRAME_LENGTH, FRAME_VERSION, Schema
from gridflex.domain.duty_cycle import Profile, Profiles
from gridflex.domain.readings import GOOD, Flags, Floats, Ints, Reason, code_of, validate
from stream_processing.codec.arrivals import Arrivals
from stream_processing.codec.identity import FIELDS, Book, encode

_INSTANT = 6
"""Bytes of an instant between 2004 and 2039, in ms since 1970."""
_HEAD = FRAME_LENGTH + 2 * _INSTANT
_TAIL = 16
_LAYOUT = ("event_time_ms", "source_time_ms", *FIELDS, "power_w", "observed_s")
_NUMBERS = ("event_time_ms", "power_w", "observed_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoder:
    """Decodes values written with ``reader`` or another of ``writers``."""

    reader: Schema
    writers: tuple[Schema, ...]
    """Every schema whose id may stand in a frame."""
    limits: config.Readings
    profiles: Profiles

    def __post_init__(self) -> None:
        found = tuple(field.name for field in self.reader.fields)
        if found != _LAYOUT:
            raise ValueError(f"{self.reader.name}: found the fields {found}; the decoder is made for {_LAYOUT}")

    def decode(self, values: pa.Array, position: Ints, kafka_ms: Ints) -> Arrivals:
        """``values``: binary, shape (n,), nulls allowed. Bad ones are in the answer too, with their reason."""
        found, book = _Columns(len(values)), _book_of(self.profiles.rows)
        regular = self._regular(values, found, book)
        for index in np.flatnonzero(~regular).tolist():
            self._irregular(index, values[index].as_py() or b"", found, book)
        readable = found.reason == GOOD
        found.reason[readable] = validate(
            found.time_ms[readable],
            found.power_w[readable],
            found.observed_s[readable],
            kafka_ms[readable],
            self.limits,
        )
        for index in np.flatnonzero(readable & (found.reason != GOOD)).tolist():
            found.set_payload(index, values[index].as_py())
        bad = found.reason != GOOD
        found.series[bad] = position[bad]
        return found.arrivals(position, kafka_ms)

    def _regular(self, values: pa.Array, found: _Columns, book: Book) -> Flags:
        """Decode the values of the usual form; which those are, shape (n,)."""
        lengths = pc.fill_null(pc.binary_length(values), 0).to_numpy(zero_copy_only=False)
        regular: Flags = lengths >= _HEAD + len(FIELDS) + _TAIL
        if not regular.any():
            return regular
        chosen = np.flatnonzero(regular)
        if len(chosen) < len(values):
            values = values.take(pa.array(chosen))
        head = _fixed(pc.binary_slice(values, 0, _HEAD), _HEAD)
        framed = _starts_with(head, self.reader.frame)
        first, second = head[:, FRAME_LENGTH : FRAME_LENGTH + _INSTANT], head[:, FRAME_LENGTH + _INSTANT :]
        names = pc.binary_slice(values, _HEAD, -_TAIL).dictionary_encode()
        table = names.dictionary.to_pylist()
        series, profile = book.look_up(table)
        code = names.indices.to_numpy()
        sound = framed & _is_instant(first) & _is_instant(second)
        sound &= profile[code] >= 0
        numbers = _fixed(pc.binary_slice(values, -_TAIL), _TAIL).view("<f8")
        kept = chosen[sound]
        found.time_ms[kept] = _instants(first)[sound]
        found.power_w[kept], found.observed_s[kept] = numbers[sound, 0], numbers[sound, 1]
        code = code[sound]
        found.series[kept], found.profile[kept] = series[code], profile[code]
        found.set_payloads(kept, code, names.dictionary)
        regular[chosen[~sound]] = False
        return regular

    def _irregular(self, index: int, value: bytes, found: _Columns, book: Book) -> None:
        """Decode one value whatever its form."""
        writer = _by_id(self.writers).get(value[1:FRAME_LENGTH]) if value[:1] == FRAME_VERSION else None
        if writer is None:
            found.reason[index] = code_of(Reason.UNKNOWN_SCHEMA)
            found.set_payload(index, value)
            return
        body = io.BytesIO(value[FRAME_LENGTH:])
        try:
            record: Any = fastavro.schemaless_reader(body, _parsed(writer.text), _parsed(self.reader.text))
            encoded = encode([record[name] for name in FIELDS])
            found.set_numbers(index, *(record[name] for name in _NUMBERS))
        except Exception:  # whatever garbage does to a decoder is a verdict, not a failure
            found.reason[index] = code_of(Reason.UNDECODABLE)
            found.set_payload(index, value)
            return
        series, profile = book.look_up([encoded])
        found.series[index], found.profile[index] = series[0], profile[0]
        found.set_payload(index, encoded)


class _Columns:
    """The answer while it is being filled in."""

    def __init__(self, length: int) -> None:
        self.series: Ints = np.zeros(length, dtype=np.int64)
        self.profile: npt.NDArray[np.int32] = np.zeros(length, dtype=np.int32)
        self.time_ms: Ints = np.zeros(length, dtype=np.int64)
        self.power_w: Floats = np.zeros(length)
        self.observed_s: Floats = np.zeros(length)
        self.reason: npt.NDArray[np.int8] = np.full(length, GOOD, dtype=np.int8)
        self._payload: npt.NDArray[np.int32] = np.zeros(length, dtype=np.int32)
        self._shared: pa.Array = pa.array([], pa.binary())
        self._single: list[bytes] = []

    def set_payload(self, index: int, payload: bytes) -> None:
        """One message's own payload."""
        self._payload[index] = len(self._shared) + len(self._single)
        self._single.append(payload)

    def set_payloads(self, at: Ints, code: npt.NDArray[np.int32], table: pa.Array) -> None:
        """Payloads that messages share, before any single one: ``code``, shape (m,), indexes the table."""
        self._shared = table
        self._payload[at] = code

    def set_numbers(self, index: int, time_ms: int, power_w: float, observed_s: float) -> None:
        self.time_ms[index], self.power_w[index], self.observed_s[index] = time_ms, power_w, observed_s

    def arrivals(self, position: Ints, kafka_ms: Ints) -> Arrivals:
        return Arrivals(
            series=self.series,
            profile=self.profile,
            time_ms=self.time_ms,
            power_w=self.power_w,
            observed_s=self.observed_s,
            position=position,
            kafka_ms=kafka_ms,
            reason=self.reason,
            payload=self._payload,
            payloads=pa.concat_arrays([self._shared, pa.array(self._single, pa.binary())]),
        )


def _fixed(values: pa.Array, width: int) -> npt.NDArray[np.uint8]:
    """Binary values of one width as a matrix, shape (n, width)."""
    if values.offset:
        values = pa.concat_arrays([values])
    return np.frombuffer(values.buffers()[2], dtype=np.uint8, count=len(values) * width).reshape(-1, width)


def _starts_with(rows: npt.NDArray[np.uint8], prefix: bytes) -> Flags:
    """Whether each row starts with these bytes; by the column, since numpy is slow over rows of a few bytes."""
    flags: Flags = np.logical_and.reduce([rows[:, place] == byte for place, byte in enumerate(prefix)])
    return flags


def _is_instant(encoded: npt.NDArray[np.uint8]) -> Flags:
    """Whether each row is one whole varint."""
    more = np.bitwise_and.reduce([encoded[:, place] for place in range(_INSTANT - 1)])
    flags: Flags = (more >= 0x80) & (encoded[:, -1] < 0x80)
    return flags


def _instants(encoded: npt.NDArray[np.uint8]) -> Ints:
    """Zigzag varints of one width: shape (n,)."""
    zigzag = np.zeros(len(encoded), dtype=np.int64)
    for place in range(_INSTANT):
        zigzag |= (encoded[:, place] & 0x7F).astype(np.int64) << 7 * place
    return (zigzag >> 1) ^ -(zigzag & 1)


@cache
def _by_id(writers: tuple[Schema, ...]) -> Mapping[bytes, Schema]:
    return {writer.schema_id.to_bytes(4, "big"): writer for writer in writers}


@cache
def _book_of(rows: tuple[Profile, ...]) -> Book:
    return Book(Profiles.of(rows))


@cache
def _parsed(text: str) -> Any:
    return fastavro.parse_schema(json.loads(text))
