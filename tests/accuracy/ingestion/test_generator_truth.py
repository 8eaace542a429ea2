"""The truth is what the files show: the detector finds it again."""

from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from gridflex.config import Config
from gridflex.contracts.profiles import load_profiles
from ingestion.duty_cycles import activations, write_ended
from ingestion.feeds import open_reader
from ingestion.generator.generate import FIRST_DAY, GeneratorSpec, generate
from tests.support.truth import score

PERIOD_MS = {"redd": 4000, "greend": 1000}
KEYS = "house channel house_id appliance_id appliance start_ms end_ms power_w energy_wh observed".split()  # noqa: SIM905


@pytest.fixture(scope="module", params=["redd", "greend"])
def dataset(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def folder(dataset: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every kind of house, one day, the usual defects."""
    out = tmp_path_factory.mktemp("truth") / dataset
    generate(GeneratorSpec(dataset=dataset, out=out, houses=6, days=1, seed=3, start=FIRST_DAY[dataset]))
    return out


@pytest.fixture(scope="module")
def truth(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "truth.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def found(dataset: str, folder: Path) -> list[dict[str, Any]]:
    config, text = Config(), io.StringIO()
    reader = open_reader(dataset, folder, houses=None, readings=config.readings)
    for rows in activations(reader, config, Counter()):
        write_ended(rows, reader, text)
    return [json.loads(line) for line in text.getvalue().splitlines()]


def test_truth__names_the_series_as_the_reader_does(dataset: str, folder: Path, truth: list[dict[str, Any]]) -> None:
    reader = open_reader(dataset, folder, houses=None, readings=Config().readings)
    series = {(one.house, one.channel): one.appliance for one in reader.series}
    profiles = load_profiles()
    for line in truth:
        assert list(line) == KEYS
        assert series[line["house"], line["channel"]] == line["appliance"]
        assert line["appliance_id"] == f"{dataset}-{line['house']}-0-{line['channel']}"
        assert profiles.get(line["appliance"], dataset).detect
    detected = {name for name in series.values() if profiles.get(name, dataset).detect}
    assert len({line["appliance"] for line in truth}) > 0.7 * len(detected)


def test_truth__activations_are_apart_and_long_enough_for_their_class(
    dataset: str, truth: list[dict[str, Any]]
) -> None:
    ends: dict[str, tuple[int, str]] = {}
    for line in truth:
        profile = load_profiles().get(line["appliance"], dataset)
        assert line["end_ms"] - line["start_ms"] > 1000 * profile.min_on_s
        before, _ = ends.get(line["appliance_id"], (-(10**15), ""))
        assert line["start_ms"] - before > 1000 * profile.min_off_s + 2 * PERIOD_MS[dataset]
        assert profile.on_w <= line["power_w"] <= profile.max_w
        ends[line["appliance_id"]] = (line["end_ms"], "")


def test_truth__is_found_again_to_within_two_samples(
    dataset: str, truth: list[dict[str, Any]], found: list[dict[str, Any]]
) -> None:
    assert len(truth) > 200
    assert score(truth, found, 2 * PERIOD_MS[dataset]) >= 0.98
    hidden = [line for line in truth if not line["observed"]]
    clear = [one for one in found if not any(_meet(one, line) for line in hidden)]
    assert score([line for line in truth if line["observed"]], clear, 2 * PERIOD_MS[dataset]) >= 0.995


def test_truth__energy_is_that_of_the_readings(truth: list[dict[str, Any]], found: list[dict[str, Any]]) -> None:
    by_start = {(one["appliance_id"], one["start_ms"] // 20_000): one for one in found}
    errors = []
    for line in truth:
        one = by_start.get((line["appliance_id"], line["start_ms"] // 20_000))
        if one and line["observed"] and line["energy_wh"] > 20:
            errors.append(abs(one["energy_wh"] / line["energy_wh"] - 1))
    assert len(errors) > 50
    assert sorted(errors)[len(errors) * 9 // 10] < 0.05


def _meet(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return bool(
        one["appliance_id"] == other["appliance_id"]
        and one["start_ms"] < other["end_ms"] + 10_000
        and one["end_ms"] > other["start_ms"] - 10_000
    )
