"""Loads the Avro schemas of ``schemas/``: the one source of field names, types, units and OLAP roles.

A message is framed as ``01`` + 4-byte big-endian schema id + Avro binary: the frame of Druid's
``multiple_schemas_inline`` decoder. The id is the upper 31 bits of the schema's CRC-64-AVRO fingerprint, so it is
fixed by the schema's canonical form and needs no registry (docs/adr/0002).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import fastavro
from fastavro.schema import fingerprint, to_parsing_canonical_form

from gridflex.contracts.feeds import Feed, feed
from gridflex.errors import SchemaError

SCHEMA_DIR = Path(__file__).resolve().parents[2] / "schemas"
FRAME_VERSION = b"\x01"
FRAME_LENGTH = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field: its name, its Avro type as JSON, and what it is."""

    name: str
    avro_type: Any
    unit: str
    olap: str
    """``timestamp``, ``dimension``, ``metric`` or ``none``."""
    doc: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """One record schema with its id."""

    name: str
    text: str
    """The schema's JSON as it stands in the file."""
    schema_id: int
    fields: tuple[Field, ...]

    @property
    def frame(self) -> bytes:
        """The five bytes before each value."""
        return FRAME_VERSION + self.schema_id.to_bytes(4, "big")

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Names of the fields that rows are grouped by."""
        return tuple(field.name for field in self.fields if field.olap == "dimension")

    @property
    def units(self) -> dict[str, str]:
        """The unit of each measure, by its name."""
        return {field.name: field.unit for field in self.fields if field.olap == "metric"}

    @property
    def parsed(self) -> Any:
        """The schema as fastavro takes it."""
        return fastavro.parse_schema(json.loads(self.text))


@cache
def load_schema(name: str) -> Schema:
    """Load ``schemas/<name>.avsc``. Raises ``SchemaError`` if it is missing or lacks a unit or an OLAP role."""
    path = SCHEMA_DIR / f"{name}.avsc"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in SCHEMA_DIR.glob("*.avsc")))
        raise SchemaError(f"no schema {name!r} in {SCHEMA_DIR}; found: {known}")
    return parse_schema(name, path.read_text(encoding="utf-8"))


def parse_schema(name: str, text: str) -> Schema:
    """Parse a schema's JSON text. Raises ``SchemaError`` if a field lacks its name, type, unit or OLAP role."""
    record = json.loads(text)
    try:
        fields = tuple(
            Field(name=f["name"], avro_type=f["type"], unit=f["unit"], olap=f["olap"], doc=f.get("doc", ""))
            for f in record["fields"]
        )
    except KeyError as missing:
        raise SchemaError(f"schema {name!r}: a field has no {missing}; each needs name, type, unit, olap") from None
    return Schema(name=name, text=text, schema_id=schema_id(text), fields=fields)


def schema_id(text: str) -> int:
    """The upper 31 bits of the CRC-64-AVRO fingerprint of the schema's parsing canonical form.

    >>> schema_id('"int"')
    960162445
    """
    canonical = to_parsing_canonical_form(json.loads(text))
    little_endian = bytes.fromhex(fingerprint(canonical, "CRC-64-AVRO"))
    return int.from_bytes(little_endian, "little") >> 33


def accepted_schemas(feed: Feed) -> tuple[Schema, ...]:
    """Every schema with which a feed's messages may be written, the one that is written today first."""
    return tuple(load_schema(name) for name in feed.schemas)


def written_schema(feed: Feed) -> Schema:
    """The schema with which a feed's messages are written today."""
    return load_schema(feed.schemas[0])


def reading_schema() -> Schema:
    """The schema of the feed ``readings``."""
    return written_schema(feed("readings"))


def duty_cycle_schema() -> Schema:
    """The schema of the feed ``duty_cycles``."""
    return written_schema(feed("duty_cycles"))


def flexibility_schema() -> Schema:
    """The schema of the feed ``flexibility``."""
    return written_schema(feed("flexibility"))


def rejection_schema() -> Schema:
    """The schema of the feed ``dead_letters``."""
    return written_schema(feed("dead_letters"))
