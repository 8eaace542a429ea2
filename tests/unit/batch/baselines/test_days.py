"""Days that jobs compute: which ones a span means, and that they are written one after the other."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest
from click.testing import CliRunner

from batch.baselines.jobs import grouped
from batch.commands import TASKS, Instant

DAYS = [dt.date(2024, 5, 1) + dt.timedelta(days=number) for number in range(10)]


def rows_of(day: dt.date, count: int = 4) -> pa.Table:
    return pa.table({"time_ms": [day.toordinal()] * count})


@pytest.mark.parametrize(
    ("rows_at_once", "groups"),
    [(1, [1] * 10), (4, [1] * 10), (5, [2] * 5), (12, [3, 3, 3, 1]), (40, [10]), (1000, [10])],
)
def test_grouped__gives_each_day_once_in_order(rows_at_once: int, groups: list[int]) -> None:
    found = list(grouped(DAYS, rows_of, rows_at_once=rows_at_once))
    assert [len(days) for days, _ in found] == groups
    assert [day for days, _ in found for day in days] == DAYS
    assert [day for _, rows in found for day in rows["time_ms"].to_pylist()[::4]] == [day.toordinal() for day in DAYS]


def test_grouped__computes_no_day_before_the_ones_before_it_are_written() -> None:
    computed: list[dt.date] = []

    def compute(day: dt.date) -> pa.Table:
        computed.append(day)
        return rows_of(day)

    for number, (days, _) in enumerate(grouped(DAYS, compute, rows_at_once=5), start=1):
        assert computed == DAYS[: 2 * number], "rows of later days are held in memory"
        assert days == computed[-2:]


def test_grouped__days_without_rows_are_written_too() -> None:
    found = list(grouped(DAYS, lambda day: rows_of(day, 0), rows_at_once=5))
    assert [(days, len(rows)) for days, rows in found] == [(DAYS, 0)]


def test_grouped__tells_each_day_once() -> None:
    told: list[dt.date] = []
    list(grouped(DAYS, rows_of, told.append, rows_at_once=5))
    assert told == DAYS


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York", "Asia/Kathmandu"])
@pytest.mark.parametrize("job", [task for task in TASKS if task.name], ids=lambda task: str(task.name))
def test_span__a_day_without_an_offset_is_one_of_the_jobs_own_days(
    job: object, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compaction merges the stream's segments, which are UTC days; all others compute local days."""
    monkeypatch.setenv("GRIDFLEX_BATCH_TIME_ZONE", zone)
    (start,) = [one for one in job.params if one.name in {"start", "at"}]  # type: ignore[attr-defined]
    found = start.type.convert("2024-05-01", None, None)
    own = "UTC" if job.name == "compact" else zone  # type: ignore[attr-defined]
    assert (found.isoformat()[:19], str(found.tzinfo)) == ("2024-05-01T00:00:00", own)


def test_span__an_offset_counts_before_any_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDFLEX_BATCH_TIME_ZONE", "Asia/Tokyo")
    for kind in (Instant(), Instant(dt.UTC)):
        assert kind.convert("2024-05-01T00:00+02:00", None, None).utcoffset() == dt.timedelta(hours=2)


def test_compact__without_a_whole_utc_day_says_so() -> None:
    (compact,) = [task for task in TASKS if task.name == "compact"]
    done = CliRunner().invoke(compact, ["--from", "2024-05-01T01:00", "--to", "2024-05-01T23:00"])
    assert "no whole UTC day from 2024-05-01T01:00:00+00:00" in str(done.exception)
