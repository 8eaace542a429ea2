"""Spark's Python workers: what keeps them fast between tasks."""

from __future__ import annotations

import gc

_settled: list[bool] = []


def settle() -> None:
    """Take what lives as long as the worker out of the garbage collector's sight, once. Call it at a task's start.

    Spark collects garbage in full after each task: with pandas and pyarrow loaded that takes 80 ms a task, more than
    the detector needs for a bucket.
    """
    if not _settled:
        _settled.append(True)
        gc.collect()
        gc.freeze()
