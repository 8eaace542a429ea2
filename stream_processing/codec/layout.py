"""Compiles a schema into the places of its fields in a message, so that many messages are cut by the column.

::

    frame   instants, 6 bytes each   strings, of any length   doubles, 8 bytes each
    |-----|------------------------|------------------------|----------------------|

A message of another form (an instant of another length, another writer's schema) is told apart, not read.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridflex.contracts.schemas import FRAME_LENGTH, Field, Schema
from gridflex.domain.readings import Flags, Floats, Ints
from gridflex.errors import SchemaError

_INSTANT = 6
"""Bytes of an instant between 2004 and 2039, in ms since 1970."""
_DOUBLE = 8
_ORDER = ("instant", "string", "double")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Names of a schema's fields, each kind in the schema's order."""

    frame: bytes
    instants: tuple[str, ...]
    strings: tuple[str, ...]
    doubles: tuple[str, ...]

    @property
    def head_length(self) -> int:
        """Bytes before the strings."""
        return FRAME_LENGTH + _INSTANT * len(self.instants)

    @property
    def tail_length(self) -> int:
        """Bytes after the strings."""
        return _DOUBLE * len(self.doubles)

    def long_enough(self, values: pa.Array) -> Flags:
        """Which values are long enough to have this form: shape (n,). A null is not."""
        lengths = pc.fill_null(pc.binary_length(values), 0).to_numpy(zero_copy_only=False)
        flags: Flags = lengths >= self.head_length + len(self.strings) + self.tail_length
        return flags

    def cut(self, values: pa.Array) -> Cut:
        """Cut values that are all long enough: binary, shape (m,)."""
        head, tail = self.head_length, self.tail_length
        return Cut(
            layout=self,
            head=_fixed(pc.binary_slice(values, 0, head), head),
            strings=pc.binary_slice(values, head, -tail).dictionary_encode(),
            tail=_fixed(pc.binary_slice(values, -tail), tail).view("<f8"),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cut:
    """The parts of m values."""

    layout: Layout
    head: npt.NDArray[np.uint8]
    """Frame and instants, shape (m, ``head_length``)."""
    strings: pa.DictionaryArray
    """All strings of a value together, as they were encoded: shape (m,)."""
    tail: Floats
    """Shape (m, number of doubles)."""

    def sound(self) -> Flags:
        """Which values have the layout's frame and instants of the usual length: shape (m,)."""
        flags = _starts_with(self.head, self.layout.frame)
        for name in self.layout.instants:
            flags &= _is_instant(self._encoded(name))
        return flags

    def instant(self, name: str) -> Ints:
        """One field of the sound values, UTC epoch ms: shape (m,)."""
        return _instants(self._encoded(name))

    def double(self, name: str) -> Floats:
        """One field: shape (m,)."""
        column: Floats = self.tail[:, self.layout.doubles.index(name)]
        return column

    def _encoded(self, name: str) -> npt.NDArray[np.uint8]:
        start = FRAME_LENGTH + _INSTANT * self.layout.instants.index(name)
        return self.head[:, start : start + _INSTANT]


def compile_layout(schema: Schema) -> Layout:
    """The layout of a schema. Raises ``SchemaError`` unless its fields are instants, then strings, then doubles.

    >>> from gridflex.contracts.schemas import reading_schema
    >>> compile_layout(reading_schema()).doubles
    ('power_w', 'observed_s')
    """
    runs = [(kind, tuple(field.name for field in run)) for kind, run in groupby(schema.fields, _kind)]
    if tuple(kind for kind, _ in runs) != _ORDER:
        found = ", ".join(f"{field.name} ({_kind(field)})" for field in schema.fields)
        raise SchemaError(f"schema {schema.name}: found {found}; a layout needs instants, then strings, then doubles")
    (_, instants), (_, strings), (_, doubles) = runs
    return Layout(frame=schema.frame, instants=instants, strings=strings, doubles=doubles)


def _kind(field: Field) -> str:
    """A ``long`` in ms is an instant; any other type is its own name."""
    return "instant" if (field.avro_type, field.unit) == ("long", "ms") else str(field.avro_type)


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
