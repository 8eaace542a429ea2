"""Whether the streaming job keeps up with the readings: by its status file, its checkpoint and the topic's end."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from gridflex.adapters.kafka.topics import held_topics
from gridflex.config import Config
from gridflex.errors import ServiceError
from gridflex.operations.local.health import PROBE_TIMEOUT_S, read_status
from gridflex.operations.local.spark_checkpoint import SPARK, checkpoint_folder, next_positions

_QUIET_S = 30.0
"""Readings that have waited longer, and no micro-batch all that time: it hangs."""
_SLOWEST_ROWS_PER_S = 5_000.0
_LATE_S, _LATE_ROWS_PER_S = 10.0, 1_000.0
"""Micro-batches that take longer although there is little in them: its state has outgrown it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamProbe:
    """The last micro-batch is young, or no reading waits; and micro-batches with few readings are short."""

    config: Config

    def check(self, pid: int) -> str | None:
        """See ``Probe``."""
        told = read_status(self.config.state_dir / SPARK / "status.json")
        quiet_s = time.time() - told.get("updated_ms", 0) / 1000
        if quiet_s > _QUIET_S and (waiting := self._waiting()):
            at_once = min(waiting, self.config.spark.max_offsets_per_trigger)
            if quiet_s > _QUIET_S + at_once / _SLOWEST_ROWS_PER_S:
                return f"no micro-batch for {quiet_s:.0f} s, while {waiting:,} readings wait"
        return _late(told)

    def _waiting(self) -> int:
        """Readings that are older than ``_QUIET_S`` and not read; 0 when Kafka does not say: its own probe tells."""
        kafka = self.config.kafka
        try:
            held = held_topics(kafka, [kafka.topic_readings], PROBE_TIMEOUT_S, fresh_s=_QUIET_S)
            positions = next_positions(checkpoint_folder(self.config), kafka.topic_readings)
        except ServiceError:
            return 0
        readings = held.get(kafka.topic_readings)
        return readings.overdue(positions) if readings else 0


def _late(told: dict[str, Any]) -> str | None:
    batch_s, rate = float(told.get("batch_s", 0)), float(told.get("rows_per_s", 0))
    if batch_s <= _LATE_S or rate >= _LATE_ROWS_PER_S:
        return None
    return f"late: its micro-batches take {batch_s:.0f} s, for {rate:,.0f} readings/s"
