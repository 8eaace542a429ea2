"""Defines ``gridflex batch NAME --from --to``: the jobs, each over a span of time, each safe to run again."""

from __future__ import annotations

import datetime as dt
import functools
import sys
import time
from collections.abc import Callable, Sequence
from zoneinfo import ZoneInfo

import click
from tqdm import tqdm

from batch.baselines import jobs
from batch.compaction import compact
from batch.forecast.day_ahead_baseline import day_ahead
from batch.forecast.jobs import forecast, forecast_score
from batch.forecast.today import forecast_today
from batch.reconciliation import quality
from batch.reconciliation.reconcile import reconcile
from gridflex.config import Config, load_config
from gridflex.domain.interval import local_days, whole_hours
from gridflex.errors import UsageError

_DailyJob = Callable[[Config, Sequence[dt.date], jobs.Progress], int]


class Instant(click.ParamType[dt.datetime]):
    """A parameter in ISO 8601; without an offset it is local to ``batch.time_zone``, or to ``zone``."""

    name = "iso"

    def __init__(self, zone: dt.tzinfo | None = None) -> None:
        self._zone = zone

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> dt.datetime:
        """See click."""
        if isinstance(value, dt.datetime):
            return value
        try:
            found = dt.datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"found {value!r}; expected ISO 8601, such as 2024-05-01 or 2024-05-01T06:00+00:00", param, ctx)
        return found if found.tzinfo else found.replace(tzinfo=self._zone or jobs.zone_of(load_config()))


def span(command: Callable[..., None], zone: dt.tzinfo | None = None) -> Callable[..., None]:
    """Adds the options ``--from`` and ``--to``. ``zone``: of days without an offset; None: ``batch.time_zone``."""
    at = Instant(zone)
    end = click.option("--to", "end", type=at, required=True, help="End, not included; taken back likewise.")
    start = click.option("--from", "start", type=at, required=True, help="Start; taken back to its midnight.")
    return start(end(command))


def _daily(name: str, job: _DailyJob, summary: str) -> click.Command:
    @click.command(name, help=summary)
    @span
    def run(start: dt.datetime, end: dt.datetime) -> None:
        config, began = load_config(), time.monotonic()
        days = _days(start, end, config)
        quality.check(config, days)
        with tqdm(total=len(days), unit="day", disable=not sys.stderr.isatty(), leave=False) as bar:
            rows = job(config, days, lambda _: bar.update())
        click.echo(f"{name}: {days[0]} .. {days[-1]}: {rows:,} rows, {time.monotonic() - began:.1f} s")

    return run


@click.command("quality")
@span
def quality_command(start: dt.datetime, end: dt.datetime) -> None:
    """Check the data of these days in Druid, and fail with the cause if no job may use them."""
    config = load_config()
    for found in quality.check(config, _days(start, end, config)):
        click.echo(
            f"{found.day}: {found.readings:,} readings of {found.appliances:,} appliances, "
            f"{found.observed_share:.1%} of their time observed"
        )


@click.command("reconcile")
@span
def reconcile_command(start: dt.datetime, end: dt.datetime) -> None:
    """Compare Druid with Kafka: count each hour's messages, and fail if a difference has no explanation."""
    hours = whole_hours(start, end)
    if not hours:
        raise UsageError(f"no whole hour from {start.isoformat()} to {end.isoformat()}")
    click.echo(f"reconcile: {reconcile(load_config(), hours).summary()}")


@click.command("compact")
@functools.partial(span, zone=dt.UTC)
def compact_command(start: dt.datetime, end: dt.datetime) -> None:
    """Merge the small segments of past UTC days; no sum changes."""
    days = local_days(start, end, ZoneInfo("UTC"))
    if not days:
        raise UsageError(f"no whole UTC day from {start.isoformat()} to {end.isoformat()}")
    merged = compact(load_config(), days, lambda _: None)
    click.echo(f"compact: {days[0]} .. {days[-1]}: {merged:,} segments merged")


@click.command("forecast_today")
@click.option("--at", type=Instant(), help="What was known at this instant; without it: now.")
def forecast_today_command(at: dt.datetime | None) -> None:
    """Forecast the rest of the running day from its hours so far."""
    at, began = at or dt.datetime.now(dt.UTC), time.monotonic()
    rows = forecast_today(load_config(), at)
    click.echo(
        f"forecast_today: at {at.isoformat(timespec='minutes')}: {rows:,} rows, {time.monotonic() - began:.1f} s"
    )


def _days(start: dt.datetime, end: dt.datetime, config: Config) -> list[dt.date]:
    days = local_days(start, end, jobs.zone_of(config))
    if not days:
        raise UsageError(f"no whole day of {config.batch.time_zone} from {start.isoformat()} to {end.isoformat()}")
    return days


TASKS: tuple[click.Command, ...] = (
    quality_command,
    reconcile_command,
    compact_command,
    forecast_today_command,
    _daily("history", jobs.history, "Baselines of every method, slice and interval of each day."),
    _daily("baseline_score", jobs.baseline_score, "How accurate each method is for each slice, day by day."),
    _daily("candidate_day", jobs.candidate_day, "The past days that each method uses for each day."),
    _daily("outlook", day_ahead, "The baseline of the day after each day, for dashboards."),
    _daily("forecast", forecast, "Quantiles of the 24 h after each day, by region."),
    _daily("forecast_score", forecast_score, "How accurate past forecasts were, at the end of each day."),
)
"""Every job."""
