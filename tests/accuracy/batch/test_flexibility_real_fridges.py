"""Flexibility of two real fridges, of which the rule table knows nothing, against what they then took."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from gridflex.config import ROOT, Config
from gridflex.contracts.flexibility import load_rules
from gridflex.domain.flexibility import (
    HORIZONS_MIN,
    Flexibility,
    Forecaster,
    Minutes,
    minutes_of,
    no_records,
    quantiles,
)
from ingestion.duty_cycles import activations
from ingestion.feeds import open_reader

SHARED = ROOT.parent / "shared" / "data"
FRIDGES = {"redd": ("redd", ["5"], "18"), "greend": ("greend_format_from_eco", None, "1")}
DAY_MIN = 1440


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"no real data sets at {SHARED}")
@pytest.mark.parametrize("dataset", FRIDGES)
def test_real_fridge__takes_what_was_told(dataset: str) -> None:
    folder, houses, channel = FRIDGES[dataset]
    minutes, told = _tell(dataset, SHARED / folder, houses, channel)
    power_w = _by_minute(minutes, minutes.on_uj / np.maximum(minutes.observed_ms, 1) / 1000)
    power_w[_by_minute(minutes, minutes.observed_ms) < 30_000] = np.nan
    rule = load_rules().rows[minutes.rule[0]]
    while_on_w = minutes.on_uj.sum() / minutes.on_ms.sum() / 1000
    for index, horizon in enumerate(HORIZONS_MIN):
        ahead_w = np.lib.stride_tricks.sliding_window_view(power_w, max(1, horizon)).mean(axis=1)[1:]
        taken_w = np.maximum(0, ahead_w - rule.least_duty(horizon) * while_on_w)
        moments = [_by_minute(minutes, column[index]) for column in (told.flex_w, told.variance_w2, told.shared_w)]
        p10, p50, p90 = (one[: len(taken_w)] for one in quantiles(*moments))
        seen = np.isfinite(taken_w) & _by_minute(minutes, told.fresh)[: len(taken_w)].astype(bool)
        seen[:DAY_MIN] = False
        assert seen.sum() > 3000
        assert np.mean((taken_w >= p10 - 1e-6) & (taken_w <= p90 + 1e-6), where=seen) >= 0.75
        if not rule.least_duty(horizon):
            assert p50.mean(where=seen) == pytest.approx(taken_w.mean(where=seen), rel=0.05)


def _tell(dataset: str, path: Path, houses: list[str] | None, channel: str) -> tuple[Minutes, Flexibility]:
    config = Config()
    reader = open_reader(dataset, path, houses=houses, readings=config.readings)
    rules = load_rules()
    chosen = [rules.code(one.appliance, dataset) if one.channel == channel else -1 for one in reader.series]
    rows = [minutes_of(one, np.array(chosen)[one.key])[1] for one in activations(reader, config, Counter())]
    joined = Minutes(**{
        name: np.concatenate([getattr(one, name) for one in rows])
        for name in ("key", "rule", "minute", "observed_ms", "on_ms", "on_uj")
    })  # fmt: skip
    return joined, Forecaster(rules).fold(no_records(), joined)[0]


def _by_minute(minutes: Minutes, column: np.ndarray) -> np.ndarray:
    """A column on a whole time line, 0 where nothing was told."""
    line = np.zeros(int(minutes.minute[-1] - minutes.minute[0]) + 1)
    line[minutes.minute - minutes.minute[0]] = column
    return line
