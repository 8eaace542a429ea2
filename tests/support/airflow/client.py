"""Airflow as a person's browser and shell see it."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
from typing import Any
from urllib.parse import quote

import requests

from gridflex.config import ROOT
from gridflex.operations.local.airflow_service import AIRFLOW_SCHEDULER, airflow_services
from gridflex.operations.local.stack import Stack
from tests.support.stack import wait_until

DONE = ("success", "failed")


class AirflowClient:
    """The REST API of the stack's Airflow, and its Python environment."""

    def __init__(self, stack: Stack) -> None:
        self._address = f"http://127.0.0.1:{stack.config.airflow.port}"
        self._services = {service.name: service for service in airflow_services(stack.config)}
        passwords = json.loads((stack.config.state_dir / "airflow" / "passwords.json").read_text())
        token = requests.post(
            f"{self._address}/auth/token",
            json={"username": stack.config.airflow.user, "password": passwords[stack.config.airflow.user]},
            timeout=30,
        )
        assert token.status_code == 201, token.text
        self._headers = {"Authorization": f"Bearer {token.json()['access_token']}"}

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One request of the API."""
        answer = self._send(method, path, body)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def page(self) -> requests.Response:
        """The web interface's start page."""
        return requests.get(self._address, timeout=30)

    def python(self, code: str, timeout_s: float = 300) -> str:
        """What a program in Airflow's environment prints on its last line."""
        service = self._services[AIRFLOW_SCHEDULER]
        program = service.argv[0].replace("bin/airflow", "bin/python")
        done = subprocess.run(
            [program, "-c", code],
            env={**os.environ, **service.env},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return done.stdout.splitlines()[-1]

    def status_without_signing_in(self, path: str) -> int:
        """What the API answers to a stranger."""
        return requests.get(f"{self._address}/api/v2{path}", timeout=30).status_code

    def trigger(self, dag: str, day: dt.date) -> str:
        """Let the scheduler run a DAG for the data of one day; gives the run's id."""
        self._unpause(dag)
        end = f"{day + dt.timedelta(days=1)}T00:30:00Z"
        run = f"by-hand-{day}"
        span = {"data_interval_start": f"{day}T00:30:00Z", "data_interval_end": end}
        self.ask("POST", f"/dags/{dag}/dagRuns", {"dag_run_id": run, "logical_date": end, **span})
        return run

    def clear(self, dag: str, run: str) -> None:
        """Let the scheduler do all of a run again."""
        self.ask("POST", f"{_run(dag, run)}/clear", {"dry_run": False})

    def end_of(self, dag: str, run: str, timeout_s: float = 120) -> str:
        """The state of a run once it has ended."""
        path = _run(dag, run)
        return wait_until(
            lambda: state if (state := str(self.ask("GET", path)["state"])) in DONE else None, timeout_s, run, pause_s=1
        )

    def backfill(self, dag: str, first: dt.date, last: dt.date) -> None:
        """Let the scheduler run a DAG for the data of each of the days.

        On SQLite, Airflow cannot have runs made from two sides at once: the scheduler dies of it, or the backfill is
        refused. So the DAG's own run of the last day comes first, and whoever finds the database locked asks again.
        """
        self._unpause(dag)
        runs = f"/dags/{dag}/dagRuns?run_type=scheduled"
        wait_until(lambda: self.ask("GET", runs)["dag_runs"], 60, f"a run of {dag} by its schedule")
        body = {
            "dag_id": dag,
            "from_date": f"{first + dt.timedelta(days=1)}T00:00:00Z",
            "to_date": f"{last + dt.timedelta(days=1)}T23:00:00Z",
            "reprocess_behavior": "completed",
            "max_active_runs": 1,
            "dag_run_conf": {},
            "run_backwards": False,
        }
        wait_until(lambda: self._unless_locked("POST", "/backfills", body), 60, "a backfill", pause_s=1)

    def _send(self, method: str, path: str, body: Any) -> requests.Response:
        return requests.request(method, f"{self._address}/api/v2{path}", headers=self._headers, json=body, timeout=60)

    def _unless_locked(self, method: str, path: str, body: Any) -> Any:
        answer = self._send(method, path, body)
        assert answer.ok or "Database is locked" in answer.text, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.ok else None

    def ended_backfill(self, dag: str, count: int) -> dict[str, str] | None:
        """State by run of all backfilled runs of a DAG, once there are so many and all have ended."""
        runs = self.ask("GET", f"/dags/{dag}/dagRuns?limit=100")["dag_runs"]
        states = {run["dag_run_id"]: run["state"] for run in runs if run["run_type"] == "backfill"}
        return states if len(states) == count and set(states.values()) <= set(DONE) else None

    def states(self, dag: str, run: str) -> dict[str, str]:
        """The state of each task of a run."""
        return {name: task["state"] for name, task in self.tasks(dag, run).items()}

    def tasks(self, dag: str, run: str) -> dict[str, dict[str, Any]]:
        """The task instances of a run, by task."""
        found = self.ask("GET", f"{_run(dag, run)}/taskInstances")["task_instances"]
        return {task["task_id"]: task for task in found}

    def log(self, dag: str, run: str, task: str, attempt: int = 1) -> str:
        """The log of a task as the web interface shows it."""
        return json.dumps(self.ask("GET", f"{_run(dag, run)}/taskInstances/{task}/logs/{attempt}"))

    def _unpause(self, dag: str) -> None:
        self.ask("PATCH", f"/dags/{dag}", {"is_paused": False})


def _run(dag: str, run: str) -> str:
    return f"/dags/{dag}/dagRuns/{quote(run, safe='')}"
