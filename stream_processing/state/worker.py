"""Spark's Python workers: what keeps them fast between tasks."""

from __future__ import annotations

import gc

from stream_processing.state.identity import identify

_GROWTH = 10_000


class _Settled:
    """How many identities were remembered at the last freeze; -1 before the first."""

    identities = -1


def settle() -> None:
    """Take what lives as long as the worker out of the garbage collector's sight. Call it at a task's start.

    Spark collects garbage in full after each task: with pandas and pyarrow loaded that takes 80 ms a task, more than
    the detector needs for a bucket. It happens once, and again when many identities have been remembered: a bounded
    number of times, so nothing leaks.
    """
    remembered = identify.cache_info().currsize
    if _Settled.identities < 0 or remembered - _Settled.identities >= _GROWTH:
        _Settled.identities = remembered
        gc.collect()
        gc.freeze()
