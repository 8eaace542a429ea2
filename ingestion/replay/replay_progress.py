"""Counts what a replay has read, delivered and rejected, and stores its position in their transaction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from gridflex.errors import SourceError
from ingestion.replay.schedule import CursorPosition, Slice

VERSION = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayProgress:
    """The counts and the position of a replay. ``read == delivered + sum(rejected.values())`` always."""

    base_days: int
    """Whole days between source time and the present of shift 0, fixed when the replay first started."""
    read: int = 0
    delivered: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)
    cursors: tuple[CursorPosition, ...] = ()
    complete: bool = False
    event_time_ms: int | None = None
    """Of the last reading delivered."""
    responding: Mapping[str, Any] | None = None
    """Where its houses stand; ``None``: they have never responded."""

    def after(self, played: Slice) -> ReplayProgress:
        """The progress once ``played`` is delivered."""
        rejected = dict(self.rejected)
        for rejection, houses in played.rejections:
            rejected[rejection.reason.value] = rejected.get(rejection.reason.value, 0) + rejection.count * houses
        delivered = self.delivered + len(played)
        return replace(
            self,
            read=delivered + sum(rejected.values()),
            delivered=delivered,
            rejected=dict(sorted(rejected.items())),
            cursors=played.positions,
            event_time_ms=int(played.event_time_ms[-1]) if len(played) else self.event_time_ms,
        )

    def to_json(self) -> str:
        """Compact JSON, for the metadata of a group offset."""
        values = asdict(self) | {"v": VERSION, "cursors": [[c.round, c.block, c.row] for c in self.cursors]}
        if self.responding is None:
            del values["responding"]
        return json.dumps(values, separators=(",", ":"))


def progress_from_json(text: str) -> ReplayProgress:
    """Parse a committed position. Raises ``SourceError`` for one written by another version."""
    values = json.loads(text)
    if values.pop("v", None) != VERSION:
        raise SourceError(
            "this replay's position was written by another version of gridflex, which read files in other blocks; "
            f"start it again with another --replay-id: {text[:200]}"
        )
    cursors = tuple(CursorPosition(round=r, block=b, row=w) for r, b, w in values.pop("cursors"))
    return ReplayProgress(cursors=cursors, **values)


def replay_id(dataset: str, path: Path, houses: Sequence[str] | None, shifts: Sequence[int], align: str) -> str:
    """The default id of a replay: the same data set, played the same way, has the same id."""
    files = sorted((str(file.relative_to(path)), file.stat().st_size) for file in path.rglob("*") if file.is_file())
    what = [dataset, str(path.resolve()), sorted(houses) if houses else None, list(shifts), align, files]
    return f"{dataset}-{hashlib.sha256(json.dumps(what).encode()).hexdigest()[:12]}"
