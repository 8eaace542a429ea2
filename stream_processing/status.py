"""Writes the job's status file, which a supervisor of the process reads."""

from __future__ import annotations

import json
import os
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyspark.sql.streaming.query import StreamingQuery

from gridflex.files import write_atomically
from stream_processing.sink import Refused

BEAT_S = 5.0
_BEGUN_AFTER_S = 15.0
"""A first micro-batch that takes longer has begun to work all the same."""
_WAITS = "Waiting"
_FEW = 3


@dataclass(slots=True)
class Status:
    """The file ``status.json`` in the job's folder; it is replaced whole, never written in place."""

    path: Path
    _told: dict[str, Any] = field(default_factory=dict)
    _refused: dict[str, int] = field(default_factory=dict)
    _lasted_ms: deque[int] = field(default_factory=lambda: deque(maxlen=_FEW))
    _born: float = field(default_factory=time.monotonic)

    def write(self, *, batch_id: int | None, rows_per_s: float, batch_s: float = 0.0, ready: bool = False) -> None:
        """Write the status of a new micro-batch.

        ``batch_id``: the one finished last, ``None`` before the first. ``batch_s``: how long the shortest of the last
        few took, 0 before there are that many. ``ready``: the query has got through its first trigger, with or
        without readings.
        """
        self._told = {
            "pid": os.getpid(),
            "batch_id": batch_id,
            "updated_ms": _now_ms(),
            "rows_per_s": round(rows_per_s, 1),
            "batch_s": round(batch_s, 1),
            "ready": ready,
        }
        self._beat()

    def follow(self, query: StreamingQuery, refused: Refused) -> None:
        """Check the query: write the status of each new micro-batch, and regularly that Spark's JVM and this process
        live.

        ``refused``: readings of new appliances that the job did not take in.
        """
        self._refused = {"refused": refused.readings, "refused_ms": refused.last_ms}
        if not self._told:
            self.write(batch_id=None, rows_per_s=0)
        progress = query.lastProgress
        if progress is not None and progress["batchId"] != self._told.get("batch_id"):
            # Not recentProgress: Spark would tell of a hundred micro-batches at each of them.
            self._lasted_ms.append(int(progress["durationMs"].get("triggerExecution", 0)))
            self.write(
                batch_id=progress["batchId"],
                rows_per_s=float(progress["processedRowsPerSecond"]),
                # The first ones after a start are slow: Python workers start, code is compiled.
                batch_s=min(self._lasted_ms) / 1000 if len(self._lasted_ms) == _FEW else 0,
                ready=True,
            )
            return
        if not self._told.get("ready"):
            late = time.monotonic() - self._born > _BEGUN_AFTER_S
            self._told["ready"] = late or str(query.status["message"]).startswith(_WAITS)
            self._beat()
        elif _now_ms() - self._told["beat_ms"] > BEAT_S * 1000 and query.isActive:
            self._beat()

    def _beat(self) -> None:
        self._told["beat_ms"] = _now_ms()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self.path, json.dumps(self._told | self._refused))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
