"""Encodes Avro values by the column: many records at once, without a Python object per field.

Each field becomes a matrix of bytes, one row a record, with a mask of the bytes that count; the masked matrices side by
side are the records. ``encode_dicts`` does the same a record at a time with fastavro, for the few and the irregular.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import fastavro
import numpy as np
import numpy.typing as npt

from gridflex.contracts.schemas import FRAME_LENGTH, FRAME_VERSION, Field, Schema
from gridflex.domain.readings import Flags
from gridflex.errors import SchemaError

Bytes = npt.NDArray[np.uint8]
_Part = tuple[Bytes, Flags | None]
"""A field's bytes, shape (n, width), and which of them count; None: all."""


class StringTable:
    """Distinct strings, encoded once: row i holds the strings of ``rows[i]``, one for each of a run of fields."""

    def __init__(self, rows: Sequence[Sequence[str]]) -> None:
        self._fill([b"".join(string_bytes(value) for value in row) for row in rows])

    @classmethod
    def of_encoded(cls, rows: Sequence[bytes]) -> StringTable:
        """Rows that are Avro strings already."""
        table = cls.__new__(cls)
        table._fill(rows)
        return table

    def _fill(self, rows: Sequence[bytes]) -> None:
        encoded = rows or [b""]
        width = max(len(value) for value in encoded)
        padded = b"".join(value.ljust(width, b"\0") for value in encoded)
        sizes = np.array([len(value) for value in encoded])
        self._bytes: Bytes = np.frombuffer(padded, dtype=np.uint8).reshape(len(encoded), width)
        self._mask: Flags | None = None if sizes.min() == width else np.arange(width) < sizes[:, None]

    def gather(self, codes: npt.NDArray[np.integer[Any]]) -> _Part:
        """The encoded rows for ``codes``, shape (n, width), and the mask of bytes that count."""
        return self._bytes[codes], None if self._mask is None else self._mask[codes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coded:
    """Strings as codes into a table, shape (n,): for one field, or for a run of neighbouring fields at once."""

    codes: npt.NDArray[np.integer[Any]]
    table: StringTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Nullable:
    """Numbers with a mask, shape (n,): null where not ``valid``."""

    values: npt.NDArray[Any]
    valid: Flags


Column = npt.NDArray[Any] | Coded | Nullable
Columns = Mapping[str | tuple[str, ...], Column]
"""By field name; a ``Coded`` may stand for a run of neighbouring fields, named by a tuple."""


def encode_columns(schema: Schema, columns: Columns) -> list[bytes]:
    """Encode records given as columns of one length, framed Avro. Raises ``SchemaError`` naming a column that does not
    fit.

    Fields of type long, double and string, and unions of a number with null. Raises ``SchemaError`` when a column is
    missing, unknown, or of a type that its field does not allow.
    """
    runs = _runs(schema, columns)
    length = len(_values(runs[0][1]))
    frame = np.frombuffer(schema.frame, dtype=np.uint8)
    parts: list[_Part] = [(np.broadcast_to(frame, (length, FRAME_LENGTH)), None)]
    for fields, column in runs:
        parts.extend(_field(fields, column))
    return _join(parts, length)


def encode_dicts(schema: Schema, records: Sequence[Mapping[str, Any]]) -> list[bytes]:
    """Encode records given as mappings; each value starts with the schema's frame."""
    parsed = schema.parsed
    values = []
    for record in records:
        buffer = io.BytesIO()
        buffer.write(schema.frame)
        fastavro.schemaless_writer(buffer, parsed, dict(record), strict=True)
        values.append(buffer.getvalue())
    return values


def decode(value: bytes, schemas: Mapping[int, Schema], *, reader: Schema | None = None) -> dict[str, Any]:
    """Decode one framed value, with ``reader``'s schema resolution if given. Raises ``SchemaError`` if it cannot be."""
    schema = schemas.get(int.from_bytes(value[1:FRAME_LENGTH], "big"))
    if value[:1] != FRAME_VERSION or schema is None:
        raise SchemaError(f"unknown frame {value[:FRAME_LENGTH].hex()}; known ids: {sorted(schemas)}")
    target = json.loads(reader.text) if reader else None
    try:
        record = fastavro.schemaless_reader(io.BytesIO(value[FRAME_LENGTH:]), schema.parsed, target)
    except (EOFError, IndexError, ValueError, OverflowError) as problem:
        raise SchemaError(f"cannot decode {len(value)} bytes as {schema.name}: {problem}") from None
    return dict(record)  # type: ignore[arg-type]


def _runs(schema: Schema, columns: Columns) -> list[tuple[tuple[Field, ...], Column]]:
    """The columns in the schema's order, each with the fields that it covers."""
    named = {(key,) if isinstance(key, str) else key: column for key, column in columns.items()}
    runs, position = [], 0
    while position < len(schema.fields):
        starting = schema.fields[position].name
        run = next((key for key in named if key[0] == starting), ())
        fields = schema.fields[position : position + len(run)]
        if not run or tuple(field.name for field in fields) != run:
            raise SchemaError(f"schema {schema.name}: no column for field {starting}; found: {sorted(named)}")
        runs.append((fields, named.pop(run)))
        position += len(run)
    if named:
        raise SchemaError(f"schema {schema.name}: unknown columns {sorted(named)}")
    return runs


def _values(column: Column) -> npt.NDArray[Any]:
    if isinstance(column, Coded):
        return column.codes
    return column.values if isinstance(column, Nullable) else column


def _field(fields: tuple[Field, ...], column: Column) -> list[_Part]:
    if isinstance(column, Coded) and all(field.avro_type == "string" for field in fields):
        return [column.table.gather(column.codes)]
    avro_type, *more = [field.avro_type for field in fields]
    if more or not isinstance(avro_type, list):
        return [_plain(fields[0], avro_type, column)]
    if len(avro_type) != 2 or avro_type[0] != "null" or not isinstance(column, Nullable):
        raise SchemaError(f"field {fields[0].name}: cannot encode {type(column).__name__} as {avro_type}")
    branch = np.where(column.valid, 2, 0).astype(np.uint8)[:, None]
    encoded, mask = _plain(fields[0], avro_type[1], np.where(column.valid, column.values, 0))
    present = np.broadcast_to(column.valid[:, None], encoded.shape)
    return [(branch, None), (encoded, present if mask is None else mask & present)]


def _plain(field: Field, avro_type: Any, column: Column) -> _Part:
    if isinstance(column, np.ndarray):
        if avro_type == "double" and column.dtype.kind == "f":
            little_endian = np.ascontiguousarray(column, dtype="<f8")
            return little_endian.view(np.uint8).reshape(-1, 8), None
        if avro_type in ("long", "int") and column.dtype.kind in "iu":
            return _varints(column)
    raise SchemaError(f"field {field.name}: cannot encode {type(column).__name__} as {avro_type}")


def _varints(column: npt.NDArray[Any]) -> _Part:
    values = column.astype(np.int64)
    zigzag = ((values << 1) ^ (values >> 63)).view(np.uint64)
    widest = int(zigzag.max(initial=0))
    width = max(1, (widest.bit_length() + 6) // 7)
    encoded = np.empty((len(values), width), dtype=np.uint8)
    for index in range(width):
        rest = zigzag >> np.uint64(7 * index)
        more = rest > 0x7F if index + 1 < width else np.False_
        encoded[:, index] = (rest & np.uint64(0x7F)) | np.where(more, np.uint64(0x80), np.uint64(0))
    if int(zigzag.min(initial=widest)) >> (7 * (width - 1)) or width == 1:
        return encoded, None
    mask = np.ones(encoded.shape, dtype=np.bool_)
    for index in range(1, width):
        mask[:, index] = (zigzag >> np.uint64(7 * index)) > 0
    return encoded, mask


def string_bytes(value: str) -> bytes:
    """Encode one Avro string: its length in bytes as a varint, then UTF-8."""
    text = value.encode()
    if len(text) < 64:
        return bytes((2 * len(text),)) + text
    encoded, _ = _varints(np.array([len(text)]))
    return encoded.tobytes() + text


def _join(parts: Sequence[_Part], length: int) -> list[bytes]:
    matrix = np.concatenate([part for part, _ in parts], axis=1)
    width = matrix.shape[1]
    if all(mask is None for _, mask in parts):
        rows: list[bytes] = matrix.view(f"V{width}").ravel().tolist()
        return rows
    mask = np.concatenate(
        [np.ones(part.shape, dtype=np.bool_) if mask is None else mask for part, mask in parts], axis=1
    )
    flat = matrix[mask].tobytes()
    ends = np.cumsum(np.count_nonzero(mask, axis=1)).tolist()
    starts = [0, *ends[:-1]] if length else []
    return [flat[start:end] for start, end in zip(starts, ends, strict=True)]
