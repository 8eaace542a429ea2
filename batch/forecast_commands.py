"""Defines ``gridflex forecast-score``: how good forecasts of a file's loads would have been."""

from __future__ import annotations

import json
import math
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from batch.benchmark.baseline_benchmark import each, together, with_holidays
from batch.benchmark.loads import FORMATS, Found
from batch.benchmark.loads.load_csv import read_load_csv
from batch.benchmark.report import about_data
from batch.forecast.backtest import ForecastScore, backtest
from batch.forecast.models import FEWEST_DAYS
from gridflex.domain.baseline import EventWindow, Loads
from gridflex.errors import SourceError, UsageError
from gridflex.public_holidays import public_holidays

FIELDS = ("pinball_share", "coverage_90", "coverage_50", "nmbe", "days")


@click.command("forecast-score")
@click.option("--data", required=True, type=click.Path(path_type=Path, exists=True), help="A file or folder of loads.")
@click.option("--format", "layout", required=True, type=click.Choice(sorted(FORMATS)), help="The format of the data.")
@click.option("--holidays", help="Public holidays of a country: TN, GB-ENG. Holidays in the data count anyway.")
@click.option("--zone", help="csv only: local days of this time zone, such as Africa/Tunis, not as written.")
@click.option(
    "--level", type=click.Choice(["total", "each"]), default="total", show_default=True, help="As in bakeoff."
)
@click.option("--days", type=click.IntRange(1, 366), default=14, show_default=True, help="Score the last days.")
@click.option("--history", type=click.IntRange(FEWEST_DAYS, 3660), default=60, show_default=True, help="Days known.")
@click.option("--issued", default="00:00", show_default=True, help="Local time of the issue; what follows is scored.")
@click.option("--weather", is_flag=True, help="Take the data's temperatures as forecast at the midnight before.")
@click.option("--json", "json_wanted", is_flag=True, help="Print one JSON array.")
def forecast_score_command(  # noqa: PLR0917
    data: Path,
    layout: str,
    holidays: str | None,
    zone: str | None,
    level: str,
    days: int,
    history: int,
    issued: str,
    weather: bool,
    json_wanted: bool,
) -> None:
    """Forecast each of the last days of a data set from the time before it alone, and compare with the meter."""
    found = _read(data, layout, zone)
    for line in about_data(found):
        click.echo(line, err=True)
    loads = found.loads
    if holidays is not None:
        loads = with_holidays(loads, public_holidays(holidays, loads.date(0).year, loads.date(loads.days - 1).year))
    scored, text = together(loads) if level == "total" else each(loads)
    source = _weather(scored, weather)
    known = 0 if issued == "00:00" else EventWindow.parse(f"{issued}-24:00", scored.slots).first
    scores = backtest(
        scored,
        scored.kinds,
        history_days=history,
        backtest_days=days,
        known_slots=known,
        forecast_c=scored.temperature_c if weather else None,
    )
    if not scores:
        raise SourceError(f"{data}: {scored.days} days; needed to score a forecast: {FEWEST_DAYS} and one")
    click.echo(f"scored: {text}; the last {days} days, issued at {issued}; weather: {source}", err=True)
    rows = [
        {"slice": scored.names[index], "model": model, "issued": issued, "weather": source, **_fields(one)}
        for model, all_slices in scores.items()
        for index, one in enumerate(all_slices)
    ]
    click.echo(json.dumps(rows, indent=1) if json_wanted else _table(rows))


def _read(data: Path, layout: str, zone: str | None) -> Found:
    if zone is None:
        return FORMATS[layout](data)
    if layout != "csv":
        raise UsageError(f"--zone: only for --format csv; {layout} has its own time zone")
    try:
        return read_load_csv(data, ZoneInfo(zone))
    except (ZoneInfoNotFoundError, IsADirectoryError):
        raise UsageError(f"--zone {zone!r}: unknown; expected a name such as Africa/Tunis") from None


def _weather(loads: Loads, wanted: bool) -> str:
    """Where the temperatures come from. Raises ``SourceError`` if they are wanted and there are none."""
    if not wanted:
        return "none"
    if loads.temperature_c is None:
        raise SourceError("--weather: found no temperatures in the data; csv has them in the column temperature_c")
    return "temperatures of the data, taken as forecast"


def _fields(score: ForecastScore) -> dict[str, float | int | None]:
    return {name: value if math.isfinite(value := getattr(score, name)) else None for name in FIELDS}


def _table(rows: list[dict[str, float | int | str | None]]) -> str:
    lines = [f"{'slice':<20}{'model':<16}{'pinball':>9}{'in 90 %':>9}{'in 50 %':>9}{'bias':>9}{'days':>6}"]
    for row in rows:
        shares = "".join(
            f"{'-' if row[name] is None else format(row[name], spec):>9}"
            for name, spec in (
                ("pinball_share", ".4f"),
                ("coverage_90", ".1%"),
                ("coverage_50", ".1%"),
                ("nmbe", "+.1%"),
            )
        )
        lines.append(f"{str(row['slice'])[:19]:<20}{row['model']:<16}{shares}{row['days']:>6}")
    return "\n".join([*lines, "", "pinball: mean loss of five quantiles / mean load; bias: of the median"])
