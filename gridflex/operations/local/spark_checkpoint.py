"""The streaming job's place in the readings: in its checkpoint, a folder of this machine."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from gridflex.config import Config
from gridflex.errors import ServiceError

SPARK = "spark"
"""The streaming job, as a service and as a reader."""
START = "gridflex-start.json"
"""In a checkpoint that has not begun: where the job is to begin, in the form of Spark's ``startingOffsets``."""


def checkpoint_folder(config: Config) -> Path:
    """Where the local job keeps it."""
    return config.state_dir / SPARK / "checkpoint"


def last_batch(folder: Path) -> int | None:
    """The number of the micro-batch finished last; nothing before the first."""
    done = [int(path.name) for path in (folder / "commits").glob("*") if path.name.isdecimal()]
    return max(done, default=None)


def next_positions(folder: Path, topic: str, batch: int | None = None) -> dict[int, int]:
    """By partition, the offset from which the job reads on after the last finished micro-batch, or after ``batch``.

    Empty before the first. Raises ``ServiceError`` if the checkpoint does not say.
    """
    batch = last_batch(folder) if batch is None else batch
    if batch is None:
        begun = folder / START
        return _positions(begun, topic) if begun.is_file() else {}
    return _positions(folder / "offsets" / str(batch), topic)


def query_id(folder: Path) -> str | None:
    """The name by which Spark knows the query of this checkpoint."""
    file = folder / "metadata"
    return str(json.loads(file.read_text(encoding="utf-8"))["id"]) if file.is_file() else None


def begin_anew(folder: Path, topic: str, positions: Mapping[int, int]) -> None:
    """Replace the checkpoint by one that begins at these offsets, with nothing remembered."""
    fresh = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    offsets = {topic: {str(number): offset for number, offset in sorted(positions.items())}}
    (fresh / START).write_text(json.dumps(offsets), encoding="utf-8")
    if folder.exists():
        shutil.rmtree(folder)
    fresh.rename(folder)


def _positions(file: Path, topic: str) -> dict[int, int]:
    """Spark writes a line of version, one of settings, then one for each source."""
    try:
        told = json.loads(file.read_text(encoding="utf-8").splitlines()[-1])
        return {int(number): int(offset) for number, offset in told.get(topic, {}).items()}
    except (OSError, ValueError, IndexError, AttributeError) as problem:
        raise ServiceError(f"{file} has no offsets: {problem}") from None
