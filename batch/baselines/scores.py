"""Scores each baseline method for each slice on the days without an event before a day's end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from batch.baselines.fixed_fleet import LevelLoads
from batch.baselines.history import BATCH_METHODS
from batch.baselines.tables import joined, numbers, slice_columns, table
from gridflex.domain.baseline import (
    EventWindow,
    Gate,
    Score,
    SliceKey,
    baselines,
    day_traits,
    measure,
    on_common_days,
    placebo_days,
    recommend,
    score_measures,
    scored,
    smallest_passing,
)
from gridflex.domain.readings import Ints

_MEASURES = ("cvrmse", "nmbe", "rrmse", "median_abs_error", "coverage_90")


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelScores:
    """The scores of one level: slice -> method -> score; a method without a number for a slice is left out."""

    level: LevelLoads
    by_slice: Mapping[SliceKey, Mapping[str, Score]]


def level_scores(level: LevelLoads, window: EventWindow, score_days: int) -> LevelScores:
    """Score every method and slice on the latest placebo days, the loads' last day among them."""
    loads = level.loads
    days = placebo_days(loads, window)[-score_days:]
    if not len(days):
        return LevelScores(level=level, by_slice={key: {} for key in level.keys})
    actual = loads.actual_kwh(window, days)
    found = on_common_days(baselines(loads, window, days, methods=BATCH_METHODS), actual)
    traits = day_traits(loads, window, days)
    by_slice: dict[SliceKey, dict[str, Score]] = {key: {} for key in level.keys}
    for method, baseline in found.items():
        measured = measure(baseline, actual, loads.per_hour, traits=traits)
        like_events = score_measures(
            np.where(traits.event_like[None, :, None], baseline, np.nan), actual, loads.per_hour
        )
        alike = (scored(baseline, actual) & traits.event_like).sum(axis=1)
        windows = scored(baseline, actual).sum(axis=1)
        for index in np.flatnonzero(windows):
            by_slice[level.keys[index]][method] = Score(
                method=method,
                cvrmse=float(measured.cvrmse[index]),
                nmbe=float(measured.nmbe[index]),
                rrmse=float(measured.rrmse[index]),
                median_abs_error=float(measured.median_abs_error[index]),
                coverage_90=float(measured.coverage_90[index]),
                placebo_days=int(windows[index]),
                windows=int(windows[index]),
                nmbe_event_like=float(like_events.nmbe[index]),
                rrmse_event_like=float(like_events.rrmse[index]),
                event_like=int(alike[index]),
            )
    return LevelScores(level=level, by_slice=by_slice)


def score_rows(levels: Sequence[LevelScores], time_ms: int, gate: Gate | None = None) -> pa.Table:
    """The rows of ``baseline_score`` for one day; ``time_ms``: the day's start.

    Columns: ``time_ms``, the slice's, ``method``, ``trusted_slice`` (the smallest aggregate that passes the gate under
    this method; null: none does), the measures, ``placebo_days``, ``passes`` and ``recommended`` (0 or 1).
    """
    gate = gate or Gate()
    whole = {key: methods for level in levels for key, methods in level.by_slice.items()}
    by_method = {
        name: {key: methods[name] for key, methods in whole.items() if name in methods} for name in BATCH_METHODS
    }
    return joined([_level_rows(level, by_method, time_ms, gate) for level in levels])


def _level_rows(
    scores: LevelScores, by_method: Mapping[str, Mapping[SliceKey, Score]], time_ms: int, gate: Gate
) -> pa.Table:
    place: Mapping[SliceKey, int] = {key: index for index, key in enumerate(scores.level.keys)}
    rows = [(key, score) for key, methods in scores.by_slice.items() for score in methods.values()]
    best = {key: recommend(methods) for key, methods in scores.by_slice.items()}
    trusted = [smallest_passing(key, by_method[score.method], gate) for key, score in rows]
    index: Ints = np.array([place[key] for key, _ in rows], dtype=np.int64)
    return table(
        {
            "time_ms": np.full(len(rows), time_ms, dtype=np.int64),
            **slice_columns(scores.level, index),
            "method": pa.array([score.method for _, score in rows], pa.string()),
            "trusted_slice": pa.array([None if key is None else str(key) for key in trusted], pa.string()),
            **{name: numbers([getattr(score, name) for _, score in rows]) for name in _MEASURES},
            "placebo_days": np.array([score.placebo_days for _, score in rows], dtype=np.int64),
            "passes": np.array([gate.passes(score) for _, score in rows], dtype=np.int64),
            "recommended": np.array([best[key] == score.method for key, score in rows], dtype=np.int64),
        }
    )
