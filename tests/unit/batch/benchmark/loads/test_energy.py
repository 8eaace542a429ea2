"""Rows that are no interval energy on one grid: told, refused or put right, never another number."""

import datetime as dt
from collections.abc import Iterable
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from batch.benchmark.loads.load_csv import read_load_csv
from batch.benchmark.loads.rows import Found
from gridflex.errors import SourceError

START = dt.datetime(2024, 2, 1, tzinfo=dt.UTC)
Row = tuple[str, dt.datetime, float]


def shape(hours: float) -> float:
    """Power in kW of every slice at a time of the day."""
    return 1 + abs(hours % 24 - 12) / 10 + (hours // 24 % 3) / 20


def rows(name: str, minutes: int, *, days: int = 8, late_s: int = 0, start: dt.datetime = START) -> list[Row]:
    count = days * 1440 // minutes
    parts = minutes // 15
    found = []
    for n in range(count):
        kwh = sum(shape((n * parts + part) / 4) for part in range(parts)) / 4
        found.append((name, start + dt.timedelta(minutes=n * minutes, seconds=late_s), kwh))
    return found


def read(path: Path, data: Iterable[Row], zone: str | None = None, more: Iterable[str] = ()) -> Found:
    file = path / "x.csv"
    text = [f"{name},{when.isoformat()},{kwh:.9f}" for name, when, kwh in data]
    file.write_text("\n".join(["slice,interval_start,energy_kwh", *text, *more]) + "\n")
    return read_load_csv(file, ZoneInfo(zone) if zone else None)


@pytest.mark.parametrize(("steps", "common"), [((15, 30), 30), ((30, 60), 60), ((15, 30, 60), 60), ((15, 15, 60), 60)])
def test_intervals__slices_of_other_lengths_are_summed_to_the_longest(
    steps: tuple[int, ...], common: int, tmp_path: Path
) -> None:
    data = [row for index, minutes in enumerate(steps) for row in rows(f"s{index}", minutes)]
    found = read(tmp_path, data)
    assert found.loads.slots == 1440 // common
    one = read(tmp_path, rows("h", common)).loads.kwh[0]
    for kwh in found.loads.kwh:
        assert kwh == pytest.approx(one, abs=1e-7)
    assert f"are summed to intervals of {common} min" in found.notes[-1]


def test_intervals__a_sum_with_a_missing_part_is_missing(tmp_path: Path) -> None:
    quarter = rows("q", 15)
    del quarter[9]
    loads = read(tmp_path, [*quarter, *rows("h", 30)]).loads
    assert np.flatnonzero(np.isnan(loads.kwh[1].ravel())).tolist() == [4]


def test_intervals__that_no_hour_holds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"1 of 30 min, 1 of 1440 min.*such as day of 1440 min"):
        read(tmp_path, [*rows("h", 30), *rows("day", 1440, days=20)])


def test_intervals__a_meter_set_to_another_length_keeps_the_one_that_most_rows_have(tmp_path: Path) -> None:
    later = START + dt.timedelta(days=8)
    found = read(tmp_path, [*rows("h", 60), *rows("h", 30, days=2, start=later)])
    assert found.defects.count == {"interval_changes": 96}
    assert np.isnan(found.loads.kwh[0, 8:]).all(), "an hour's slot never holds half an hour's energy"


@pytest.mark.parametrize("step_s", [10, 30, 90, 420, 450])
def test_intervals__that_do_not_divide_a_day_into_minutes_are_refused(step_s: int, tmp_path: Path) -> None:
    data = [("f", START + dt.timedelta(seconds=n * step_s), 1 + n % 3) for n in range(200)]
    with pytest.raises(SourceError, match=r"rows less than a minute apart|rows are \S+ (s|min) apart; allowed"):
        read(tmp_path, data)


def test_grid__rows_late_by_up_to_half_a_minute_stay_in_their_interval(tmp_path: Path) -> None:
    data = rows("f", 30)
    late = [(name, when + dt.timedelta(seconds=n * 13 % 30), kwh) for n, (name, when, kwh) in enumerate(data)]
    assert np.array_equal(read(tmp_path, late).loads.kwh, read(tmp_path, data).loads.kwh)


def test_grid__rows_late_by_seconds_stay_in_their_interval_and_are_told(tmp_path: Path) -> None:
    data = rows("f", 30)
    late = [(name, when + dt.timedelta(seconds=3 * (n % 7 == 3)), kwh) for n, (name, when, kwh) in enumerate(data)]
    found = read(tmp_path, late)
    assert found.defects.count == {"moved_to_grid": 55}
    assert np.array_equal(found.loads.kwh, read(tmp_path, data).loads.kwh)


@pytest.mark.parametrize(
    ("minutes", "late_s", "off"), [(60, 300, "5 min"), (30, 1799, "-0.0167 min"), (30, 600, "10 min")]
)
def test_grid__most_rows_beside_it_are_told_with_their_distance(
    minutes: int, late_s: int, off: str, tmp_path: Path
) -> None:
    with pytest.raises(SourceError, match=rf"rows lie off the grid of {minutes} min, by \+?{off}"):
        read(tmp_path, [*rows("good", minutes), *rows("bad", minutes, late_s=late_s)])


@pytest.mark.parametrize(("zone", "offset"), [("Asia/Kolkata", r"\+05:30"), ("Asia/Kathmandu", r"\+05:45")])
def test_grid__a_zone_that_parts_the_intervals_is_named_with_its_offset(zone: str, offset: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=rf"UTC{offset}"):
        read(tmp_path, rows("f", 60), zone)
    read(tmp_path, rows("f", 15), zone)


@pytest.mark.parametrize("reset", [None, 48, 200])
def test_register__is_refused(reset: int | None, tmp_path: Path) -> None:
    total, data = 51_234.5, []
    for n, (name, when, kwh) in enumerate(rows("meter", 30)):
        total = 0.0 if reset and n % reset == 0 else total + kwh
        data.append((name, when, total))
    with pytest.raises(SourceError, match=r"slice meter: energy only ever rises.*register"):
        read(tmp_path, [*data, *rows("other", 30)])


@pytest.mark.parametrize("exporters", [1, 3])
@pytest.mark.parametrize("share_of_days", [1, 4])
def test_net_metering__is_refused_with_slice_and_example(exporters: int, share_of_days: int, tmp_path: Path) -> None:
    data: list[Row] = []
    for home in range(3):
        for name, when, kwh in rows(f"home{home}", 30):
            sunny = home < exporters and 11 <= when.hour < 14 and when.day % share_of_days == 0
            data.append((name, when, kwh - 3 if sunny else kwh))
    with pytest.raises(SourceError, match=r"slice home0: .* values are negative, first home0 at .*net metering"):
        read(tmp_path, data)


def test_net_metering__a_mark_for_missing_values_is_dropped_and_counted(tmp_path: Path) -> None:
    data = [(name, when, -9999.0 if n % 50 == 7 else kwh) for n, (name, when, kwh) in enumerate(rows("f", 30))]
    found = read(tmp_path, data)
    assert found.defects.count == {"negative_energy": 8}
    assert np.isnan(found.loads.kwh).sum() == 8


def test_negative__values_alone_are_said_to_be_negative(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="384 of 384 values are negative"):
        read(tmp_path, [(name, when, -kwh) for name, when, kwh in rows("f", 30)])


@pytest.mark.parametrize("absurd", [23_944_275.0, 51_234.5, 1e300, 300.0])
@pytest.mark.parametrize("how_many", [1, 12])
def test_absurd__energy_is_dropped_and_told(absurd: float, how_many: int, tmp_path: Path) -> None:
    data = rows("f", 30)
    data = [
        (name, when, absurd if n % 31 == 1 and n < 31 * how_many else kwh) for n, (name, when, kwh) in enumerate(data)
    ]
    found = read(tmp_path, [*data, *rows("g", 30)])
    assert found.defects.count.get("absurd_energy", 0) + found.defects.count.get("doubtful_energy", 0) == how_many
    if absurd > 1000:
        assert np.nanmax(found.loads.kwh) < 3


@pytest.mark.parametrize("every", [7, 100])
def test_absurd__watt_hours_among_kilowatt_hours_are_dropped(every: int, tmp_path: Path) -> None:
    data = [(name, when, kwh * 1000 if n % every == 0 else kwh) for n, (name, when, kwh) in enumerate(rows("f", 30))]
    found = read(tmp_path, data)
    assert found.defects.count == {"absurd_energy": -(-384 // every)}
    assert np.nanmax(found.loads.kwh) < 3


def test_absurd__a_charger_that_stands_by_for_weeks_keeps_its_energy(tmp_path: Path) -> None:
    data = [(name, when, 5.5 if n % 200 < 2 else kwh / 1000) for n, (name, when, kwh) in enumerate(rows("ev", 30))]
    found = read(tmp_path, data)
    assert int((found.loads.kwh == 5.5).sum()) == 4


def test_absurd__energy_is_dropped_from_a_short_slice_too(tmp_path: Path) -> None:
    data = [(name, when, 1e20 if n == 5 else kwh) for n, (name, when, kwh) in enumerate(rows("f", 60, days=1))]
    assert read(tmp_path, data).defects.count == {"absurd_energy": 1}


def test_absurd__a_real_peak_is_kept(tmp_path: Path) -> None:
    data = [(name, when, 5.0 if n == 100 else kwh / 10) for n, (name, when, kwh) in enumerate(rows("cottage", 30))]
    found = read(tmp_path, data)
    assert np.nanmax(found.loads.kwh) == 5.0
    assert found.defects.count == {"doubtful_energy": 1}


@pytest.mark.parametrize("year", ["1970", "2200", "1904", "0001", "9999"])
def test_time__of_an_impossible_year_is_dropped_and_told(year: str, tmp_path: Path) -> None:
    found = read(tmp_path, rows("f", 30), more=[f"f,{year}-06-01T00:30:00+00:00,0.5"])
    assert found.loads.days == 8
    assert sum(found.defects.count.values()) == 1
    assert f"{year}-06-01" in next(iter(found.defects.example.values()))


@pytest.mark.parametrize("year", ["2000", "2099", "2023"])
def test_time__of_one_row_far_from_all_others_loses_against_the_majority(year: str, tmp_path: Path) -> None:
    found = read(tmp_path, rows("f", 30), more=[f"f,{year}-06-01T00:30:00+00:00,0.5", f"g,{year}-06-01T00:30:00Z,1"])
    assert found.defects.count == {"far_from_the_rest": 2}
    assert (found.loads.names, found.loads.days) == (("f",), 8)


def test_time__days_far_apart_with_many_rows_each_are_both_kept(tmp_path: Path) -> None:
    later = rows("f", 30, start=START.replace(month=8))
    found = read(tmp_path, [*rows("f", 30), *later])
    assert not found.defects.count
    assert np.isfinite(found.loads.kwh).sum() == 2 * 8 * 48


def test_grid__that_would_fill_the_memory_is_refused_before(tmp_path: Path) -> None:
    data: list[Row] = []
    for index in range(200):
        start = START + dt.timedelta(days=60 * index)
        data += [(f"m{index}", start + dt.timedelta(minutes=n), 1.0) for n in range(20)]
    with pytest.raises(SourceError, match="4,000 rows spread over 11,941 days from 2024-02-01 would fill"):
        read(tmp_path, data)


def test_temperature__text_and_values_that_no_weather_has_are_dropped_and_told(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    values = {5: "999.9", 6: "-9999", 7: "n/a", 8: "85"}
    text = [
        f"{name},{when.isoformat()},{kwh},{values.get(n, '9.5')}" for n, (name, when, kwh) in enumerate(rows("f", 30))
    ]
    file.write_text("\n".join(["slice,interval_start,energy_kwh,temperature_c", *text]))
    found = read_load_csv(file)
    assert found.defects.count == {"impossible_temperature": 3, "unreadable_temperature": 1}
    assert found.loads.peak_temperature_c.tolist() == [9.5] * 8


def test_temperature__of_fahrenheit_is_left_out_and_told(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    text = [f"{name},{when.isoformat()},{kwh},{50 + when.hour}" for name, when, kwh in rows("f", 30)]
    file.write_text("\n".join(["slice,interval_start,energy_kwh,temperature_c", *text]))
    found = read_load_csv(file)
    assert found.loads.peak_temperature_c is None
    assert "temperature_c is left out" in found.notes[-1]
