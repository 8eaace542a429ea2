"""Runs the daily jobs: reads the rollup, computes day by day, and replaces the days in Druid."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from batch.baselines.candidates import candidate_rows
from batch.baselines.fixed_fleet import LEVELS, Calendar, LevelLoads
from batch.baselines.fixed_fleet_reader import FixedFleetReader
from batch.baselines.history import day_history
from batch.baselines.scores import level_scores, score_rows
from batch.baselines.tables import joined
from gridflex.adapters.druid.batch import DruidBatch
from gridflex.config import ROOT, Config
from gridflex.domain.baseline import MINUTES_PER_DAY, EventWindow
from gridflex.domain.interval import day_interval, days_interval
from gridflex.errors import DataQualityError, UsageError
from gridflex.public_holidays import public_holidays

log = logging.getLogger(__name__)

Progress = Callable[[dt.date], object]
Compute = Callable[[list[LevelLoads], dt.date], pa.Table]
_ROWS_AT_ONCE = 500_000


def history(config: Config, days: Sequence[dt.date], progress: Progress) -> int:
    """Write ``history`` for the local days. Returns the number of rows."""
    window, calendar = event_window(config), calendar_of(config, days)

    def compute(levels: list[LevelLoads], day: dt.date) -> pa.Table:
        rows = joined([day_history(level, window, calendar, config.baselines.score_days) for level in levels])
        if not len(rows):
            raise DataQualityError(f"data quality: no method has a number for any slice on {day}: {_known(levels)}")
        return rows

    return _from_fixed_fleets(config, "history", days, compute, progress)


def baseline_score(config: Config, days: Sequence[dt.date], progress: Progress) -> int:
    """Write ``baseline_score`` as of the end of each of the local days. Returns the number of rows."""
    window = event_window(config)

    def compute(levels: list[LevelLoads], day: dt.date) -> pa.Table:
        scores = [level_scores(level, window, config.baselines.score_days) for level in levels]
        return score_rows(scores, day_interval(day, zone_of(config)).start_ms)

    return _from_fixed_fleets(config, "baseline_score", days, compute, progress)


def candidate_day(config: Config, days: Sequence[dt.date], progress: Progress) -> int:
    """Write ``candidate_day`` for the local days. Returns the number of rows."""
    window = event_window(config)

    def compute(levels: list[LevelLoads], day: dt.date) -> pa.Table:
        start_ms = day_interval(day, zone_of(config)).start_ms
        return joined([candidate_rows(level, window, start_ms) for level in levels])

    return _from_fixed_fleets(config, "candidate_day", days, compute, progress)


def event_window(config: Config) -> EventWindow:
    """The hours of ``baselines.window`` on the configured grid."""
    return EventWindow.parse(config.baselines.window, MINUTES_PER_DAY // config.baselines.interval_minutes)


def zone_of(config: Config) -> ZoneInfo:
    """The time zone of ``batch.time_zone``. Raises ``UsageError`` for an unknown name."""
    try:
        return ZoneInfo(config.batch.time_zone)
    except (KeyError, ValueError):
        raise UsageError(
            f"batch.time_zone: found {config.batch.time_zone!r}; expected a name as Africa/Tunis"
        ) from None


def calendar_of(config: Config, days: Sequence[dt.date]) -> Calendar:
    """The calendar of target days and of the history before them: holidays and excluded days of the configuration."""
    settings = config.baselines
    first = min(days) - dt.timedelta(days=max(settings.history_days, config.forecast.history_days))
    last = max(days) + dt.timedelta(days=1)
    holidays = public_holidays(settings.holidays, first.year, last.year) if settings.holidays else []
    excluded = read_dates(ROOT / settings.excluded_days) if settings.excluded_days else []
    return Calendar(
        zone=zone_of(config), interval_minutes=settings.interval_minutes, holidays=holidays, excluded=excluded
    )


def read_dates(path: Path) -> list[dt.date]:
    """A date a line; empty lines and what follows ``#`` are ignored. Raises ``UsageError`` with the wrong line."""
    if not path.is_file():
        raise UsageError(f"no file {path} (baselines.excluded_days)")
    dates = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        text = line.partition("#")[0].strip()
        try:
            dates += [dt.date.fromisoformat(text)] if text else []
        except ValueError:
            raise UsageError(f"{path}:{number}: found {text!r}; expected a date such as 2013-09-23") from None
    return dates


def write_daily(
    config: Config,
    table: str,
    days: Sequence[dt.date],
    compute: Callable[[dt.date], pa.Table],
    progress: Progress,
    *,
    ahead_days: int = 0,
) -> int:
    """Compute each local day by itself and write the days in order. Returns the number of rows.

    ``ahead_days``: by how many days a day's rows lie after it. However many days there are, only the rows of one task
    are held in memory; a run that stops half-way has written whole days.
    """
    writer, ahead, rows = DruidBatch(config), dt.timedelta(days=ahead_days), 0
    for group, found in grouped(days, compute, progress):
        log.info("table=%s first=%s last=%s rows=%d", table, group[0], group[-1], len(found))
        writer.overwrite(table, days_interval([day + ahead for day in group], zone_of(config)), found)
        rows += len(found)
    return rows


def grouped(
    days: Sequence[dt.date],
    compute: Callable[[dt.date], pa.Table],
    progress: Progress = lambda _: None,
    rows_at_once: int = _ROWS_AT_ONCE,
) -> Iterator[tuple[list[dt.date], pa.Table]]:
    """The days' rows in order, in groups that make a task of fair size; a day is computed when it is needed."""
    group: list[dt.date] = []
    waiting: list[pa.Table] = []
    for day in days:
        waiting.append(compute(day))
        group.append(day)
        progress(day)
        if sum(map(len, waiting)) >= rows_at_once:
            yield group, joined(waiting)
            group, waiting = [], []
    if group:
        yield group, joined(waiting)


def _from_fixed_fleets(
    config: Config, table: str, days: Sequence[dt.date], compute: Compute, progress: Progress
) -> int:
    reader = FixedFleetReader(config, calendar_of(config, days), config.baselines.history_days)
    return write_daily(config, table, days, lambda day: compute(reader.read(day, LEVELS), day), progress)


def _known(levels: Sequence[LevelLoads]) -> str:
    loads = levels[0].loads
    days = int(np.isfinite(loads.kwh).any(axis=(0, 2)).sum())
    return f"{days} of {loads.days} days are in the rollup; rules need 3 to 10 earlier days of the same kind"
