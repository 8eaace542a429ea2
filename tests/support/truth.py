"""Activations that were found, against those that were."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Activation = Mapping[str, Any]


def load(path: Path) -> list[dict[str, Any]]:
    """JSON lines."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def score(truth: Sequence[Activation], found: Sequence[Activation], tolerance_ms: int) -> float:
    """F1 of activations: a pair matches when both its start and its end agree within the tolerance."""
    by_appliance: dict[str, list[Activation]] = defaultdict(list)
    for activation in found:
        by_appliance[activation["appliance_id"]].append(activation)
    hits = 0
    for activation in truth:
        candidates = by_appliance[activation["appliance_id"]]
        match = next((one for one in candidates if _agree(one, activation, tolerance_ms)), None)
        if match is not None:
            candidates.remove(match)
            hits += 1
    return 2 * hits / (len(truth) + len(found))


def _agree(one: Activation, other: Activation, tolerance_ms: int) -> bool:
    return all(abs(one[edge] - other[edge]) <= tolerance_ms for edge in ("start_ms", "end_ms"))


def scores_by_class(truth: Sequence[Activation], found: Sequence[Activation], tolerance_ms: int) -> dict[str, float]:
    """F1 of each appliance class."""
    classes = sorted({activation["appliance"] for activation in (*truth, *found)})
    return {name: score(_of(truth, name), _of(found, name), tolerance_ms) for name in classes}


def _of(activations: Iterable[Activation], appliance: str) -> list[Activation]:
    return [one for one in activations if one["appliance"] == appliance]


def duty_error(truth: Sequence[Activation], found: Sequence[Activation], window_ms: int) -> float:
    """Mean absolute error of duty over the windows in which either was on, over all appliances."""
    true_on, found_on = _on_ms(truth, window_ms), _on_ms(found, window_ms)
    windows = set(true_on) | set(found_on)
    return float(np.mean([abs(true_on[w] - found_on[w]) / window_ms for w in windows])) if windows else 0.0


def _on_ms(activations: Iterable[Activation], window_ms: int) -> Counter[tuple[str, int]]:
    on: Counter[tuple[str, int]] = Counter()
    for one in activations:
        for window in range(one["start_ms"] // window_ms, (one["end_ms"] - 1) // window_ms + 1):
            start, end = max(one["start_ms"], window * window_ms), min(one["end_ms"], (window + 1) * window_ms)
            on[one["appliance_id"], window] += end - start
    return on
