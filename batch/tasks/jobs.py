"""The daily jobs: read the rollup, compute day by day, replace the days in Druid."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from batch.tasks.candidates import candidate_rows
from batch.tasks.history import day_history
from batch.tasks.panel import LEVELS, Calendar, LevelLoads
from batch.tasks.panel_reader import PanelReader
from batch.tasks.scores import level_scores, score_rows
from batch.tasks.tables import joined
from gridflex.adapters.druid_batch import DruidBatch
from gridflex.adapters.public_holidays import public_holidays
from gridflex.config import ROOT, Config
from gridflex.domain.baseline_calendar import MINUTES_PER_DAY
from gridflex.domain.baseline_loads import EventWindow
from gridflex.domain.interval import day_interval, days_interval
from gridflex.errors import DataQualityError, UsageError

log = logging.getLogger(__name__)

Progress = Callable[[dt.date], object]
Compute = Callable[[list[LevelLoads], dt.date], pa.Table]
_ROWS_AT_ONCE = 500_000


def history(config: Config, days: Sequence[dt.date], progress: Progress) -> int:
    """Write ``history`` for the local days; gives the number of rows."""
    window, calendar = event_window(config), calendar_of(config, days)

    def compute(levels: list[LevelLoads], day: dt.date) -> pa.Table:
        rows = joined([day_history(level, window, calendar, config.baselines.score_days) for level in levels])
        if not len(rows):
            raise DataQualityError(f"data quality: no method has a number for any slice on {day}: {_known(levels)}")
        return rows

    return _daily(config, "history", days, compute, progress)


def baseline_score(config: Config, days: Sequence[dt.date], progress: Progress) -> int:
    """Write ``baseline_score`` as it stands at the end of each of the local days."""
    window = event_window(config)

    def compute(levels: list[LevelLoads], day: dt.date) -> pa.Table:
        scores = [level_scores(level, window, config.baselines.score_days) for level in levels]
        return score_rows(scores, day_interval(day, zone_of(config)).start_ms)

    return _daily(config, "baseline_score", days, compute, progress)


def candidate_day(config: Config, days: Sequence[dt.date], progress: Progress) -> int:
    """Write ``candidate_day`` for the local days."""
    window = event_window(config)

    def compute(levels: list[LevelLoads], day: dt.date) -> pa.Table:
        start_ms = day_interval(day, zone_of(config)).start_ms
        return joined([candidate_rows(level, window, start_ms) for level in levels])

    return _daily(config, "candidate_day", days, compute, progress)


def event_window(config: Config) -> EventWindow:
    """The hours of ``baselines.window`` on the configured grid."""
    return EventWindow.parse(config.baselines.window, MINUTES_PER_DAY // config.baselines.interval_minutes)


def zone_of(config: Config) -> ZoneInfo:
    """``batch.time_zone``. Raises ``UsageError`` for a name that is not known."""
    try:
        return ZoneInfo(config.batch.time_zone)
    except (KeyError, ValueError):
        raise UsageError(
            f"batch.time_zone: found {config.batch.time_zone!r}; expected a name as Africa/Tunis"
        ) from None


def calendar_of(config: Config, days: Sequence[dt.date]) -> Calendar:
    """Holidays and excluded days of the configuration, for target days and the history before them."""
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


def _daily(config: Config, table: str, days: Sequence[dt.date], compute: Compute, progress: Progress) -> int:
    """Compute each day by itself and write them in order, as many at once as make a fair task."""
    calendar, writer = calendar_of(config, days), DruidBatch(config)
    reader = PanelReader(config, calendar, config.baselines.history_days)
    waiting: list[pa.Table] = []
    first, rows = 0, 0
    for index, day in enumerate(days):
        waiting.append(compute(reader.read(day, LEVELS), day))
        log.info("table=%s day=%s rows=%d", table, day, len(waiting[-1]))
        if index + 1 == len(days) or sum(map(len, waiting)) >= _ROWS_AT_ONCE:
            writer.overwrite(table, days_interval(list(days[first : index + 1]), calendar.zone), joined(waiting))
            rows += sum(map(len, waiting))
            first, waiting = index + 1, []
        progress(day)
    return rows


def _known(levels: Sequence[LevelLoads]) -> str:
    loads = levels[0].loads
    days = int(np.isfinite(loads.kwh).any(axis=(0, 2)).sum())
    return f"{days} of {loads.days} days are in the rollup; rules need 3 to 10 earlier days of the same kind"
