"""Readers of interval loads: each layout with each of its defects, and the real files where they are at hand."""

import datetime as dt
import os
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from batch.benchmark.loads import FORMATS
from batch.benchmark.loads.lcl import bank_holiday, read_lcl
from batch.benchmark.loads.lcl_hourly import read_lcl_hourly
from batch.benchmark.loads.load_csv import read_load_csv
from batch.benchmark.loads.loadshape import read_loadshape
from gridflex.config import ROOT
from gridflex.domain.baseline import DayKind
from gridflex.errors import SourceError

REAL = Path(os.environ.get("GRIDFLEX_SHARED_DATA", ROOT.parent / "shared" / "data"))


def real(name: str) -> Path:
    if not (REAL / name).exists():
        pytest.skip(f"no real data at {REAL / name}: set GRIDFLEX_SHARED_DATA to the folder that holds {name}")
    return REAL / name


NATIVE = """LCLid,stdorToU,DateTime,KWH/hh (per half hour) ,Acorn,Acorn_grouped
MAC1,Std,30/12/2012 00:00:00,0.1,A,B
MAC1,Std,30/12/2012 00:30:00,0.2,A,B
MAC1,Std,30/12/2012 00:30:00,0.2,A,B
MAC1,Std,30/12/2012 01:00:00,0.3,A,B
MAC1,Std,30/12/2012 01:00:00,0.9,A,B
MAC1,Std,30/12/2012 01:24:01,Null,A,B
MAC1,Std,30/12/2012 01:24:02,0.4,A,B
MAC1,Std,30/12/2012 02:00:00,-1,A,B
MAC1,Std,30/12/2012 02:30:00,x,A,B
MAC1,Std,never,0.5,A,B
MAC2,ToU,01/01/2013 12:00:00,0.7,A,B
"""


def test_lcl__keeps_good_rows_and_counts_every_defect(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(NATIVE)
    (tmp_path / "b.csv").write_text(NATIVE.splitlines()[0] + "\nMAC1,Std,30/12/2012 03:00:00,0.6,A,B\n")
    (tmp_path / "uk_bank_holidays.csv").write_text("Bank holidays,Type,\n1/1/2013,New Year?s Day,\n")
    (tmp_path / "Tariffs_table.csv").write_text('TariffDateTime,Tariff\r\r\n"2013-01-01 00:00:00","High"\r\r\n')
    found = read_lcl(tmp_path)
    loads = found.loads
    assert loads.names == ("MAC1", "MAC2")
    assert loads.date(0) == dt.date(2012, 12, 30)
    assert loads.kwh[0, 0, :7].tolist() == pytest.approx([0.1, 0.2, 0.3, np.nan, np.nan, np.nan, 0.6], nan_ok=True)
    assert loads.kwh[1, 2, 24] == pytest.approx(0.7)
    assert found.defects.count == {
        "missing_energy": 1, "unreadable_energy": 1, "negative_energy": 1, "unreadable_time": 1, "duplicate": 1,
        "contradicting_duplicate": 1, "off_grid": 1,
    }  # fmt: skip
    used = int(np.isfinite(loads.kwh).sum())
    assert found.rows == used + sum(found.defects.count.values())
    assert "a.csv:7" in found.defects.example["missing_energy"]
    assert loads.kinds[2] == DayKind.SUNDAY, "new year is a holiday"
    assert loads.excluded.tolist() == [[False] * 3, [False, False, True]], (
        "a price day is an event on the dynamic tariff"
    )


def test_lcl__the_original_iso_times_are_read_too(tmp_path: Path) -> None:
    file = tmp_path / "full.csv"
    file.write_text(NATIVE.splitlines()[0] + "\nMAC9,Std,2013-02-03 00:30:00.0000000,0.5,A,B\n")
    assert read_lcl(file).loads.date(0) == dt.date(2013, 2, 3)


def test_lcl__summer_hours_are_an_hour_later_in_london(tmp_path: Path) -> None:
    file = tmp_path / "summer.csv"
    file.write_text(NATIVE.splitlines()[0] + "\nMAC9,Std,01/07/2013 16:00:00,0.5,A,B\n")
    assert read_lcl(file).loads.kwh[0, 0, 34] == pytest.approx(0.5)


def test_bank_holiday__both_forms_of_its_dates() -> None:
    assert bank_holiday("6/5/2013") == dt.date(2013, 5, 6)
    assert bank_holiday("12/26/2013") == dt.date(2013, 12, 26)


def test_lcl_hourly__a_row_belongs_to_the_household_it_names(tmp_path: Path) -> None:
    head = "ID_House,Day,Month,Year,Hour,Holiday,Acorn_Group,Temperature,kWh\n"
    (tmp_path / "MAC1.csv").write_text(head + "MAC2,1,1,2013,0,Yes,A,5.0,0.5\nMAC2,3,1,2013,0,No,A,7.5,0.25\n")
    found = read_lcl_hourly(tmp_path)
    assert found.loads.names == ("MAC2",)
    assert found.defects.count == {"file_of_another_household": 2, "day_without_rows": 1}
    assert "MAC1.csv holds MAC2" in found.defects.example["file_of_another_household"]
    assert found.loads.kinds[0] == DayKind.SUNDAY
    assert found.loads.peak_temperature_c[[0, 2]].tolist() == [5.0, 7.5]
    assert np.isnan(found.loads.kwh[0, 1]).all()


def test_loadshape__power_becomes_energy_and_fahrenheit_celsius(tmp_path: Path) -> None:
    rows = "".join(f"2013-08-01 {k // 4:02d}:{k % 4 * 15:02d}:00,{8.0 if k else ''}\n" for k in range(96))
    (tmp_path / "site_kw.csv").write_text(rows)
    (tmp_path / "site_kw_small.csv").write_text(rows)
    (tmp_path / "site_temp.csv").write_text("2013-08-01 00:00:00,50\n2013-08-01 01:00:00,86\n")
    (tmp_path / "site_dr_days.csv").write_text("2013-08-01 14:00:00, 2013-08-01 16:00:00\n")
    found = read_loadshape(tmp_path)
    assert found.loads.names == ("site",)
    assert found.loads.kwh.shape == (1, 1, 96)
    assert np.nanmax(found.loads.kwh) == pytest.approx(2.0)
    assert found.loads.peak_temperature_c.tolist() == pytest.approx([30.0])
    assert found.loads.excluded.tolist() == [[True]]
    assert found.defects.count == {"missing_energy": 1}


def test_lcl_hourly__a_row_is_the_half_hour_at_its_hour_and_never_an_hours_energy(tmp_path: Path) -> None:
    head = "ID_House,Day,Month,Year,Hour,Holiday,Acorn_Group,Temperature,kWh\n"
    (tmp_path / "MAC1.csv").write_text(head + "MAC1,1,1,2013,0,No,A,5.0,0.5\nMAC1,1,1,2013,1,No,A,7.5,0.25\n")
    found = read_lcl_hourly(tmp_path)
    assert found.loads.metered_minutes == 30
    assert found.loads.kw_per_kwh == 2.0, "0.5 kWh in half an hour are 1 kW"
    assert found.loads.kwh[0, 0, :2].tolist() == [0.5, 0.25]
    assert "a row is the half-hour that starts at the hour: h:30 is unknown" in found.notes[-1]


@pytest.mark.parametrize("hour", ["24", "7.5", "x", ""])
def test_lcl_hourly__an_hour_that_is_none_is_counted(hour: str, tmp_path: Path) -> None:
    rows = [f"MAC1,1,1,2013,{n},No,A,5.0,0.5" for n in (0, 1, hour)]
    file = tmp_path / "MAC1.csv"
    file.write_text("\n".join(["ID_House,Day,Month,Year,Hour,Holiday,Acorn_Group,Temperature,kWh", *rows]))
    found = read_lcl_hourly(file)
    assert found.defects.count == {"unreadable_time": 1}
    assert f"MAC1.csv:4: '2013-1-1-{hour}'" in found.defects.example["unreadable_time"]


def test_lcl_hourly__hours_from_1_to_24_are_refused(tmp_path: Path) -> None:
    rows = [f"MAC1,{day},1,2013,{hour},No,A,5.0,0.5" for day in (1, 2) for hour in range(1, 25)]
    file = tmp_path / "MAC1.csv"
    file.write_text("\n".join(["ID_House,Day,Month,Year,Hour,Holiday,Acorn_Group,Temperature,kWh", *rows]))
    with pytest.raises(SourceError, match="hours from 1 to 24"):
        read_lcl_hourly(file)


@pytest.mark.parametrize(
    "foreign", ["Straße,Größe\n1,2\n".encode("latin-1"), "a,b\n1,2\n".encode("utf-16"), b"", b"a;b\n"]
)
def test_lcl__a_foreign_file_beside_is_left_out_and_told(foreign: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(NATIVE)
    plain = read_lcl(tmp_path)
    (tmp_path / "b.csv").write_bytes(foreign)
    found = read_lcl(tmp_path)
    assert np.array_equal(found.loads.kwh, plain.loads.kwh, equal_nan=True)
    assert "b.csv" in found.notes[-1]
    (tmp_path / "a.csv").unlink()
    with pytest.raises(SourceError, match=r"no file with the columns LCLid.*b\.csv"):
        read_lcl(tmp_path)


def test_lcl__months_before_days_are_refused_and_a_wrong_date_is_counted(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    head = NATIVE.splitlines()[0]
    file.write_text("\n".join([head, *(f"MAC1,Std,12/{day}/2012 00:30:00,0.1,A,B" for day in range(1, 32))]))
    with pytest.raises(SourceError, match=r"a\.csv:14: time '12/13/2012 00:30:00': the month before the day"):
        read_lcl(file)
    file.write_text(NATIVE + "MAC1,Std,31/02/2013 00:30:00,0.1,A,B\nMAC1,Std,2013-01-02 00:30:00,0.1,A,B\n")
    assert read_lcl(file).defects.count["unreadable_time"] == 2
    assert read_lcl(file).loads.date(3) == dt.date(2013, 1, 2)


def test_lcl__dates_beside_are_read_in_other_forms_or_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(NATIVE)
    (tmp_path / "uk_bank_holidays.csv").write_bytes(
        b"Bank holidays,Type\n2013-01-01,New Year\nEaster,?\x92\n40/1/2013,?\n"
    )
    weather = "temperature,time\n5.1,2012-12-30 00:00:00\n6.0,2012-12-30 01:00\nn/a,2012-12-30 02:00\n7,noon\n"
    (tmp_path / "weather_hourly_darksky.csv").write_text(weather)
    found = read_lcl(tmp_path)
    assert found.loads.kinds[2] == DayKind.SUNDAY
    assert found.loads.peak_temperature_c[0] == 6.0
    beside = {"unreadable_holiday": 2, "unreadable_weather_time": 1, "unreadable_temperature": 1}
    assert {kind: found.defects.count[kind] for kind in beside} == beside
    (tmp_path / "weather_hourly_darksky.csv").write_text("when,celsius\n")
    with pytest.raises(SourceError, match=r"weather_hourly_darksky\.csv:1: no column time, temperature"):
        read_lcl(tmp_path)


def _site(folder: Path, times: list[str], **beside: str) -> Path:
    power = "".join(f"{when},{1 + n * 37 % 96 / 100 + n // 96}\n" for n, when in enumerate(times))
    (folder / "s_kw.csv").write_text(power)
    for name, text in beside.items():
        (folder / f"s_{name}.csv").write_text(text)
    return folder


def _quarters(first: str, days: int = 2) -> list[str]:
    start = dt.datetime.fromisoformat(first)
    return [str(start + dt.timedelta(minutes=15 * n)) for n in range(96 * days)]


def test_loadshape__days_are_never_read_as_months(tmp_path: Path) -> None:
    times = [f"{when[8:10]}/{when[5:7]}/{when[:4]} {when[11:16]}" for when in _quarters("2013-02-01")]
    with pytest.raises(SourceError, match=r"s_kw\.csv:1: '01/02/2013 00:00'.*year-month-day"):
        read_loadshape(_site(tmp_path, times))


@pytest.mark.parametrize("offset", ["-08:00", "+05:30", "Z"])
def test_loadshape__days_are_those_of_the_written_clock(offset: str, tmp_path: Path) -> None:
    plain = read_loadshape(_site(tmp_path, _quarters("2013-02-01"))).loads
    loads = read_loadshape(_site(tmp_path, [when + offset for when in _quarters("2013-02-01")])).loads
    assert loads.first_day == plain.first_day
    assert np.array_equal(loads.kwh, plain.kwh)


@pytest.mark.parametrize("offsets", [("", ""), ("-07:00", "-08:00")])
def test_loadshape__the_hour_that_the_clock_repeats_is_the_mean_of_both(
    offsets: tuple[str, str], tmp_path: Path
) -> None:
    day = _quarters("2013-11-03", 1)
    times = [when + offsets[0] for when in day[:8]] + [when + offsets[1] for when in day[4:]]
    found = read_loadshape(_site(tmp_path, times))
    energy = [1 + n * 37 % 96 / 100 + n // 96 for n in range(100)]
    assert found.loads.kwh[0, 0, 4:8] == pytest.approx([(energy[n] + energy[n + 4]) / 8 for n in range(4, 8)])
    assert found.loads.kwh[0, 0, 8] == pytest.approx(energy[12] / 4)
    assert found.defects.count == ({} if offsets[0] else {"repeated_hour": 4})


@pytest.mark.parametrize(
    "line",
    [
        "2013-02-02 14:00:00, 2013-02-02 16:00:00",
        "2013-02-02",
        "2013-02-02T14:00,2013-02-02T16:00,CPP",
        "# none\n2013-02-02,",
    ],
)
@pytest.mark.parametrize("header", ["", "start,end\n"])
def test_loadshape__event_days_of_every_plain_form_are_left_out(line: str, header: str, tmp_path: Path) -> None:
    found = read_loadshape(_site(tmp_path, _quarters("2013-02-01"), dr_days=header + line + "\n"))
    assert found.loads.excluded.tolist() == [[False, True]]
    assert "s: 1 event day(s) left out" in found.notes


@pytest.mark.parametrize(
    "line",
    ["12.03.2013 14:00,12.03.2013 16:00", "04/03/2013", "2013-02-30", "2013-02-03,2013-02-01", "2013-02-01,2200-01-01"],
)
def test_loadshape__an_event_day_that_could_be_another_is_refused_with_its_line(line: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"s_dr_days\.csv:2: "):
        read_loadshape(_site(tmp_path, _quarters("2013-02-01"), dr_days="2013-02-02\n" + line + "\n"))


def test_loadshape__a_header_or_a_third_column_of_temperatures_does_no_harm(tmp_path: Path) -> None:
    rows = "time,temp_f,dew\n2013-02-01 00:00:00,50,45\n2013-02-02 00:00:00,86,45\n"
    found = read_loadshape(_site(tmp_path, _quarters("2013-02-01"), temp=rows))
    assert found.loads.peak_temperature_c.tolist() == pytest.approx([10.0, 30.0])
    assert found.defects.count == {"unreadable_weather_time": 1}


def test_loadshape__a_third_column_of_power_is_refused(tmp_path: Path) -> None:
    (tmp_path / "s_kw.csv").write_text("2013-02-01 00:00:00,1.0,0\n")
    with pytest.raises(SourceError, match=r"s_kw\.csv:1: 3 field\(s\) in '2013-02-01 00:00:00,1\.0,0'; expected 2"):
        read_loadshape(tmp_path)


def _csv(path: Path, rows: list[str], head: str = "slice,interval_start,energy_kwh,temperature_c") -> Path:
    path.write_text("\n".join([head, *rows]) + "\n")
    return path


def test_csv__local_days_are_as_written_and_the_repeated_hour_is_the_mean(tmp_path: Path) -> None:
    rows = [
        "f1,2013-10-27T00:00:00+01:00,1,9",
        "f1,2013-10-27T01:00:00+01:00,2,8",
        "f1,2013-10-27T01:00:00+00:00,4,7",
        "f1,2013-10-27T02:00:00Z,5,11.5",
    ]
    loads = read_load_csv(_csv(tmp_path / "x.csv", rows)).loads
    assert loads.kwh[0, 0, :3].tolist() == [1.0, 3.0, 5.0]
    assert loads.peak_temperature_c.tolist() == [11.5]


def test_csv__a_zone_moves_days_written_in_utc(tmp_path: Path) -> None:
    rows = ["f1,2013-07-01T22:30:00Z,1,9", "f1,2013-07-01T23:00:00Z,2,9"]
    loads = read_load_csv(_csv(tmp_path / "x.csv", rows), ZoneInfo("Africa/Tunis")).loads
    assert loads.kwh[0, 0, 47] == pytest.approx(1.0)
    assert loads.kwh[0, 1, 0] == pytest.approx(2.0)


def test_csv__rows_without_offset_or_value_are_counted(tmp_path: Path) -> None:
    rows = [
        "f1,2013-07-01T00:00:00+01:00,1",
        "f1,2013-07-01T01:00:00+01:00,2",
        "f1,2013-07-01T02:00:00,3",
        "f1,2013-07-01T03:00:00+01:00,",
        ",2013-07-01T04:00:00+01:00,3",
        "f1,2013-07-01T05:10:00+01:00,3",
        "f1,2013-07-01T01:00:00+01:00,2",
    ]
    found = read_load_csv(_csv(tmp_path / "x.csv", rows, "slice,interval_start,energy_kwh"))
    assert found.defects.count == {
        "unreadable_time_or_no_offset": 1, "missing_energy": 1, "no_slice": 1, "off_grid": 1, "duplicate": 1,
    }  # fmt: skip
    assert found.loads.peak_temperature_c is None


def test_csv__missing_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no column interval_start, energy_kwh"):
        read_load_csv(_csv(tmp_path / "x.csv", ["a,b"], "slice,kwh"))


@pytest.mark.parametrize("layout", sorted(FORMATS))
def test_readers__a_folder_without_data_is_told(layout: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no file"):
        FORMATS[layout](tmp_path)


def test_real_lcl_sample__twelve_duplicates_and_one_null() -> None:
    found = read_lcl(real("lcl/native"))
    assert found.rows == 17_458
    assert found.defects.count == {"duplicate": 12, "missing_energy": 1}
    assert int(np.isfinite(found.loads.kwh).sum()) >= 17_458 - 13 - 2, "the hour that London repeats is one slot"


def test_real_lcl_hourly__two_files_hold_each_others_rows() -> None:
    found = read_lcl_hourly(real("lcl/hourly/MAC003252.csv").parent)
    assert len(found.loads.names) == 11
    assert found.rows == 132_072
    assert found.defects.count["file_of_another_household"] == 12_456 + 12_312


def test_real_loadshape__one_site_with_its_event() -> None:
    found = read_loadshape(real("loadshape"))
    assert found.rows == 5_472
    assert found.defects.count == {"missing_energy": 743}
    assert found.loads.excluded.sum() == 1, "the second event lies a day after the data's end"
