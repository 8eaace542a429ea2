"""The DAGs in the real Airflow, on the real Druid."""

import datetime as dt
import json
import signal
from typing import Any

import psutil
import pytest

from gridflex.adapters.druid import Druid
from gridflex.launcher import process
from gridflex.launcher.airflow_service import AIRFLOW_SCHEDULER
from gridflex.launcher.services import find
from gridflex.launcher.stack import Stack
from tests.airflow.client import DONE, AirflowClient
from tests.airflow.conftest import TOWN
from tests.stack import wait_until

pytestmark = pytest.mark.component

DAY = TOWN.last
TABLES = ("history", "candidate_day", "baseline_score")


def rows(druid: Druid, table: str, day: dt.date) -> list[tuple[Any, ...]]:
    where = f"__time >= TIMESTAMP '{day}' AND __time < TIMESTAMP '{day + dt.timedelta(days=1)}'"
    if not druid.has_table(table):
        return []
    return sorted((tuple(row.values()) for row in druid.sql(f"SELECT * FROM {table} WHERE {where}")), key=repr)


def test_dags__import_without_errors_and_all_retry_and_can_be_backfilled(airflow: AirflowClient) -> None:
    code = (
        "import json; from airflow.dag_processing.dagbag import DagBag; bag = DagBag();"
        "print(json.dumps([bag.import_errors, {name: [[task.task_id, task.retries, sorted(task.upstream_task_ids)]"
        " for task in dag.tasks] + [dag.max_active_runs] for name, dag in bag.dags.items()}]))"
    )
    errors, dags = json.loads(airflow.python(code))
    assert errors == {}
    assert dags == {
        "baselines": [
            ["quality", 0, []],
            ["history", 2, ["quality"]],
            ["candidate_day", 2, ["quality"]],
            ["baseline_score", 2, ["quality"]],
            1,
        ],
        "forecast": [["quality", 0, []], ["forecast", 2, ["quality"]], ["forecast_score", 2, ["quality"]], 1],
        "reconcile": [["reconcile", 1, []], 1],
        "compact": [["compact", 2, []], 1],
    }


def test_dags__touch_neither_network_nor_programs_nor_files_when_they_are_read(airflow: AirflowClient) -> None:
    code = (
        "import sys, airflow.sdk, airflow.providers.standard.operators.bash, airflow.timetables.trigger\n"
        "import batch.dags\nfound = []\n"
        "def watch(event, arguments):\n"
        "    name = str(arguments[0]) if arguments else ''\n"
        "    ours = 'batch/dags' in name or name.endswith('.pyc')\n"
        "    if event in ('socket.connect', 'subprocess.Popen', 'os.system') or (event == 'open' and not ours):\n"
        "        found.append((event, name))\n"
        "sys.addaudithook(watch)\n"
        "import batch.dags.baselines, batch.dags.forecast, batch.dags.reconcile, batch.dags.compact\n"
        "print(found)"
    )
    assert airflow.python(code) == "[]"


def test_missed_runs__are_caught_up_from_the_configured_day(airflow: AirflowClient) -> None:
    code = (
        "import os, importlib; os.environ['GRIDFLEX_AIRFLOW_START_DATE'] = '2024-05-01'\n"
        "import batch.dags.baselines as one; dag = [v for v in vars(one).values() if type(v).__name__ == 'DAG']\n"
        "from airflow.dag_processing.dagbag import DagBag; dag = DagBag().dags['baselines']\n"
        "print(dag.catchup, dag.start_date.isoformat())"
    )
    assert airflow.python(code) == "True 2024-05-01T00:00:00+00:00"


def test_web_interface__shows_itself_and_asks_who_one_is(airflow: AirflowClient) -> None:
    page = airflow.page()
    assert page.status_code == 200
    assert '<div id="root">' in page.text
    assert {dag["dag_id"] for dag in airflow.ask("GET", "/dags")["dags"]} >= {"baselines", "reconcile"}


def test_forecast__dag_test_runs_it_on_the_real_druid(airflow: AirflowClient, druid: Druid) -> None:
    target = DAY + dt.timedelta(days=1)
    code = (
        "from airflow.dag_processing.dagbag import DagBag; import datetime as dt\n"
        f"at = dt.datetime.fromisoformat('{target}T00:40:00+00:00')\n"
        "run = DagBag().dags['forecast'].test(logical_date=at)\n"
        "print(run.state)"
    )
    assert airflow.python(code).endswith("success")
    assert len(rows(druid, "forecast", target)) == 2 * 3 * 48
    assert len(rows(druid, "forecast_score", DAY)) == 2 * 3


def test_scheduler__runs_a_past_range_day_by_day(airflow: AirflowClient, druid: Druid) -> None:
    first = DAY - dt.timedelta(days=1)
    airflow.backfill("baselines", first, DAY)
    states = wait_for_runs(airflow, "baselines", 2)
    assert set(states.values()) == {"success"}
    for table in TABLES:
        for day in (first, DAY):
            found = rows(druid, table, day)
            assert found, f"{table} {day}"
            assert len(found) == len(set(found)), "doubled"


def test_scheduler__a_day_without_data_stops_at_the_gate_and_says_why(airflow: AirflowClient, druid: Druid) -> None:
    empty = TOWN.first - dt.timedelta(days=20)
    known = set(airflow.backfill_states("baselines"))
    airflow.backfill("baselines", empty, empty)
    states = wait_for_runs(airflow, "baselines", len(known) + 1)
    (run,) = set(states) - known
    tasks = airflow.tasks("baselines", run)
    assert states[run] == "failed"
    assert {name: task["state"] for name, task in tasks.items()} == {
        "quality": "failed",
        **dict.fromkeys(TABLES, "upstream_failed"),
    }
    assert f"error: data quality: {empty}: powerraw holds no reading" in airflow.log("baselines", run, "quality")
    assert rows(druid, "history", empty) == []


def test_scheduler__killed_half_way_ends_with_identical_rows(
    airflow: AirflowClient, stack: Stack, druid: Druid
) -> None:
    """Killed with all its processes while a task runs; up again, it notices, tries again, and doubles nothing."""
    day = DAY - dt.timedelta(days=3)
    known = set(airflow.backfill_states("baselines"))
    airflow.backfill("baselines", day, day)
    (run,) = wait_until(lambda: set(airflow.backfill_states("baselines")) - known, 60, "the run")
    wait_until(lambda: airflow.tasks("baselines", run)["history"]["state"] == "running", 120, "history running")
    scheduler = find(stack.services, AIRFLOW_SCHEDULER)
    for victim in process.family(stack.runtime, scheduler):
        kill(victim)
    stack.up(["airflow"])
    wait_until(lambda: airflow.backfill_states("baselines")[run] in DONE, 570, "the killed run's end")
    tasks = airflow.tasks("baselines", run)
    assert {name: task["state"] for name, task in tasks.items()} == dict.fromkeys(("quality", *TABLES), "success")
    assert tasks["history"]["try_number"] > 1, "it was not killed half-way"
    found = {table: rows(druid, table, day) for table in TABLES}
    assert all(len(one) == len(set(one)) > 0 for one in found.values())
    airflow.backfill("baselines", day, day)
    wait_until(
        lambda: (
            airflow.backfill_states("baselines")[run] == "queued"
            or len(airflow.backfill_states("baselines")) > len(known) + 1
        ),
        60,
    )
    wait_until(
        lambda: set(airflow.backfill_states("baselines").values()) <= set(DONE), 240, "the undisturbed run's end"
    )
    assert {table: rows(druid, table, day) for table in TABLES} == found


def wait_for_runs(airflow: AirflowClient, dag: str, count: int) -> dict[str, str]:
    """The states of the backfilled runs, once there are so many and all have ended."""

    def ended() -> dict[str, str] | None:
        states = airflow.backfill_states(dag)
        return states if len(states) == count and set(states.values()) <= set(DONE) else None

    return wait_until(ended, 420, f"{count} runs of {dag}")


def kill(victim: psutil.Process) -> None:
    try:
        victim.send_signal(signal.SIGKILL)
    except psutil.NoSuchProcess:
        return
