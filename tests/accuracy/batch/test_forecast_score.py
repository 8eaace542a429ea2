"""``gridflex forecast-score``, the command that scores forecasts of a file, as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from batch.forecast.models import MODELS
from batch.forecast_commands import forecast_score_command
from gridflex.errors import GridflexError


@pytest.fixture(scope="module")
def warm_town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six weeks of hours; each day has a temperature of its own, and demand that follows it."""
    random = np.random.default_rng(5)
    start = pd.date_range("2024-01-01", periods=42 * 24, freq="h", tz="UTC")
    celsius = np.repeat(random.uniform(15, 38, 42), 24)
    daily = 3 + np.sin(np.arange(len(start)) % 24 / 24 * 2 * np.pi)
    kwh = daily * (1 + 0.04 * np.maximum(celsius - 18, 0)) * random.normal(1, 0.02, len(start))
    path = tmp_path_factory.mktemp("forecast") / "town.csv"
    text = start.strftime("%Y-%m-%dT%H:%M:%S+00:00")
    columns = {"slice": "town", "interval_start": text, "energy_kwh": kwh, "temperature_c": celsius}
    pd.DataFrame(columns).to_csv(path, index=False)
    return path


def asked(path: Path, *more: str) -> Result:
    options = ["--data", str(path), "--format", "csv", "--days", "3", "--history", "35", *more]
    return CliRunner().invoke(forecast_score_command, options)


def scores(path: Path, *more: str) -> dict[str, dict[str, float | str]]:
    done = asked(path, "--json", *more)
    assert done.exit_code == 0, done.output
    return {row["model"]: row for row in json.loads(done.stdout)}


def test_forecast_score__says_where_the_weather_is_from_and_gains_by_it(warm_town: Path) -> None:
    without, told = scores(warm_town), scores(warm_town, "--weather")
    assert set(without) == set(MODELS)
    assert {row["weather"] for row in without.values()} == {"none"}
    assert {row["weather"] for row in told.values()} == {"temperatures of the data, taken as forecast"}
    assert float(told["boosted_trees"]["pinball_share"]) < 0.7 * float(without["boosted_trees"]["pinball_share"])


def test_forecast_score__an_issue_at_noon_knows_the_morning(warm_town: Path) -> None:
    midnight, noon = scores(warm_town), scores(warm_town, "--issued", "12:00")
    assert float(noon["boosted_trees"]["pinball_share"]) < 0.7 * float(midnight["boosted_trees"]["pinball_share"])


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--issued", "25:00"], "25:00"),
        (["--issued", "12:20"], "12:20"),
        (["--issued", "noon"], "noon"),
        (["--zone", "Nowhere/Land"], "--zone 'Nowhere/Land'"),
    ],
)
def test_forecast_score__a_wrong_option_is_named(warm_town: Path, more: list[str], told: str) -> None:
    done = asked(warm_town, *more)
    assert isinstance(done.exception, GridflexError)
    assert told in str(done.exception)


def test_forecast_score__wants_two_weeks_and_temperatures_that_it_is_asked_for(tmp_path: Path) -> None:
    start = pd.date_range("2024-01-01", periods=5 * 24, freq="h", tz="UTC").strftime("%Y-%m-%dT%H:%M:%S+00:00")
    path = tmp_path / "short.csv"
    pd.DataFrame({"slice": "a", "interval_start": start, "energy_kwh": 1.0}).to_csv(path, index=False)
    assert "--weather: found no temperatures" in str(asked(path, "--weather").exception)
    rows = scores(path)
    assert set(rows) == {"seasonal_naive"}, "the others need two weeks"
