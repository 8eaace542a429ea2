"""``gridflex duty-cycles`` with the thresholds of each appliance's own power levels."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from ingestion.duty_cycles import duty_cycles

START_S, STEP_S = 1_303_100_000, 30
CYCLES = 12


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A fridge of 44 W that runs 20 minutes in each of 12 hours, and one that draws 79 W all the time."""
    folder = tmp_path / "redd" / "low_freq" / "house_1"
    folder.mkdir(parents=True)
    (folder / "labels.dat").write_text("3 refrigerator\n4 fridge\n")
    second = np.arange(0, CYCLES * 3600, STEP_S)
    powers = {3: np.where(second % 3600 >= 2400, 44.0, 1.0), 4: np.full(len(second), 79.0)}
    for channel, power_w in powers.items():
        lines = [f"{START_S + at} {watts:.2f}\n" for at, watts in zip(second, power_w, strict=True)]
        (folder / f"channel_{channel}.dat").write_text("".join(lines))
    return tmp_path / "redd"


def found(house: Path, *more: str) -> tuple[Counter[str], str]:
    """Activations by appliance, and what was told."""
    out = house.parent / "out.jsonl"
    done = CliRunner().invoke(duty_cycles, ["redd", "--path", str(house), "--out", str(out), *more])
    assert done.exit_code == 0, done.output
    return Counter(json.loads(line)["appliance_id"] for line in out.read_text().splitlines()), done.stderr


def test_duty_cycles__by_the_class_alone_miss_a_small_fridge_and_take_a_constant_power_for_one(house: Path) -> None:
    by_class, _ = found(house)
    assert list(by_class.values()) == [1]


def test_duty_cycles__by_own_thresholds_find_it_and_say_what_is_not_known(house: Path) -> None:
    by_own, told = found(house, "--own-thresholds")
    assert list(by_own.values()) == [CYCLES]
    assert "thresholds of their own: 1 of 2 appliances" in told
    assert "house 1, channel 4 (fridge): its power is constant; whether it is on is not known" in told
