"""Whether a message is a good reading: the rule that Druid's spec and the streaming job follow, for one message."""

from __future__ import annotations

import io
import math
from typing import Any, ClassVar

from fastavro import schemaless_reader

from gridflex.config import Readings
from gridflex.contracts.schemas import FRAME_LENGTH, reading_schema
from gridflex.domain.readings import EARLIEST_EVENT_MS, MS_PER_S, Reason

GOOD = "good"
_MAX_OBSERVED_S = 86_400


class Validity:
    """Judges messages of the readings' topic."""

    REASONS: ClassVar[tuple[Reason, ...]] = (
        Reason.UNKNOWN_SCHEMA,
        Reason.UNDECODABLE,
        Reason.NOT_FINITE,
        Reason.NEGATIVE_POWER,
        Reason.ABSURD_POWER,
        Reason.BAD_OBSERVED,
        Reason.BAD_TIME,
        Reason.FUTURE_TIME,
    )

    def __init__(self, limits: Readings) -> None:
        self._limits = limits
        schema = reading_schema()
        self._frame, self._schema = schema.frame, schema.parsed

    def verdict(self, value: bytes | None, kafka_ms: int) -> str:
        """``GOOD``, or the reason of the first rule that the message breaks. ``kafka_ms``: its Kafka time stamp."""
        if not value or value[:FRAME_LENGTH] != self._frame:
            return Reason.UNKNOWN_SCHEMA
        try:
            reading: Any = schemaless_reader(io.BytesIO(value[FRAME_LENGTH:]), self._schema, None)
        except (EOFError, IndexError, ValueError, OverflowError):
            return Reason.UNDECODABLE
        return self._broken(reading["power_w"], reading["observed_s"], reading["event_time_ms"], kafka_ms) or GOOD

    def _broken(self, power_w: float, observed_s: float, time_ms: int, kafka_ms: int) -> Reason | None:
        rules = (
            (not math.isfinite(power_w), Reason.NOT_FINITE),
            (power_w < 0, Reason.NEGATIVE_POWER),
            (power_w > self._limits.max_power_w, Reason.ABSURD_POWER),
            (not 0 <= observed_s <= _MAX_OBSERVED_S, Reason.BAD_OBSERVED),
            (time_ms < EARLIEST_EVENT_MS, Reason.BAD_TIME),
            (time_ms > kafka_ms + self._limits.max_future_s * MS_PER_S, Reason.FUTURE_TIME),
        )
        return next((reason for broken, reason in rules if broken), None)
