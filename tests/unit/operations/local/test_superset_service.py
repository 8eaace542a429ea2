"""Superset as a service, and who may sign in."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gridflex.adapters.superset.users import credentials_file, parse_users, password_of, superset_url
from gridflex.config import Config, load_config
from gridflex.errors import ConfigError, ServiceError
from gridflex.operations.local.service_list import all_services
from gridflex.operations.local.services import select
from gridflex.operations.local.superset_service import FRONTEND, missing_superset, superset_service, superset_welcome


def at(tmp_path: Path, **environ: str) -> Config:
    return load_config(environ={"GRIDFLEX_LAUNCHER_STATE_DIR": str(tmp_path), **environ})


def write_credentials(config: Config) -> Path:
    file = credentials_file(config)
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"secret_key": "k", "users": {"admin": {"role": "admin", "password": "a-secret"}}}))
    return file


def test_superset__starts_only_when_it_is_named_and_brings_druid_with_it() -> None:
    services = all_services(Config())
    assert "superset" not in [one.name for one in select(services, [])]
    named = [one.name for one in select(services, ["superset"])]
    assert {"superset", "druid-router", "druid-broker", "zookeeper"} <= set(named)
    assert "kafka" not in named


def test_superset__listens_on_the_loopback_and_knows_no_secret(tmp_path: Path) -> None:
    config = at(tmp_path)
    write_credentials(config)
    service = superset_service(config)
    assert "--bind 127.0.0.1:8088" in service.argv[-1]
    told = " ".join((*service.argv, *service.env.values()))
    assert "0.0.0.0" not in told  # noqa: S104
    assert "a-secret" not in told


def test_superset__is_found_where_the_configuration_says(tmp_path: Path) -> None:
    assert superset_url(at(tmp_path)) == "http://127.0.0.1:8088"
    there = at(tmp_path, GRIDFLEX_SUPERSET_URL="https://superset.example/")
    assert superset_url(there) == "https://superset.example"
    assert superset_service(there).env["GRIDFLEX_SUPERSET_URL"] == "https://superset.example/"


def test_superset__without_its_environment_says_how_to_make_it(tmp_path: Path) -> None:
    assert "make setup-superset" in (missing_superset(at(tmp_path, GRIDFLEX_SUPERSET_ENVIRONMENT=str(tmp_path))) or "")


def test_welcome__prints_each_password_once(tmp_path: Path) -> None:
    config = at(tmp_path)
    assert superset_welcome(config) is None
    write_credentials(config)
    assert "a-secret" in (superset_welcome(config) or "")
    again = superset_welcome(config) or ""
    assert "a-secret" not in again
    assert "/superset/dashboard/grid-now/" in again


def test_users__of_the_default_configuration_have_every_role() -> None:
    assert {user.role for user in parse_users(Config().superset.users)} == {
        "admin",
        "operator",
        "regional",
        "researcher",
    }


@pytest.mark.parametrize(
    ("users", "found"),
    [
        ("ann", "found 'ann'"),
        ("ann:chief", "found 'ann:chief'"),
        ("ann:admin, tom:regional", "found 'tom:regional'"),
        ("ann:admin, tom:operator:Tunis", "found 'tom:operator:Tunis'"),
        ("ann:admin, ann:operator", "a name stands twice"),
        ("a-b:admin, a_b:operator", "a name stands twice"),
        ("tom:operator", "at least one user must be admin"),
    ],
)
def test_users__that_are_not_well_formed_are_named(users: str, found: str) -> None:
    with pytest.raises(ConfigError, match=found):
        parse_users(users)


def test_password__comes_from_the_environment_first(tmp_path: Path) -> None:
    config = at(tmp_path)
    (admin,) = parse_users("admin:admin")
    with pytest.raises(ServiceError, match="GRIDFLEX_SUPERSET_PASSWORD_ADMIN"):
        password_of(config, admin, {})
    write_credentials(config)
    assert password_of(config, admin, {}) == "a-secret"
    assert password_of(config, admin, {"GRIDFLEX_SUPERSET_PASSWORD_ADMIN": "other"}) == "other"


def make(home: Path, plan: list[dict[str, str]], **environ: str) -> dict[str, dict[str, dict[str, str]]]:
    code = (
        f"import sys, json; sys.path.insert(0, {str(FRONTEND)!r}); import prepare; from pathlib import Path;"
        f"print(json.dumps(prepare.make_credentials(Path({str(home)!r}) / 'credentials.json', {plan!r})))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    found: dict[str, dict[str, dict[str, str]]] = json.loads(done.stdout)
    return found


def test_credentials__are_made_once_for_their_owner_alone(tmp_path: Path) -> None:
    plan = [{"name": "ann", "role": "admin", "region": "", "password_key": "ANN"}]
    first = make(tmp_path, plan)
    assert (tmp_path / "credentials.json").stat().st_mode & 0o777 == 0o600
    plan.append({"name": "tom", "role": "regional", "region": "Sfax", "password_key": "TOM"})
    second = make(tmp_path, plan)
    assert second["users"]["ann"] == first["users"]["ann"]
    assert second["secret_key"] == first["secret_key"]
    assert second["users"]["tom"]["region"] == "Sfax"
    assert len({user["password"] for user in second["users"].values()}) == 2
    assert all(len(user["password"]) >= 16 for user in second["users"].values())


def test_credentials__of_the_environment_are_not_written(tmp_path: Path) -> None:
    plan = [{"name": "ann", "role": "admin", "region": "", "password_key": "ANN"}]
    made = make(tmp_path, plan, ANN="from-the-environment")
    assert "password" not in made["users"]["ann"]
    assert "from-the-environment" not in (tmp_path / "credentials.json").read_text()
