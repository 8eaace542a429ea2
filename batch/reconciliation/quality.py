"""Checks the readings of whole days in Druid before a batch job runs: bad days stop the run with all reasons."""

from __future__ import annotations

import datetime as dt
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from batch.rollup import DruidSql, where
from gridflex.adapters.druid.client import Druid
from gridflex.adapters.druid.progress import read_offsets, unread
from gridflex.adapters.kafka.reader import Topic
from gridflex.config import Config
from gridflex.contracts.feeds import readings_table
from gridflex.domain.interval import day_interval, days_interval, epoch_ms, iso
from gridflex.domain.readings import power_problem
from gridflex.errors import DataQualityError
from gridflex.polling import poll_until

log = logging.getLogger(__name__)

_POLL_S = 1.0
_S_PER_MS = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFindings:
    """Counts, observed time and extremes of one local day of the rollup."""

    day: dt.date
    length_s: float
    readings: int = 0
    appliances: int = 0
    observed_s: float = 0.0
    least_energy_wh: float = 0.0
    """The least energy of one appliance in one rolled-up minute."""
    most_power_w: float = 0.0
    """The highest power of one reading."""

    @property
    def observed_share(self) -> float:
        """Observed time / the appliances' time, 0..1."""
        return self.observed_s / (self.appliances * self.length_s) if self.appliances else 0.0


def problems(found: DayFindings, *, min_observed_share: float, max_power_w: float) -> list[str]:
    """What is wrong with a day, one message each; none: it is good.

    Minute sums keep the sign of their readings' powers, so energies and powers are held against the rule of validity.

    >>> day = DayFindings(day=dt.date(2024, 5, 1), length_s=86_400.0)
    >>> problems(day, min_observed_share=0.5, max_power_w=50_000)
    ['2024-05-01: powerraw holds no reading']
    """
    if not found.readings:
        return [f"{found.day}: {readings_table()} holds no reading"]
    told = []
    if found.observed_share < min_observed_share:
        told.append(
            f"{found.day}: {found.observed_share:.1%} of the time of {found.appliances} appliances was observed; "
            f"needed: {min_observed_share:.1%} (batch.min_observed_share)"
        )
    if power_problem(found.least_energy_wh, math.inf):
        told.append(f"{found.day}: energy of {found.least_energy_wh:g} Wh in a minute; allowed: 0 or more")
    if power_problem(found.most_power_w, max_power_w):
        told.append(f"{found.day}: power of {found.most_power_w:g} W; allowed: 0 to {max_power_w:g}")
    return told


def check(config: Config, days: Sequence[dt.date], now: dt.datetime | None = None) -> list[DayFindings]:
    """Check each of the local days. Raises ``DataQualityError`` that says all that is wrong with them."""
    zone = ZoneInfo(config.batch.time_zone)
    end_ms = days_interval(list(days), zone).end_ms
    if epoch_ms(now or dt.datetime.now(dt.UTC)) < end_ms:
        raise DataQualityError(f"{days[-1]} is not over before {iso(end_ms)}; only whole days are computed")
    await_ingestion(config)
    sql = DruidSql(config)
    found = [_findings(sql, day, zone) for day in days]
    told = [
        problem
        for one in found
        for problem in problems(
            one, min_observed_share=config.batch.min_observed_share, max_power_w=config.readings.max_power_w
        )
    ]
    if told:
        raise DataQualityError("data quality: " + "; ".join(told))
    return found


def await_ingestion(config: Config) -> None:
    """Wait until Druid has read what Kafka holds now. Raises ``DataQualityError`` when it does not in time."""
    table = readings_table()
    druid, topic = Druid(config.druid), Topic(config.kafka, config.kafka.topic_readings)
    if not druid.supervisor_status(table):
        log.info("ingestion=none table=%s: nothing can be on its way", table)
        return
    end = topic.end_offsets()

    def late(behind: int) -> DataQualityError:
        status = druid.supervisor_status(table)
        return DataQualityError(
            f"data quality: {behind} message(s) of {topic.name} are not in Druid after "
            f"{config.batch.settle_timeout_s:.0f} s (batch.settle_timeout_s); the supervisor is "
            f"{status.get('detailedState', 'missing')}"
        )

    poll_until(
        lambda: unread(topic, read_offsets(druid, table), end),
        lambda behind: not behind,
        timeout_s=config.batch.settle_timeout_s,
        pause_s=_POLL_S,
        late=late,
    )


def _findings(sql: DruidSql, day: dt.date, zone: ZoneInfo) -> DayFindings:
    span = day_interval(day, zone)
    empty = DayFindings(day=day, length_s=(span.end_ms - span.start_ms) * _S_PER_MS)
    rows = sql.rows(
        'SELECT SUM("count") AS readings, COUNT(DISTINCT appliance_id) AS appliances, SUM(observed_s) AS observed_s, '  # noqa: S608
        f"MIN(energy_wh) AS least_wh, MAX(power_w_max) AS most_w FROM {readings_table()} WHERE {where(span)}",
        table=readings_table(),
    )
    for row in rows:
        if row.readings:
            return DayFindings(
                day=day,
                length_s=empty.length_s,
                readings=row.readings,
                appliances=row.appliances,
                observed_s=row.observed_s,
                least_energy_wh=row.least_wh,
                most_power_w=row.most_w,
            )
    return empty
