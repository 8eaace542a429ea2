"""The DAGs in the real Airflow, on the real Druid."""

import datetime as dt
import json
import os
import signal
from contextlib import suppress
from typing import Any

import psutil
import pytest

from gridflex.adapters.druid.client import Druid
from gridflex.operations.local.airflow_service import AIRFLOW_SCHEDULER
from gridflex.operations.local.druid_services import COORDINATOR
from gridflex.operations.local.process import family
from gridflex.operations.local.services import Service, find
from gridflex.operations.local.stack import Stack
from tests.support.airflow.client import AirflowClient
from tests.support.airflow.town import TOWN, day_rows
from tests.support.stack import halted, wait_until

pytestmark = pytest.mark.component

DAY = TOWN.last
FIRST_DAY = DAY - dt.timedelta(days=1)
TABLES = ("history", "candidate_day", "baseline_score")
_DESCRIBE = """
import json, os, sys, airflow.sdk, airflow.providers.standard.operators.bash, airflow.timetables.trigger
import batch.dags
touched = []
def watch(event, arguments):
    name = str(arguments[0]) if arguments else ''
    code = any(part in name for part in ('batch/dags', 'site-packages', '/zoneinfo/'))  # and the rules of time zones
    if event in ('socket.connect', 'subprocess.Popen', 'os.system') or (event == 'open' and not code):
        touched.append((event, name))
sys.addaudithook(watch)
import batch.dags.baselines, batch.dags.forecast, batch.dags.reconcile, batch.dags.compact
found = list(touched)
from airflow.dag_processing.dagbag import DagBag
bag = DagBag()
tasks = {name: [[task.task_id, task.retries, sorted(task.upstream_task_ids)] for task in dag.tasks]
         for name, dag in bag.dags.items()}
alone = {dag.max_active_runs for dag in bag.dags.values()}
os.environ['GRIDFLEX_AIRFLOW_START_DATE'] = '2024-05-01'
late = DagBag().dags['baselines']
print(json.dumps({'errors': bag.import_errors, 'tasks': tasks, 'active_runs': sorted(alone), 'touched': found,
                  'catches_up': [bag.dags['baselines'].catchup, late.catchup, late.start_date.isoformat()]}))
"""


@pytest.fixture(scope="module")
def described(airflow: AirflowClient) -> dict[str, Any]:
    """What Airflow's own environment finds in the folder of DAGs."""
    found: dict[str, Any] = json.loads(airflow.python(_DESCRIBE))
    return found


@pytest.fixture(scope="module")
def killed_backfill(airflow: AirflowClient, stack: Stack, druid: Druid) -> str:
    """A backfill of two days; its scheduler was killed with all its processes in the first run, and is up again.

    Gives that run. Druid takes no rows while its coordinator stands still: the task cannot have ended before its kill.
    Airflow misses a killed task after a minute: other tests may go on meanwhile.
    """
    airflow.backfill("baselines", FIRST_DAY, DAY)
    run = f"backfill__{DAY}T00:30:00+00:00"
    await_state(airflow, run, "quality", "success")
    with halted(stack, COORDINATOR):
        await_state(airflow, run, "history", "running")
        for victim in family(stack.runtime, scheduler(stack)):
            with suppress(psutil.NoSuchProcess):  # a child may end with its parent
                victim.send_signal(signal.SIGKILL)
    assert airflow.states("baselines", run)["history"] == "running", "it was not killed half-way"
    stack.up(["airflow"])
    return run


def scheduler(stack: Stack) -> Service:
    return find(stack.services, AIRFLOW_SCHEDULER)


def await_state(airflow: AirflowClient, run: str, task: str, state: str) -> None:
    wait_until(lambda: airflow.states("baselines", run).get(task) == state, 120, f"{task}: {state}", pause_s=0.3)


def test_dags__import_without_errors_and_retry_what_may_mend_itself(described: dict[str, Any]) -> None:
    assert described["errors"] == {}
    assert described["active_runs"] == [1]
    assert described["tasks"] == {
        "baselines": [
            ["quality", 0, []],
            ["history", 2, ["quality"]],
            ["candidate_day", 2, ["quality"]],
            ["baseline_score", 2, ["quality"]],
        ],
        "forecast": [
            ["quality", 0, []],
            ["outlook", 2, ["quality"]],
            ["forecast", 2, ["quality"]],
            ["forecast_score", 2, ["quality"]],
        ],
        "forecast_today": [["forecast_today", 1, []]],
        "reconcile": [["reconcile", 1, []]],
        "compact": [["compact", 2, []]],
    }


def test_dags__touch_neither_network_nor_programs_nor_files_when_they_are_read(described: dict[str, Any]) -> None:
    assert described["touched"] == []


def test_missed_runs__are_caught_up_from_the_configured_day(described: dict[str, Any]) -> None:
    assert described["catches_up"] == [False, True, "2024-05-01T00:00:00+00:00"]


def test_web_interface__shows_itself_and_asks_who_one_is(airflow: AirflowClient, stack: Stack) -> None:
    page = airflow.page()
    assert page.status_code == 200
    assert '<div id="root"' in page.text
    assert airflow.status_without_signing_in("/dags") == 401
    assert {dag["dag_id"] for dag in airflow.ask("GET", "/dags")["dags"]} >= {"baselines", "reconcile"}
    home = stack.config.state_dir / "airflow"
    assert [file.name for file in home.iterdir() if file.is_file() and file.stat().st_mode & 0o077] == []


def overlooked(stack: Stack) -> set[int]:
    """Processes of the scheduler's session that the launcher does not take for the scheduler's."""
    known = [process.pid for process in family(stack.runtime, scheduler(stack))]
    found = set()
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            if os.getsid(process.pid) == known[0] and process.status() != psutil.STATUS_ZOMBIE:
                found.add(process.pid)
    assert known[0] in found, "the scheduler is not running"
    return found - set(known)


def test_launcher__knows_every_process_of_the_scheduler(airflow: AirflowClient, stack: Stack) -> None:
    assert len(family(stack.runtime, scheduler(stack))) > 1
    wait_until(lambda: not overlooked(stack), 10, "processes that the launcher knows")


def test_forecast__dag_test_runs_it_on_the_real_druid(
    airflow: AirflowClient, druid: Druid, killed_backfill: str
) -> None:
    target = DAY + dt.timedelta(days=1)
    code = (
        "from airflow.dag_processing.dagbag import DagBag; import datetime as dt\n"
        f"at = dt.datetime.fromisoformat('{target}T00:40:00+00:00')\n"
        "run = DagBag().dags['forecast'].test(logical_date=at)\n"
        "print(run.state)"
    )
    assert airflow.python(code).endswith("success")
    assert len(day_rows(druid, "forecast", target)) == 3 * 3 * 48
    assert len(day_rows(druid, "forecast_score", DAY)) == 3 * 3


def test_scheduler__a_day_without_data_stops_at_the_gate_and_says_why(airflow: AirflowClient, druid: Druid) -> None:
    empty = TOWN.first - dt.timedelta(days=20)
    run = airflow.trigger("baselines", empty)
    assert airflow.end_of("baselines", run) == "failed"
    assert airflow.states("baselines", run) == {"quality": "failed", **dict.fromkeys(TABLES, "upstream_failed")}
    assert f"error: data quality: {empty}: powerraw holds no reading" in airflow.log("baselines", run, "quality")
    assert day_rows(druid, "history", empty) == []


def test_scheduler__killed_half_way_goes_on_with_its_range(
    airflow: AirflowClient, druid: Druid, killed_backfill: str
) -> None:
    states = wait_until(lambda: airflow.ended_backfill("baselines", 2), 280, "two runs", pause_s=1)
    assert set(states.values()) == {"success"}
    assert airflow.tasks("baselines", killed_backfill)["history"]["try_number"] > 1, "it was not killed half-way"
    for table in TABLES:
        for day in (FIRST_DAY, DAY):
            found = day_rows(druid, table, day)
            assert len(found) == len(set(found)) > 0, f"{table} {day}"


def test_scheduler__a_killed_runs_rows_are_those_of_an_undisturbed_one(
    airflow: AirflowClient, druid: Druid, killed_backfill: str
) -> None:
    killed = {table: day_rows(druid, table, FIRST_DAY) for table in TABLES}
    airflow.clear("baselines", killed_backfill)
    assert airflow.end_of("baselines", killed_backfill) == "success"
    assert {table: day_rows(druid, table, FIRST_DAY) for table in TABLES} == killed
