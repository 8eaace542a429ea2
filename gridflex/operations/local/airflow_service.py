"""Airflow as services of the local stack: its API with the web interface, its scheduler, its DAG processor.

It lives in a Python environment of its own; its tasks are command lines of this one. It has one user, whose password
Airflow makes at the first start, and listens on the loopback interface alone.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import requests

from gridflex.adapters.airflow import airflow_url, local_url
from gridflex.config import ROOT, Config
from gridflex.operations.local.health import PROBE_TIMEOUT_S, HttpProbe
from gridflex.operations.local.services import Service
from gridflex.operations.local.spark_service import config_environ

AIRFLOW_API = "airflow-api"
AIRFLOW_SCHEDULER = "airflow-scheduler"
AIRFLOW_DAG_PROCESSOR = "airflow-dag-processor"
_HEALTH = "/api/v2/monitor/health"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportProbe:
    """Airflow's API says that a part's heart beats."""

    host: str
    port: int
    part: str

    def check(self, pid: int) -> str | None:
        """See ``Probe``."""
        try:
            with requests.get(f"http://{self.host}:{self.port}{_HEALTH}", timeout=PROBE_TIMEOUT_S) as answer:
                status = answer.json()[self.part]["status"]
        except (requests.RequestException, ValueError, KeyError, TypeError) as problem:
            return f"{_HEALTH}: {type(problem).__name__}"
        return None if status == "healthy" else f"{self.part}: {status or 'no heartbeat yet'}"


def airflow_services(config: Config) -> tuple[Service, ...]:
    """Describe the services, which start only when they are named; ``airflow`` names all of them."""
    host, port = config.launcher.host, config.airflow.port
    program = str(_environment(config) / "bin" / "airflow")
    # Migrating is idempotent, and the first `airflow` command writes the secrets that all parts share, for us alone.
    api = f'umask 077; "{program}" db migrate && exec "{program}" api-server --host {host} --port {port} --workers 1'
    return (
        Service(
            name=AIRFLOW_API,
            argv=("/bin/sh", "-c", api),
            probe=HttpProbe(host=host, port=port, path=_HEALTH, contains='"metadatabase":{"status":"healthy"}'),
            port=port,
            env=_environ(config),
            folders=(_home(config),),
            optional=True,
        ),
        *(
            Service(
                name=name,
                argv=(program, *arguments),
                probe=ReportProbe(host=host, port=port, part=part),
                depends_on=(AIRFLOW_API,),
                starts_after=(AIRFLOW_API,),
                env=_environ(config),
                optional=True,
            )
            for name, part, arguments in (
                (AIRFLOW_SCHEDULER, "scheduler", ("scheduler", "--skip-serve-logs")),
                (AIRFLOW_DAG_PROCESSOR, "dag_processor", ("dag-processor",)),
            )
        ),
    )


def missing_airflow(config: Config) -> str | None:
    """What has to be done before Airflow can start; nothing if its environment is there."""
    environment = _environment(config)
    if (environment / "bin" / "airflow").is_file():
        return None
    return f"no Airflow in {environment} (airflow.environment); run `make setup-airflow`"


def airflow_welcome(config: Config) -> str | None:
    """Where Airflow is and how to sign in, the password only the first time; nothing if it never started."""
    file = _password_file(config)
    if not file.is_file():
        return None
    where = f"Airflow: {airflow_url(config)} as {config.airflow.user}"
    file.chmod(0o600)
    told = file.with_suffix(".told")
    if told.exists():
        return f"{where}, password in {file}"
    password = json.loads(file.read_text(encoding="utf-8"))[config.airflow.user]
    told.touch()
    return f"{where}, password {password} (it stands in {file})"


def _environ(config: Config) -> dict[str, str]:
    home, address = _home(config), local_url(config)
    settings = {
        "CORE__DAGS_FOLDER": ROOT / "batch" / "dags",
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": 2,
        "CORE__LOAD_EXAMPLES": False,
        "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{config.airflow.user}:admin",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": _password_file(config),
        "CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
        "API__BASE_URL": airflow_url(config),
        "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "LOGGING__BASE_LOG_FOLDER": home / "logs",
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": 60,
        "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": 30,
        "USAGE_DATA_COLLECTION__ENABLED": False,
    }
    return {
        **config_environ(config),
        "GRIDFLEX_PYTHON": sys.executable,
        "PYTHONPATH": str(ROOT),
        "AIRFLOW_HOME": str(home),
        **{f"AIRFLOW__{key}": str(value) for key, value in settings.items()},
    }


def _environment(config: Config) -> Path:
    return (ROOT / config.airflow.environment).absolute()


def _home(config: Config) -> Path:
    return config.state_dir / "airflow"


def _password_file(config: Config) -> Path:
    return _home(config) / "passwords.json"
