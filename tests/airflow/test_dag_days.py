"""Which days the DAGs compute, and when, by the clocks of time zones east and west: Airflow's own runs, no server."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gridflex.config import ROOT
from gridflex.domain.interval import local_days, whole_hours
from gridflex.operations.local.airflow_service import missing_airflow
from tests.support.stack import own_config

YEAR = ("2024-01-01", "2025-01-01")
ZONES = (
    "UTC",
    "Asia/Tokyo",
    "America/New_York",
    "Africa/Tunis",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",  # its summer time is half an hour
    "Africa/Cairo",  # in April a midnight is skipped
    "Atlantic/Azores",  # in October the hour after midnight comes twice
    "America/Santiago",  # in April the hour before midnight comes twice, in September a midnight is skipped
    "Pacific/Kiritimati",  # 14 hours east
)
MIDNIGHT_RUNS = {"baselines": dt.time(0, 30), "forecast": dt.time(0, 40)}
_RUNS = """
import json, os, sys
import pendulum
from airflow.dag_processing.dagbag import DagBag
from airflow.timetables.base import TimeRestriction

def runs(dag, last):
    found, info = [], None
    within = TimeRestriction(earliest=pendulum.instance(dag.start_date), latest=pendulum.parse(last), catchup=True)
    task = next(task for task in dag.tasks if not task.upstream_task_ids)
    command = dag.get_template_env().from_string(task.bash_command)
    while info := dag.timetable.next_dagrun_info(
        last_automated_data_interval=info and info.data_interval, restriction=within
    ):
        start, end = info.data_interval
        words = command.render(data_interval_start=start, data_interval_end=end, macros=MACROS).split("'")
        found.append([end.isoformat(), *words[1::2]])
    return found

import airflow.sdk.execution_time.macros as MACROS
first, last, *zones = sys.argv[1:]
os.environ["GRIDFLEX_AIRFLOW_START_DATE"] = first
told = {}
for zone in zones:
    os.environ["GRIDFLEX_BATCH_TIME_ZONE"] = zone
    for name in [name for name in sys.modules if name.startswith("batch.dags")]:
        del sys.modules[name]
    bag = DagBag("batch/dags")
    assert not bag.import_errors, bag.import_errors
    often = {"reconcile", "forecast_today"}
    told[zone] = {name: runs(dag, "2024-02-01" if name in often else last) for name, dag in bag.dags.items()}
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, list[list[str]]]]:
    """By zone and DAG each run's time, and the start and end of what its command is given."""
    folder = tmp_path_factory.mktemp("days")
    config = own_config(folder)
    if lacks := missing_airflow(config):
        pytest.skip(lacks)
    python = (ROOT / config.airflow.environment).absolute() / "bin" / "python"
    done = subprocess.run(
        [str(python), "-c", _RUNS, *YEAR, *ZONES],
        env=_airflow_environ(folder), cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _airflow_environ(folder: Path) -> dict[str, str]:
    return {
        "PYTHONPATH": str(ROOT),
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "batch" / "dags"),
        "PATH": "/usr/bin:/bin",
    }


@pytest.mark.parametrize("dag", MIDNIGHT_RUNS)
@pytest.mark.parametrize("zone", ZONES)
def test_midnight_runs__compute_every_local_day_once_as_soon_as_it_is_over(
    runs: dict[str, dict[str, list[list[str]]]], zone: str, dag: str
) -> None:
    local, computed = ZoneInfo(zone), []
    for at, start, end in runs[zone][dag]:
        clock = dt.datetime.fromisoformat(at).astimezone(local)
        (day,) = local_days(dt.datetime.fromisoformat(start), dt.datetime.fromisoformat(end), local)
        assert day == clock.date() - dt.timedelta(days=1), f"at {clock}"
        since_midnight = clock - dt.datetime.combine(clock.date(), dt.time(), local)
        assert since_midnight <= dt.timedelta(hours=2), f"at {clock}"
        assert clock.time() == MIDNIGHT_RUNS[dag] or clock.hour == 1, f"at {clock}"
        computed.append(day)
    assert len(computed) >= 365
    assert all(later - day == dt.timedelta(days=1) for day, later in pairwise(computed))


@pytest.mark.parametrize("zone", ZONES)
def test_compaction__takes_every_utc_day_once_whatever_the_zone(
    runs: dict[str, dict[str, list[list[str]]]], zone: str
) -> None:
    """The stream's segments are UTC days."""
    spans = [[dt.datetime.fromisoformat(text) for text in run] for run in runs[zone]["compact"]]
    found = [(at, *local_days(start, end, ZoneInfo("UTC"))) for at, start, end in spans]
    assert [day for _, day in found] == [at.date() - dt.timedelta(days=2) for at, _ in found]
    assert len(found) >= 365


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/New_York"])
def test_reconciliation__counts_every_utc_hour_once_whatever_the_zone(
    runs: dict[str, dict[str, list[list[str]]]], zone: str
) -> None:
    hours = [
        whole_hours(dt.datetime.fromisoformat(start), dt.datetime.fromisoformat(end))
        for _, start, end in runs[zone]["reconcile"]
    ]
    assert {len(one) for one in hours} == {1}
    assert all(before[0].end_ms == after[0].start_ms for before, after in pairwise(hours))


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/New_York"])
def test_forecast_today__is_issued_every_half_hour_just_after_an_interval_ends(
    runs: dict[str, dict[str, list[list[str]]]], zone: str
) -> None:
    at = [dt.datetime.fromisoformat(asked) for _, asked in runs[zone]["forecast_today"]]
    assert {one.minute % 30 for one in at} == {5}
    assert {later - one for one, later in pairwise(at)} == {dt.timedelta(minutes=30)}
