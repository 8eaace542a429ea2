"""Serialises JSON values to one canonical sequence of bytes, and computes their SHA-256.

Keys are sorted, there is no white space, text is UTF-8, a float is the shortest text that reads back to it. NaN and
infinities are refused, and so are keys that are not text: both would read back as something else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from types import NoneType
from typing import Any

_SCALARS = (str, int, float, NoneType)


def canonical_json(value: Any) -> bytes:
    """The canonical bytes of a JSON value. Raises ``ValueError`` if it is not one.

    >>> canonical_json({"b": 1.0, "a": ["é", None]}).decode()
    '{"a":["é",null],"b":1.0}'
    """
    _check(value)
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=dict)
    return text.encode("utf-8")


def content_hash(value: Any) -> str:
    """The SHA-256 of a JSON value's canonical bytes, 64 hexadecimal digits.

    >>> content_hash({"a": 1, "b": 2}) == content_hash({"b": 2, "a": 1})
    True
    >>> content_hash({"a": 1}) == content_hash({"a": 1.5})
    False
    """
    return hashlib.sha256(canonical_json(value)).hexdigest()


def _check(value: Any) -> None:
    if isinstance(value, _SCALARS):
        return
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise ValueError(f"found the key {key!r}; allowed: text")
            _check(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _check(inner)
    else:
        raise ValueError(f"found {type(value).__name__}; allowed: JSON values")
