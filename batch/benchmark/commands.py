"""Defines ``gridflex bakeoff``, the command line of the baseline benchmark."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
from tqdm import tqdm

from batch.benchmark.baseline_benchmark import each, exclude, run_benchmark, steps, together, with_holidays
from batch.benchmark.interval_file import hours_of, read_intervals
from batch.benchmark.loads import FORMATS, Found
from batch.benchmark.loads.load_csv import read_load_csv
from batch.benchmark.report import about_data, about_scores, as_json, as_table
from gridflex.domain.baseline import EventWindow, day_start, starting_at, without_hours
from gridflex.errors import UsageError
from gridflex.public_holidays import public_holidays

logger = logging.getLogger(__name__)

_FILE = click.Path(path_type=Path, exists=True)


@click.command()
@click.option("--data", required=True, type=_FILE, help="A file or folder of interval loads.")
@click.option("--format", "layout", required=True, type=click.Choice(sorted(FORMATS)), help="The format of the data.")
@click.option(
    "--window", default="17:00-20:00", show_default=True, help="The event's local hours; they may run across midnight."
)
@click.option("--exclude-days", type=_FILE, help="Days with an event: one date per line, or 'date,slice'.")
@click.option("--exclude", "exclude_file", type=_FILE, help="Hours that something touched: lines 'start,end[,slice]'.")
@click.option("--holidays", help="Public holidays of a country: TN, GB-ENG. Holidays in the data count anyway.")
@click.option("--zone", help="csv only: local days of this time zone, such as Africa/Tunis, not as written.")
@click.option(
    "--level",
    type=click.Choice(["total", "each"]),
    default="total",
    show_default=True,
    help="Score the sum of the slices that report together, or each slice by itself.",
)
@click.option(
    "--placebo-share",
    type=click.FloatRange(0.05, 1.0),
    default=1.0,
    show_default=True,
    help="Keep this share of the placebo days, those with the most event-like weather.",
)
@click.option("--picture", type=click.Path(path_type=Path, dir_okay=False), help="Draw the result into this PNG.")
@click.option("--json", "json_wanted", is_flag=True, help="Print one JSON array.")
def bakeoff(  # noqa: PLR0917
    data: Path,
    layout: str,
    window: str,
    exclude_days: Path | None,
    exclude_file: Path | None,
    holidays: str | None,
    zone: str | None,
    level: str,
    placebo_share: float,
    picture: Path | None,
    json_wanted: bool,
) -> None:
    """Score every baseline method on a data set's days without an event."""
    found = read_loads(data, layout, zone)
    loads = found.loads
    _tell(about_data(found))
    if exclude_days is not None:
        loads, notes = exclude(loads, exclude_days)
        _tell(notes)
    if holidays is not None:
        last = loads.date(loads.days - 1)
        loads = with_holidays(loads, public_holidays(holidays, loads.date(0).year, last.year))
    scored, text = together(loads) if level == "total" else each(loads)
    if exclude_file is not None:
        scored = without_hours(
            scored, hours_of(read_intervals(exclude_file, zone_named(zone) if zone else None), scored)
        )
    first, length = EventWindow.parse_clock(window, loads.slots)
    shift = day_start(first, length, loads.slots)
    scored = starting_at(scored, shift)
    event = EventWindow(first=first - shift, stop=first - shift + length)
    logger.info("scoring data=%s slices=%d days=%d window=%s", data, len(scored.names), scored.days, window)
    with tqdm(total=steps(scored), unit="method", disable=not sys.stderr.isatty(), leave=False) as bar:
        result = run_benchmark(scored, event, share=placebo_share, on_progress=lambda: _advance(bar))
    _tell(about_scores(result, text))
    click.echo(as_json(result) if json_wanted else as_table(result))
    if picture is not None:
        logging.getLogger("matplotlib").setLevel(logging.WARNING)
        from batch.benchmark.picture import draw

        draw(result, picture, f"Baselines of {data.resolve().name} ({layout}), event window {window}")
        click.echo(f"picture: {picture}", err=True)


def _advance(bar: tqdm[NoReturn]) -> None:
    bar.update()


def _tell(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line, err=True)


def read_loads(data: Path, layout: str, zone: str | None) -> Found:
    """Read loads of a layout. Raises ``UsageError`` for a zone that is unknown or has no meaning there."""
    if zone is None:
        return FORMATS[layout](data)
    if layout != "csv":
        raise UsageError(f"--zone: only for --format csv; {layout} has its own time zone")
    return read_load_csv(data, zone_named(zone))


def zone_named(name: str) -> ZoneInfo:
    """The zone of that name. Raises ``UsageError`` when there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(f"--zone {name!r}: unknown; expected a name such as Africa/Tunis") from None
