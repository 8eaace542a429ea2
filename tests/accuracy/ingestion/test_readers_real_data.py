"""The readers on real rows: every row accounted for, and the energy of a plain integration."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from gridflex.config import ROOT, Readings
from gridflex.domain.readings import Floats
from ingestion.feeds import Reader, open_reader

DATA = ROOT.parent / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="no real data at ../shared/data")


def totals(reader: Reader) -> tuple[int, Counter[str], Floats]:
    """Readings delivered, readings rejected by reason, energy by series, Wh."""
    delivered, rejected, energy_wh = 0, Counter[str](), np.zeros(len(reader.series))
    last = -1
    for block in reader.blocks():
        delivered += len(block)
        for rejection in block.rejections:
            rejected[rejection.reason] += rejection.count
        assert block.source_time_ms[0] >= last
        assert np.all(np.diff(block.source_time_ms) >= 0)
        last = int(block.source_time_ms[-1])
        energy_wh += np.bincount(block.series, block.power_w * block.observed_s / 3600, len(reader.series))
    assert reader.span_ms()[1] == last
    return delivered, rejected, energy_wh


def plain_energy_wh(time_s: Floats, power_w: Floats) -> float:
    """Sorted by time, each power held back to the reading before, no more than 60 s."""
    order = np.argsort(time_s, kind="stable")
    elapsed = np.diff(np.rint(time_s[order] * 1000), prepend=np.nan) / 1000
    elapsed[(elapsed > 60) | np.isnan(elapsed)] = 0
    return float((power_w[order] * elapsed).sum() / 3600)


def test_redd_house_5__every_row_is_accounted_for_and_the_energy_is_that_of_the_files() -> None:
    reader = open_reader("redd", DATA / "redd", houses=["5"], readings=Readings())
    delivered, rejected, energy_wh = totals(reader)
    assert delivered + rejected.total() == 1_930_008
    assert set(rejected) <= {"late"}
    for index, series in enumerate(reader.series):
        time_s, power_w = (
            np.fromfile(DATA / f"redd/low_freq/house_5/channel_{series.channel}.dat", sep=" ").reshape(-1, 2).T
        )
        late = time_s < np.maximum.accumulate(time_s) - 120
        assert energy_wh[index] == pytest.approx(plain_energy_wh(time_s[~late], power_w[~late]), rel=1e-9)


def test_greend_format__every_value_is_accounted_for_and_the_energy_is_that_of_the_files() -> None:
    root = DATA / "greend_format_from_eco"
    reader = open_reader("greend", root, houses=None, readings=Readings())
    delivered, rejected, energy_wh = totals(reader)
    files = sorted((root / "building0").glob("*.csv"))
    table = pd.concat([pd.read_csv(file, header=None, dtype=str, keep_default_na=False) for file in files])
    table = table[table[0] != "timestamp"].replace("NULL", "nan")
    cells = table.to_numpy().astype(np.float64)
    assert delivered == np.isfinite(cells[:, 1:]).sum()
    assert dict(rejected) == {"missing": np.isnan(cells[:, 1:]).sum()}
    for column in range(3):
        known = np.isfinite(cells[:, column + 1])
        after_missing = np.concatenate(([False], ~known[:-1]))[known]
        time_s, power_w = cells[known, 0], cells[known, column + 1]
        elapsed = np.diff(np.rint(time_s * 1000), prepend=np.nan) / 1000
        elapsed[(elapsed > 60) | np.isnan(elapsed) | after_missing] = 0
        assert energy_wh[column] == pytest.approx(float((power_w * elapsed).sum() / 3600), rel=1e-9)


def test_greend_sample__header_lacks_a_plug_and_nulls_are_missing() -> None:
    reader = open_reader("greend", DATA / "greend", houses=None, readings=Readings())
    delivered, rejected, _ = totals(reader)
    assert (delivered, dict(rejected)) == (49, {"missing": 7})
    assert len(reader.series) == 9
