import datetime as dt
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from batch.commands import bakeoff
from gridflex.domain.baseline import METHODS
from gridflex.domain.demand_simulator import Town, simulate
from gridflex.errors import GridflexError

FIELDS = ["method", "cvrmse", "nmbe", "rrmse", "median_abs_error", "coverage_90", "placebo_days"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six homes by the hour for 90 days, as a user's own file."""
    town = simulate(Town(homes=6, days=90, slots=24, seed=3))
    path = tmp_path_factory.mktemp("loads") / "homes.csv"
    start = dt.datetime.combine(town.date(0), dt.time(), dt.timezone(dt.timedelta(hours=1)))
    rows = ["slice,interval_start,energy_kwh,temperature_c"]
    for name, kwh in zip(town.names, town.kwh, strict=True):
        for hour, energy in enumerate(kwh.ravel()):
            peak = town.peak_temperature_c[hour // 24]
            rows.append(f"{name},{(start + dt.timedelta(hours=hour)).isoformat()},{energy:.6f},{peak:.2f}")
    path.write_text("\n".join(rows) + "\n")
    return path


def _run(data: Path, *more: str) -> Result:
    return CliRunner().invoke(bakeoff, ["--data", str(data), "--format", "csv", *more])


def test_json__is_one_array_with_every_method_and_measure(data: Path) -> None:
    rows = json.loads(_run(data, "--json").stdout)
    assert [row["method"] for row in rows] == list(METHODS)
    assert all(list(row) == FIELDS for row in rows)
    caiso = next(row for row in rows if row["method"] == "caiso_10_of_10")
    assert caiso["placebo_days"] > 40
    assert 0 < caiso["cvrmse"] < 0.6
    assert 0.6 < caiso["coverage_90"] <= 1
    none = next(row for row in rows if row["method"] == "control_group")
    assert (none["cvrmse"], none["placebo_days"]) == (None, 0)


def test_level_each__scores_the_homes_and_gives_the_control_group_a_number(data: Path) -> None:
    total = {row["method"]: row for row in json.loads(_run(data, "--json").stdout)}
    each = {row["method"]: row for row in json.loads(_run(data, "--json", "--level", "each").stdout)}
    assert each["control_group"]["placebo_days"] > 40
    assert each["caiso_10_of_10"]["cvrmse"] > total["caiso_10_of_10"]["cvrmse"]


def test_table__says_what_was_read_scored_and_recommended(data: Path) -> None:
    result = _run(data)
    assert result.exit_code == 0
    assert result.stdout.count(" *") >= 1
    assert "caiso_10_of_10" in result.stdout
    assert "sum of 6 of 6 slice(s)" in result.stderr
    assert "control_group: no number (a single slice has no control group" in result.stderr


def test_excluded_days__are_no_placebo_and_no_candidate(data: Path, tmp_path: Path) -> None:
    days = tmp_path / "events.txt"
    days.write_text("# two events\n2023-03-01\n\n2023-03-02  # the second\n")
    before = {row["method"]: row for row in json.loads(_run(data, "--json").stdout)}
    after = {row["method"]: row for row in json.loads(_run(data, "--json", "--exclude-days", str(days)).stdout)}
    assert after["caiso_10_of_10"]["placebo_days"] == before["caiso_10_of_10"]["placebo_days"] - 2
    assert after["caiso_10_of_10"]["cvrmse"] != before["caiso_10_of_10"]["cvrmse"]


@pytest.mark.parametrize(
    ("line", "message"), [("1 March", "expected a date"), ("2023-03-01,home-x", "no slice 'home-x'")]
)
def test_excluded_days__a_wrong_line_is_told_with_its_place(
    data: Path, tmp_path: Path, line: str, message: str
) -> None:
    days = tmp_path / "events.txt"
    days.write_text("2023-03-03\n" + line + "\n")
    result = _run(data, "--exclude-days", str(days))
    assert isinstance(result.exception, GridflexError)
    assert message in str(result.exception)
    assert "events.txt:2" in str(result.exception)


def test_holidays__of_a_country_are_no_weekdays(data: Path) -> None:
    plain = json.loads(_run(data, "--json").stdout)[0]["placebo_days"]
    tunis = json.loads(_run(data, "--json", "--holidays", "TN").stdout)[0]["placebo_days"]
    assert tunis == plain - 1, "20 March 2023, Independence Day"
    result = _run(data, "--holidays", "Atlantis")
    assert "expected a country" in str(result.exception)


def test_placebo_share__keeps_the_days_of_event_weather(data: Path) -> None:
    half = json.loads(_run(data, "--json", "--placebo-share", "0.5").stdout)[0]["placebo_days"]
    assert half <= 33


def test_window__off_the_grid_is_told(data: Path) -> None:
    result = _run(data, "--window", "17:30-20:00")
    assert "intervals are 60 min" in str(result.exception)


def test_zone__is_for_csv_alone(data: Path) -> None:
    assert "expected a name" in str(_run(data, "--zone", "Mars/Olympus").exception)
    arguments = ["--data", str(data), "--format", "lcl", "--zone", "Africa/Tunis"]
    assert "only for --format csv" in str(CliRunner().invoke(bakeoff, arguments).exception)


def test_picture__is_a_png_of_some_size(data: Path, tmp_path: Path) -> None:
    picture = tmp_path / "out.png"
    assert _run(data, "--picture", str(picture)).exit_code == 0
    head = picture.read_bytes()[:24]
    assert head.startswith(b"\x89PNG")
    width, height = np.frombuffer(head[16:24], dtype=">u4")
    assert width > 1200
    assert height > 500
    assert picture.stat().st_size > 20_000
