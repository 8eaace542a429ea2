"""The job's status file: what a supervisor of the process looks at."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Status:
    """``status.json`` in the job's folder, always whole: it is replaced, never written in place."""

    path: Path

    def write(self, *, batch_id: int | None, rows_per_s: float) -> None:
        """``batch_id``: the micro-batch finished last, ``None`` before the first."""
        told = {
            "pid": os.getpid(),
            "batch_id": batch_id,
            "updated_ms": time.time_ns() // 1_000_000,
            "rows_per_s": round(rows_per_s, 1),
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(".tmp")
        fresh.write_text(json.dumps(told), encoding="utf-8")
        fresh.replace(self.path)
