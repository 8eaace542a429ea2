"""``gridflex settle-history`` on a generated trial whose true response is known, and on wrong input."""

import dataclasses
import datetime as dt
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from batch.benchmark.interval_file import Interval
from batch.benchmark.settle_commands import settle_history
from batch.benchmark.settlement import settle
from gridflex.domain.baseline import METHODS, STACKS, Loads, as_total, date_of
from gridflex.errors import SourceError, UsageError
from tests.support.simulated.demand import Town, simulate

DAYS, HOMES, SHARE = 230, 40, 0.15
EVENTS = {
    150: (17, 3),
    157: (18, 2),
    163: (22, 4),
    171: (17, 3),
    178: (18, 2),
    184: (17, 3),
    191: (18, 2),
    198: (17, 3),
}
"""Day -> first hour and hours; the third runs across midnight."""
LOW_PRICE_DAYS = (150, 157, 171, 191)


def _write(path: Path, loads: Loads, kwh: np.ndarray) -> None:
    lines = ["slice,interval_start,energy_kwh,temperature_c"]
    for name, energy in zip(loads.names, kwh, strict=True):
        for day in range(DAYS):
            date = date_of(loads.first_day + day)
            peak = loads.peak_temperature_c[day]  # type: ignore[index]
            lines += [f"{name},{date}T{hour:02d}:00:00Z,{energy[day, hour]:.5f},{peak:.1f}" for hour in range(24)]
    path.write_text("\n".join(lines))


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """Homes that shed 15 % in events, and drew 20 % more in low prices up to an hour before some of them."""
    folder = tmp_path_factory.mktemp("trial")
    loads = simulate(Town(homes=2 * HOMES, days=DAYS, slots=24, seed=5))
    part = loads.kwh[:HOMES].sum(axis=0, keepdims=True)
    flat = part.reshape(-1)
    events, prices, shed = ["start,end"], [], 0.0
    for day, (hour, hours) in EVENTS.items():
        at = day * 24 + hour
        shed += SHARE * flat[at : at + hours].sum()
        flat[at : at + hours] *= 1 - SHARE
        start = dt.datetime.combine(date_of(loads.first_day + day), dt.time(hour))
        events.append(f"{start.isoformat()},{(start + dt.timedelta(hours=hours)).isoformat()}")
        if day in LOW_PRICE_DAYS:
            flat[at - 3 : at - 1] *= 1.2
            prices.append(f"{start - dt.timedelta(hours=3)},{start - dt.timedelta(hours=1)}")
    one = simulate(Town(homes=1, days=DAYS, slots=24, seed=5))
    _write(folder / "homes.csv", one, part)
    _write(folder / "control.csv", one, loads.kwh[HOMES:].sum(axis=0, keepdims=True))
    (folder / "events.csv").write_text("\n".join(events))
    (folder / "prices.csv").write_text("\n".join(prices))
    return folder, shed / sum(hours for _, hours in EVENTS.values())


def _run(folder: Path, *more: str, events: str = "events.csv") -> Result:
    arguments = ["--data", str(folder / "homes.csv"), "--format", "csv", "--events", str(folder / events)]
    return CliRunner().invoke(settle_history, [*arguments, *more])


def _rows(result: Result) -> dict[str, dict[str, float]]:
    assert result.exit_code == 0, result.exception
    return {row["method"]: row for row in json.loads(result.stdout)}


def test_settle_history__recovers_the_true_response(trial: tuple[Path, float]) -> None:
    folder, true_kw = trial
    options = ["--exclude", str(folder / "prices.csv"), "--control", str(folder / "control.csv")]
    result = _run(folder, *options, "--homes", str(HOMES), "--json")
    rows = _rows(result)
    assert list(rows) == [*METHODS, *STACKS]
    (best,) = [row for row in rows.values() if row.get("recommended")]
    assert best["mean_kw"] == pytest.approx(true_kw, rel=0.20)
    with_number = [row for row in rows.values() if row["events"]]
    inside = [row["lower"] <= true_kw <= row["upper"] for row in with_number]
    assert np.mean(inside) >= 0.8
    assert all(row["mean_kw_per_home"] == pytest.approx(row["mean_kw"] / HOMES) for row in with_number)
    assert rows["control_group"]["events"] == len(EVENTS)
    assert rows["caiso_10_of_10"]["excluded_hours"] == 2 * len(LOW_PRICE_DAYS)
    assert rows["regression_day_ahead"]["excluded_hours"] == 0
    assert "ercot_mid_8_of_10: 4 event(s) without a number" in result.stderr, "both its hours were low prices"
    lured = _rows(_run(folder, "--json"))["caiso_10_of_10"]
    assert lured["mean_kw"] > 1.15 * rows["caiso_10_of_10"]["mean_kw"], "low prices before inflate it if not excluded"
    assert lured["mean_kw"] > 1.15 * true_kw


def test_settle_history__the_level_widens_the_interval_and_the_table_says_it(trial: tuple[Path, float]) -> None:
    folder, _ = trial
    short = folder / "one.csv"
    short.write_text("\n".join((folder / "events.csv").read_text().splitlines()[:2]))
    wide = _rows(_run(folder, "--json", "--interval", "0.9", events="one.csv"))["caiso_10_of_10"]
    narrow = _rows(_run(folder, "--json", "--interval", "0.6", events="one.csv"))["caiso_10_of_10"]
    assert narrow["upper"] - narrow["lower"] < wide["upper"] - wide["lower"]
    table = _run(folder, "--interval", "0.6", events="one.csv").stdout
    assert "60% interval, kW" in table
    assert "* recommended" in table


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("2023-06-01T17:00", "found 1 field(s); expected start,end"),
        ("17:00,18:00", "found '17:00'"),
        ("2023-06-01T18:00,2023-06-01T17:00", "allowed: an end after its start"),
        ("2023-06-01T17:20,2023-06-01T18:00", "intervals are 60 min"),
        ("2023-06-01T17:00,2023-06-03T18:00", "longer than 24 h"),
        ("2023-06-01T17:00,2023-06-01T18:00,home-7", "found an event of 'home-7' alone"),
        ("", "no interval"),
    ],
)
def test_settle_history__a_wrong_line_is_told_with_its_place(
    trial: tuple[Path, float], line: str, message: str
) -> None:
    folder, _ = trial
    (folder / "wrong.csv").write_text(f"start,end\n{line}\n")
    error = _run(folder, events="wrong.csv").exception
    assert isinstance(error, UsageError)
    assert message in str(error)
    assert "wrong.csv" in str(error)


def test_settle_history__events_outside_the_data_are_an_error_or_told(trial: tuple[Path, float]) -> None:
    folder, _ = trial
    (folder / "never.csv").write_text("2042-06-01T17:00,2042-06-01T18:00\n")
    assert isinstance(_run(folder, events="never.csv").exception, SourceError)
    first = (folder / "events.csv").read_text().splitlines()[1]
    (folder / "some.csv").write_text(f"2042-06-01T17:00,2042-06-01T18:00\n{first}\n")
    assert "1 event(s) left out" in _run(folder, events="some.csv").stderr


def test_settle_history__a_control_group_of_other_days_is_refused(trial: tuple[Path, float], tmp_path: Path) -> None:
    folder, _ = trial
    rows = [f"x,2042-06-{day:02d}T{hour:02d}:00:00Z,{1 + hour * 7 % 5}" for day in range(1, 9) for hour in range(24)]
    (tmp_path / "control.csv").write_text("\n".join(["slice,interval_start,energy_kwh", *rows]))
    error = _run(folder, "--control", str(tmp_path / "control.csv")).exception
    assert isinstance(error, UsageError)
    assert "none of its days" in str(error)


def test_settle__a_changed_future_changes_no_number_bit_for_bit() -> None:
    loads = as_total(simulate(Town(homes=20, days=130, slots=24, seed=9)))
    hour = 3_600_000
    start = (loads.first_day + 100) * 24 * hour + 17 * hour
    event = Interval(start_ms=start, end_ms=start + 3 * hour, slice="", place="events.csv:1")
    kwh = loads.kwh.copy()
    kwh[:, 101:] *= 7.3
    before, after = (settle(one, [event]) for one in (loads, dataclasses.replace(loads, kwh=kwh)))
    numbers = [one for one in before.methods if one.events]
    assert len(numbers) > 12
    assert repr(before) == repr(after)
