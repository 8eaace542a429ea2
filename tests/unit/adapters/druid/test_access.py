from __future__ import annotations

from pathlib import Path

import pytest

from gridflex.adapters.druid.access import login
from gridflex.adapters.druid.session import DruidSession
from gridflex.adapters.login import Login
from gridflex.config import Druid, load_config
from gridflex.errors import ConfigError, ServiceError

USER, PASSWORD = "GRIDFLEX_DRUID_USERNAME", "GRIDFLEX_DRUID_PASSWORD"


def test_login__comes_from_the_environment_alone() -> None:
    assert login(Druid(), {}) is None
    assert login(Druid(), {USER: "batch", PASSWORD: "word"}) == Login(username="batch", password="word")  # noqa: S106


@pytest.mark.parametrize(("given", "missing"), [(USER, PASSWORD), (PASSWORD, USER)])
def test_login__half_of_it_is_refused(given: str, missing: str) -> None:
    with pytest.raises(ServiceError, match=f"{given} is in the environment, {missing} is not"):
        login(Druid(), {given: "x"})


def test_login__shows_no_password() -> None:
    assert "word" not in repr(Login(username="batch", password="word"))  # noqa: S106


def test_config__sends_no_password_over_an_open_line(tmp_path: Path) -> None:
    open_line = {"GRIDFLEX_DRUID_ROUTER_URL": "http://druid.example:8888", USER: "batch", PASSWORD: "sesame"}
    with pytest.raises(ConfigError, match="allowed: https://") as problem:
        load_config(environ=open_line)
    assert "sesame" not in str(problem.value)
    load_config(environ=open_line | {"GRIDFLEX_DRUID_ROUTER_URL": "https://druid.example:8888"})
    load_config(environ=open_line | {"GRIDFLEX_DRUID_ROUTER_URL": "http://127.0.0.1:8888"})


@pytest.mark.parametrize(("section", "address"), [("druid", "router_url"), ("airflow", "url"), ("superset", "url")])
def test_config__an_authority_is_for_https_alone(section: str, address: str) -> None:
    named = {f"GRIDFLEX_{section}_CA_FILE".upper(): "ca.pem"}
    with pytest.raises(ConfigError, match=f"{address} .*checks no certificate"):
        load_config(environ=named)
    config = load_config(environ=named | {f"GRIDFLEX_{section}_{address}".upper(): "https://there.example"})
    assert getattr(config, section).ca_file == "ca.pem"


def test_access__names_the_file_that_is_no_authority(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("nothing")
    with pytest.raises(ConfigError, match=r"druid\.ca_file: no certificate in .*ca\.pem"):
        DruidSession(Druid(router_url="https://127.0.0.1:1", ca_file=str(file))).get("/status")
