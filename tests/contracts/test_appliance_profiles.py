"""The table of thresholds against appliances as they are sold."""

from __future__ import annotations

import numpy as np
import pytest

from gridflex.contracts.profiles import load_profiles
from gridflex.domain.duty_cycle import Batch, Detector, Rows, Status, empty_state

STEP_S, ON_S = 6, 180


def found(appliance: str, on_w: float, standby_w: float) -> Rows:
    """The detector's rows over an hour of stand-by with one on-period of ``ON_S``."""
    power_w = np.full(3600 // STEP_S, standby_w)
    power_w[100 : 100 + ON_S // STEP_S] = on_w
    profiles = load_profiles()
    detector = Detector(profiles, max_gap_s=60, window_s=1800, slide_s=60)
    batch = Batch(
        key=np.array([1]),
        profile=np.array([profiles.code(appliance, "greend")]),
        appliance=np.zeros(len(power_w), np.int64),
        time_ms=np.arange(len(power_w), dtype=np.int64) * STEP_S * 1000,
        power_w=power_w,
        observed_s=np.full(len(power_w), float(STEP_S)),
    )
    rows, _, _ = detector.fold(empty_state(), batch)
    return rows


@pytest.mark.parametrize("on_w", [850.0, 1200.0, 1850.0, 2200.0, 3000.0])
def test_kettle__of_any_size_is_found_with_its_energy(on_w: float) -> None:
    rows = found("kettle", on_w, standby_w=1.0)
    ended = rows.status == Status.ENDED
    assert ended.sum() == 1
    assert rows.on_s[ended].tolist() == [ON_S]
    assert rows.energy_wh[ended] == pytest.approx(on_w * ON_S / 3600)


def test_kettle__that_keeps_water_warm_is_not_on() -> None:
    assert not (found("kettle", 80.0, standby_w=1.0).status == Status.ENDED).any()
