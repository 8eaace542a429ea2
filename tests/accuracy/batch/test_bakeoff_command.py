import datetime as dt
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from batch.benchmark.commands import bakeoff
from gridflex.domain.baseline import METHODS, STACKS
from gridflex.errors import GridflexError, UsageError
from tests.support.load_files import write_load_csv
from tests.support.simulated.demand import Town

FIELDS = [
    "method", "cvrmse", "nmbe", "rrmse", "median_abs_error", "coverage_90", "placebo_days",
    "width_90", "coverage_90_event_like", "nmbe_event_like",
]  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six homes by the hour for 90 days, as a user's own file."""
    path = tmp_path_factory.mktemp("loads") / "homes.csv"
    write_load_csv(path, Town(homes=6, days=90, slots=24, seed=3))
    return path


def _run(data: Path, *more: str) -> Result:
    return CliRunner().invoke(bakeoff, ["--data", str(data), "--format", "csv", *more])


def test_json__is_one_array_with_every_method_and_measure(data: Path) -> None:
    rows = json.loads(_run(data, "--json").stdout)
    assert [row["method"] for row in rows] == [*METHODS, *STACKS]
    assert all([name for name in row if name != "recommended"] == FIELDS for row in rows)
    assert [row["recommended"] for row in rows if "recommended" in row] == [True]
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


def _file(path: Path, minutes: int, days: int = 60, bad: str = "") -> Path:
    """One slice from 2024-02-01 on, in UTC."""
    start = dt.datetime(2024, 2, 1, tzinfo=dt.UTC)
    rows = ["slice,interval_start,energy_kwh"]
    for n in range(days * 1440 // minutes):
        when = start + dt.timedelta(minutes=n * minutes)
        power_kw = 1 + abs(when.hour - 12) / 10 + when.toordinal() * 7 % 5 / 10
        rows.append(f"feeder #7,{when.isoformat()},{power_kw * minutes / 60:.4f}")
    path.write_text("\n".join([*rows, bad]))
    return path


def test_window__across_midnight_is_scored(data: Path) -> None:
    rows = {row["method"]: row for row in json.loads(_run(data, "--json", "--window", "22:00-02:00").stdout)}
    assert rows["caiso_10_of_10"]["placebo_days"] > 40
    assert 0 < rows["caiso_10_of_10"]["cvrmse"] < 1
    assert "within one day" in str(_run(data, "--window", "17:00-17:00").exception)


def test_excluded_hours__leave_their_days_out_only_where_they_matter(data: Path, tmp_path: Path) -> None:
    hours = tmp_path / "prices.csv"
    hours.write_text("start,end\n2023-03-01T18:00,2023-03-01T19:00\n2023-03-02T03:00,2023-03-02T04:00\n")
    before = {row["method"]: row for row in json.loads(_run(data, "--json").stdout)}
    after = {row["method"]: row for row in json.loads(_run(data, "--json", "--exclude", str(hours)).stdout)}
    assert after["caiso_10_of_10"]["placebo_days"] == before["caiso_10_of_10"]["placebo_days"] - 1
    hours.write_text("2023-03-01T18:00\n")
    assert "prices.csv:1: found 1 field(s)" in str(_run(data, "--exclude", str(hours)).exception)


def test_coarse_steps__give_no_number_where_a_rules_hours_do_not_fall_on_them(tmp_path: Path) -> None:
    found = _run(_file(tmp_path / "x.csv", 120), "--json", "--window", "16:00-20:00")
    methods = {row["method"]: row for row in json.loads(found.stdout)}
    for name in ("caiso_10_of_10", "pjm_high_4_of_5", "ercot_mid_8_of_10", "matching_days_3", "high_5_of_10_additive"):
        assert methods[name]["placebo_days"] == 0
        assert f"{name}: no number (its hours do not fall on intervals of 120 min" in found.stderr
    assert methods["nyiso_high_5_of_10"]["placebo_days"] > 20, "-4 h..-2 h is two steps of two hours"


def test_daily_data__has_numbers_without_an_adjustment_and_a_reason_for_the_others(tmp_path: Path) -> None:
    found = _run(_file(tmp_path / "x.csv", 1440, days=120), "--json", "--window", "00:00-24:00")
    methods = {row["method"]: row for row in json.loads(found.stdout)}
    assert methods["igrid_last_5"]["placebo_days"] > 20
    assert methods["caiso_10_of_10"]["cvrmse"] is None
    assert "nyiso_high_5_of_10: no number (its hours do not fall on intervals of 1440 min" in found.stderr


@pytest.mark.parametrize("zone", ["Europe", "America", "../etc", "", "Mars/Olympus", "a" * 300, "posix\0"])
def test_zone__that_is_none_is_a_wrong_argument(data: Path, zone: str) -> None:
    found = _run(data, "--zone", zone)
    assert isinstance(found.exception, UsageError)
    assert "unknown; expected a name such as Africa/Tunis" in str(found.exception)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "empty"), (b"\xff\xfes\0", "UTF-16"), (b"slice,interval_start,energy_kwh\nR\xe9,,\n", "x.csv:2")],
)
def test_zone__is_not_blamed_for_a_file_that_cannot_be_read(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "x.csv"
    file.write_bytes(content)
    error = str(_run(file, "--zone", "Africa/Tunis").exception)
    assert message in error
    assert "Africa/Tunis" not in error


def test_excluded_days__byte_order_mark_line_ends_and_a_name_with_a_number_sign(tmp_path: Path) -> None:
    file = _file(tmp_path / "x.csv", 60)
    days = tmp_path / "days.txt"
    days.write_bytes("\ufeff2024-03-13,feeder #7\r\n2024-03-14 # known\r\n2024-03-15,feeder #7 # too\r\n".encode())
    before = json.loads(_run(file, "--json").stdout)[0]["placebo_days"]
    assert json.loads(_run(file, "--json", "--exclude-days", str(days)).stdout)[0]["placebo_days"] == before - 3


def test_excluded_days__outside_the_data_are_told(tmp_path: Path) -> None:
    days = tmp_path / "days.txt"
    days.write_text("2042-03-13\n2024-03-13\n")
    found = _run(_file(tmp_path / "x.csv", 60), "--exclude-days", str(days))
    assert "1 excluded day(s) outside the data (2024-02-01 to 2024-03-31), first days.txt:1: 2042-03-13" in found.stderr


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"03/13/2024\n", "days.txt:1: found '03/13/2024'"),
        (b"date\n", "days.txt:1"),
        ("2024-03-13".encode("utf-16"), "UTF-16"),
    ],
)
def test_excluded_days__in_another_form_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    days = tmp_path / "days.txt"
    days.write_bytes(content)
    found = _run(_file(tmp_path / "x.csv", 60), "--exclude-days", str(days))
    assert isinstance(found.exception, UsageError)
    assert message in str(found.exception)
    assert isinstance(_run(_file(tmp_path / "x.csv", 60), "--exclude-days", str(tmp_path)).exception, UsageError)


def test_defects__are_told_before_anything_is_scored_that_may_fail(tmp_path: Path) -> None:
    file = _file(tmp_path / "x.csv", 60, days=2, bad="feeder #7,2024-02-10 00:00:00,1")
    found = _run(file, "--window", "17:00-20:00", "--exclude-days", str(_all_days(tmp_path)))
    assert "nothing can be scored" in str(found.exception)
    assert "defect unreadable_time_or_no_offset: 1, first x.csv:50: '2024-02-10 00:00:00'; allowed: ISO" in found.stderr


def _all_days(folder: Path) -> Path:
    (folder / "all.txt").write_text("2024-02-01\n2024-02-02\n")
    return folder / "all.txt"


def test_picture__that_cannot_be_written_is_a_wrong_argument(data: Path, tmp_path: Path) -> None:
    assert isinstance(_run(data, "--picture", str(tmp_path / "no" / "x.png")).exception, UsageError)
