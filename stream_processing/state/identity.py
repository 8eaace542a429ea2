"""Who a reading is of: six neighbouring string fields, kept as the Avro bytes in which they came.

The readings' schema and the duty cycles' schema have these fields in the same order, so a row's identity is copied from
the reading that told it, never decoded and encoded again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

from gridflex.adapters.avro import string_bytes

FIELDS = ("dataset", "region", "feeder", "house_id", "appliance_id", "appliance")
_REMEMBERED = 200_000


@dataclass(frozen=True, slots=True)
class Identity:
    """What the detector needs of it."""

    series: int
    """64-bit hash of data set, appliance and class: whose state it is. A new class is a new series."""
    dataset: str
    appliance_id: str
    appliance: str


@lru_cache(maxsize=_REMEMBERED)
def identify(encoded: bytes) -> Identity | None:
    """Parse an identity; ``None`` if the bytes are not exactly six Avro strings.

    >>> identity = identify(encode(["redd", "Tunis", "f1", "redd-1-0", "redd-1-0-5", "fridge"]))
    >>> identity.dataset, identity.appliance_id, identity.appliance
    ('redd', 'redd-1-0-5', 'fridge')
    >>> identify(b"\\x08redd") is None
    True
    """
    try:
        fields = _strings(encoded)
    except (IndexError, UnicodeDecodeError):
        return None
    if len(fields) != len(FIELDS):
        return None
    dataset, _, _, _, appliance_id, appliance = fields
    digest = hashlib.blake2b(encode([dataset, appliance_id, appliance]), digest_size=8).digest()
    return Identity(int.from_bytes(digest, "little", signed=True), dataset, appliance_id, appliance)


def encode(names: list[str]) -> bytes:
    """Names as Avro strings."""
    return b"".join(string_bytes(name) for name in names)


def _strings(encoded: bytes) -> list[str]:
    fields, position = [], 0
    while position < len(encoded):
        length, shift = 0, 0
        while True:
            byte = encoded[position]
            length |= (byte & 0x7F) << shift
            position, shift = position + 1, shift + 7
            if byte < 0x80:
                break
        length = (length >> 1) ^ -(length & 1)
        if not 0 <= length <= len(encoded) - position:
            raise IndexError(position)
        fields.append(encoded[position : position + length].decode())
        position += length
    return fields
