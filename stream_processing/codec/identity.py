"""Which appliance a reading is of: six adjacent string fields, kept as the Avro bytes in which they came.

The schemas of readings, duty cycles and flexibility have these fields in the same order (``IDENTITY_FIELDS``), so the
identity of an output row is copied from the reading that caused it, never decoded and encoded again.
"""

from __future__ import annotations

import hashlib
from array import array
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridflex.adapters.avro import StringTable, string_bytes
from gridflex.domain.duty_cycle import Profiles
from gridflex.domain.readings import IDENTITY_FIELDS, Ints

MOST = 200_000
"""The largest number of identities that a worker keeps in memory."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The parts of an identity that the stream needs."""

    series: int
    """64-bit hash of data set, appliance and class: whose state it is. A new class is a new series."""
    dataset: str
    house_id: str
    appliance_id: str
    appliance: str
    key: bytes
    """The Kafka key of the appliance's messages."""


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
    if len(fields) != len(IDENTITY_FIELDS):
        return None
    named = dict(zip(IDENTITY_FIELDS, fields, strict=True))
    dataset, appliance_id, appliance = named["dataset"], named["appliance_id"], named["appliance"]
    digest = hashlib.blake2b(encode([dataset, appliance_id, appliance]), digest_size=8).digest()
    series = int.from_bytes(digest, "little", signed=True)
    return Identity(series, dataset, named["house_id"], appliance_id, appliance, appliance_id.encode())


@lru_cache(maxsize=MOST)
def known(encoded: bytes) -> Identity:
    """The identity of a good reading. Raises ``ValueError`` where there is none."""
    identity = identify(encoded)
    if identity is None:
        raise ValueError(f"a good reading without an identity: {encoded[:80]!r}")
    return identity


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Identities:
    """The identities of m rows, each distinct one once."""

    code: Ints
    """Shape (m,): index of each row's identity."""
    distinct: list[Identity]
    table: StringTable
    """The same, encoded."""

    @classmethod
    def of(cls, encoded: pa.Array, index: npt.NDArray[np.integer]) -> Identities:
        """``index``: shape (m,), of each row's identity in ``encoded``."""
        found, code = np.unique(index, return_inverse=True)
        rows: list[bytes] = encoded.take(pa.array(found)).to_pylist()
        return cls(code=code, distinct=[known(one) for one in rows], table=StringTable.of_encoded(rows))

    def keys(self, code: Ints) -> list[bytes]:
        """Kafka's key of rows given by their code: the appliance."""
        keys = np.array([one.key for one in self.distinct], dtype=object)
        chosen: list[bytes] = keys[code].tolist()
        return chosen


class IdentityCache:
    """Numbers the identities that a worker has met, so that each is parsed once."""

    def __init__(self, profiles: Profiles, most: int = MOST) -> None:
        self._profiles = profiles
        self._most = most
        self._forget()

    def look_up(self, table: list[bytes]) -> tuple[Ints, npt.NDArray[np.int32]]:
        """Series and profile of each identity; profile -1 where the bytes are none: shape (k,) each.

        >>> from gridflex.contracts.profiles import load_profiles
        >>> IdentityCache(load_profiles()).look_up([b"?"])[1]
        array([-1], dtype=int32)
        """
        if len(self._number) + len(table) > self._most:
            self._forget()
        numbers = list(map(self._number.get, table))
        if None in numbers:
            numbers = [self._add(one) if number is None else number for number, one in zip(numbers, table, strict=True)]
        chosen = np.array(numbers, dtype=np.int64)
        return np.frombuffer(self._series, np.int64)[chosen], np.frombuffer(self._profile, np.int32)[chosen]

    def _add(self, encoded: bytes) -> int:
        identity = identify(encoded)
        self._series.append(identity.series if identity else 0)
        self._profile.append(self._profiles.code(identity.appliance, identity.dataset) if identity else -1)
        self._number[encoded] = len(self._number)
        return len(self._number) - 1

    def _forget(self) -> None:
        self._number: dict[bytes, int] = {}
        self._series = array("q")
        self._profile = array("i")


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
