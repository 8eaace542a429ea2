"""Decodes messages one by one and validates them together by the rule of validity."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from fastavro import schemaless_reader

from gridflex.config import Readings
from gridflex.contracts.feeds import reconciled_feed
from gridflex.contracts.schemas import FRAME_LENGTH, accepted_schemas
from gridflex.domain.readings import REASONS, Reason, code_of, validate

GOOD = "good"
_NAMES = (GOOD, *(reason.value for reason in REASONS))
"""The name of an outcome, by the code of its reason."""


class Validity:
    """Validates messages of the readings' topic."""

    def __init__(self, limits: Readings) -> None:
        self._limits = limits
        self._writers = {schema.frame: schema.parsed for schema in accepted_schemas(reconciled_feed())}

    def outcomes(self, values: Sequence[bytes | None], kafka_ms: Sequence[int]) -> list[str]:
        """For each message ``GOOD``, or the reason of the first rule that it breaks. ``kafka_ms``: Kafka time stamps,
        UTC epoch.
        """
        codes = np.zeros(len(values), dtype=np.int8)
        at, readings = [], []
        for index, value in enumerate(values):
            found = self._decode(value)
            if isinstance(found, Reason):
                codes[index] = code_of(found)
            else:
                at.append(index)
                readings.append(found)
        codes[at] = validate(
            np.array([reading["event_time_ms"] for reading in readings], dtype=np.int64),
            np.array([reading["power_w"] for reading in readings], dtype=np.float64),
            np.array([reading["observed_s"] for reading in readings], dtype=np.float64),
            np.array([kafka_ms[index] for index in at], dtype=np.int64),
            self._limits,
        )
        return [_NAMES[code] for code in codes.tolist()]

    def _decode(self, value: bytes | None) -> Any:
        """The reading's fields by name, or the ``Reason`` why the bytes are not a reading."""
        writer = self._writers.get((value or b"")[:FRAME_LENGTH])
        if value is None or writer is None:
            return Reason.UNKNOWN_SCHEMA
        try:
            return schemaless_reader(io.BytesIO(value[FRAME_LENGTH:]), writer, None)
        except (EOFError, IndexError, ValueError, OverflowError):
            return Reason.UNDECODABLE
