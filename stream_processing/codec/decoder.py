"""Decodes and validates Kafka values, by the column.

Nearly every value has the layout that is compiled from the schema. These are cut out of the Arrow buffer at once, and
their strings are looked at once per appliance. Whatever looks otherwise goes to fastavro, one by one: another writer's
schema, an instant of another length, garbage.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import fastavro
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridflex import config
from gridflex.contracts.schemas import FRAME_LENGTH, FRAME_VERSION, Schema
from gridflex.domain.duty_cycle import Profile, Profiles
from gridflex.domain.readings import GOOD, IDENTITY_FIELDS, Flags, Floats, Ints, Reason, code_of, validate
from stream_processing.codec.identity import IdentityCache, encode
from stream_processing.codec.layout import Layout, compile_layout
from stream_processing.codec.message_batch import MessageBatch

_NUMBERS = ("event_time_ms", "power_w", "observed_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoder:
    """Decodes values written with ``reader`` or another of ``writers``."""

    reader: Schema
    writers: tuple[Schema, ...]
    """Every schema whose id may stand in a frame."""
    limits: config.Readings
    profiles: Profiles
    layout: Layout = field(init=False, repr=False)
    """Of ``reader``."""

    def __post_init__(self) -> None:
        layout = compile_layout(self.reader)
        if layout.strings != IDENTITY_FIELDS or not {*_NUMBERS} <= {*layout.instants, *layout.doubles}:
            raise ValueError(
                f"{self.reader.name}: found {layout.instants}, {layout.strings}, {layout.doubles}; "
                f"the decoder needs the strings {IDENTITY_FIELDS} and the numbers {_NUMBERS}"
            )
        object.__setattr__(self, "layout", layout)

    def decode(self, values: pa.Array, position: Ints, kafka_ms: Ints) -> MessageBatch:
        """Decode and validate values. Invalid ones are in the result too, with their reason. ``values``: binary, shape
        (n,), nulls allowed. ``position``: partition and offset; ``kafka_ms``: Kafka time stamps, UTC epoch; shape (n,)
        each.
        """
        found, cache = _Columns(len(values)), _cache_of(self.profiles.rows)
        regular = self._regular(values, found, cache)
        for index in np.flatnonzero(~regular).tolist():
            self._irregular(index, values[index].as_py() or b"", found, cache)
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
        return found.messages(position, kafka_ms)

    def _regular(self, values: pa.Array, found: _Columns, cache: IdentityCache) -> Flags:
        """Decode the values of the usual form; gives which those are, shape (n,)."""
        regular = self.layout.long_enough(values)
        if not regular.any():
            return regular
        chosen = np.flatnonzero(regular)
        if len(chosen) < len(values):
            values = values.take(pa.array(chosen))
        cut = self.layout.cut(values)
        names = cut.strings
        series, profile = cache.look_up(names.dictionary.to_pylist())
        code = names.indices.to_numpy()
        sound = cut.sound()
        sound &= profile[code] >= 0
        kept = chosen[sound]
        found.time_ms[kept] = cut.instant("event_time_ms")[sound]
        found.power_w[kept], found.observed_s[kept] = cut.double("power_w")[sound], cut.double("observed_s")[sound]
        code = code[sound]
        found.series[kept], found.profile[kept] = series[code], profile[code]
        found.set_payloads(kept, code, names.dictionary)
        regular[chosen[~sound]] = False
        return regular

    def _irregular(self, index: int, value: bytes, found: _Columns, cache: IdentityCache) -> None:
        """Decode one value whatever its form."""
        writer = _by_id(self.writers).get(value[1:FRAME_LENGTH]) if value[:1] == FRAME_VERSION else None
        if writer is None:
            found.reason[index] = code_of(Reason.UNKNOWN_SCHEMA)
            found.set_payload(index, value)
            return
        body = io.BytesIO(value[FRAME_LENGTH:])
        try:
            record: Any = fastavro.schemaless_reader(body, _parsed(writer.text), _parsed(self.reader.text))
            encoded = encode([record[name] for name in IDENTITY_FIELDS])
            found.set_numbers(index, *(record[name] for name in _NUMBERS))
        except Exception:  # whatever garbage does to a decoder makes the message invalid; it is no failure
            found.reason[index] = code_of(Reason.UNDECODABLE)
            found.set_payload(index, value)
            return
        series, profile = cache.look_up([encoded])
        found.series[index], found.profile[index] = series[0], profile[0]
        found.set_payload(index, encoded)


class _Columns:
    """The decoded columns while they are filled in."""

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
        """Set the payload of one message."""
        self._payload[index] = len(self._shared) + len(self._single)
        self._single.append(payload)

    def set_payloads(self, at: Ints, code: npt.NDArray[np.int32], table: pa.Array) -> None:
        """Set payloads that messages share, before any single one. ``code``, shape (m,), indexes the table."""
        self._shared = table
        self._payload[at] = code

    def set_numbers(self, index: int, time_ms: int, power_w: float, observed_s: float) -> None:
        self.time_ms[index], self.power_w[index], self.observed_s[index] = time_ms, power_w, observed_s

    def messages(self, position: Ints, kafka_ms: Ints) -> MessageBatch:
        return MessageBatch(
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


@cache
def _by_id(writers: tuple[Schema, ...]) -> Mapping[bytes, Schema]:
    return {writer.schema_id.to_bytes(4, "big"): writer for writer in writers}


@cache
def _cache_of(rows: tuple[Profile, ...]) -> IdentityCache:
    return IdentityCache(Profiles.of(rows))


@cache
def _parsed(text: str) -> Any:
    return fastavro.parse_schema(json.loads(text))
