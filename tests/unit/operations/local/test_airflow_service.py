import ast
import json
from pathlib import Path

import pytest

from gridflex.config import ROOT, Config, load_config
from gridflex.operations.local.airflow_service import airflow_services, airflow_welcome, missing_airflow
from gridflex.operations.local.service_list import all_services
from gridflex.operations.local.services import select

DAGS = sorted(path for path in (ROOT / "batch" / "dags").glob("*.py") if path.name != "__init__.py")


def test_airflow__starts_only_when_it_is_named() -> None:
    services = all_services(Config())
    assert not [one.name for one in select(services, []) if one.name.startswith("airflow")]
    assert [one.name for one in select(services, ["airflow"])] == [
        "airflow-api",
        "airflow-scheduler",
        "airflow-dag-processor",
    ]


def test_airflow__listens_on_the_loopback_and_its_tasks_see_our_configuration(tmp_path: Path) -> None:
    config = load_config(
        environ={"GRIDFLEX_LAUNCHER_STATE_DIR": str(tmp_path), "GRIDFLEX_DRUID_ROUTER_URL": "http://druid:8888"}
    )
    for service in airflow_services(config):
        assert service.env["GRIDFLEX_DRUID_ROUTER_URL"] == "http://druid:8888"
        assert service.env["AIRFLOW_HOME"].startswith(str(tmp_path))
        assert "0.0.0.0" not in " ".join((*service.argv, *service.env.values()))  # noqa: S104
    assert "--host 127.0.0.1" in airflow_services(config)[0].argv[-1]


def test_airflow__is_told_where_people_find_it(tmp_path: Path) -> None:
    named = {"GRIDFLEX_LAUNCHER_STATE_DIR": str(tmp_path), "GRIDFLEX_AIRFLOW_URL": "https://airflow.example/"}
    environ = airflow_services(load_config(environ=named))[0].env
    assert environ["AIRFLOW__API__BASE_URL"] == "https://airflow.example"
    assert environ["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:8080/execution/"


def test_airflow__without_its_environment_says_how_to_make_it(tmp_path: Path) -> None:
    config = load_config(environ={"GRIDFLEX_AIRFLOW_ENVIRONMENT": str(tmp_path)})
    assert "make setup-airflow" in (missing_airflow(config) or "")


def test_welcome__prints_the_password_once(tmp_path: Path) -> None:
    config = load_config(environ={"GRIDFLEX_LAUNCHER_STATE_DIR": str(tmp_path)})
    assert airflow_welcome(config) is None
    file = tmp_path / "airflow" / "passwords.json"
    file.parent.mkdir()
    file.write_text(json.dumps({"admin": "a-secret"}))
    assert "password a-secret" in (airflow_welcome(config) or "")
    assert "a-secret" not in (airflow_welcome(config) or "")
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("path", DAGS, ids=lambda path: path.stem)
def test_dags__are_short_and_do_nothing_but_describe(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 50
    tree = ast.parse(text)
    assert isinstance(tree.body[-1], ast.With | ast.FunctionDef), "a DAG, or functions that make its parts"
    imported = {
        (node.module or "").split(".")[0] if isinstance(node, ast.ImportFrom) else node.names[0].name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert imported <= {"__future__", "airflow", "batch", "datetime", "os", "pathlib", "typing", "zoneinfo"}
