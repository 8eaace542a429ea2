"""Druid's clients before a door with TLS and users; behind it is the launcher's own Druid."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from batch.rollup import DruidSql
from gridflex.adapters.druid.batch import DruidBatch
from gridflex.adapters.druid.client import Druid
from gridflex.config import ROOT, Config
from gridflex.domain.interval import Interval
from gridflex.domain.readings import MS_PER_DAY
from gridflex.errors import ServiceError
from gridflex.operations.local.stack import Stack
from tests.support.secure_druid import BATCH, SUPERSET, SecureDruid, secure_druid

pytestmark = [pytest.mark.component, pytest.mark.timeout(600)]
_SUPERSET = ROOT / ".venv-superset" / "bin" / "python"
_ASK_AS_SUPERSET = """
import sys
sys.path.insert(0, "frontend/superset")
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from superset_config import DB_CONNECTION_MUTATOR

uri, params = DB_CONNECTION_MUTATOR(make_url(sys.argv[1]), {}, None, None, None)
with create_engine(uri, **params).connect() as connection:
    print(connection.execute(text("SELECT 40 + 2 AS answer")).scalar())
"""


@pytest.fixture(scope="module")
def door(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureDruid]:
    with secure_druid(tmp_path_factory.mktemp("door"), stack.config.druid) as running:
        yield running


@pytest.fixture
def config(door: SecureDruid, stack: Stack) -> Config:
    return stack.config.model_copy(update={"druid": door.druid})


def test_right_user__asks_in_every_way(door: SecureDruid, config: Config) -> None:
    day = Interval(start_ms=20_000 * MS_PER_DAY, end_ms=20_001 * MS_PER_DAY)
    rows = pa.table({"time_ms": [day.start_ms], "region": ["Tunis"], "model": ["m"], "p50_kwh": [7.0]})
    with door.signed_in(BATCH):
        assert Druid(config.druid).sql("SELECT 42 AS answer") == [{"answer": 42}]
        assert isinstance(Druid(config.druid).running_tasks(), list)
        DruidBatch(config).overwrite("forecast", day, rows)
        assert [row.n for row in DruidSql(config).rows("SELECT SUM(p50_kwh) AS n FROM forecast")] == [7.0]
        assert list(DruidSql(config).rows("SELECT * FROM there_is_none", table="there_is_none")) == []


def _ways(config: Config) -> list[str]:
    """What each client says when it is refused."""
    told = []
    for ask in (
        lambda: Druid(config.druid).sql("SELECT 1"),
        lambda: list(DruidSql(config).rows("SELECT 1")),
        lambda: DruidBatch(config).compact("forecast", Interval(start_ms=0, end_ms=MS_PER_DAY)),
    ):
        with pytest.raises(ServiceError) as problem:
            ask()
        told.append(str(problem.value))
    return told


def test_no_user__is_told_what_is_missing(door: SecureDruid, config: Config) -> None:
    for told in _ways(config):
        assert "requires user and password: GRIDFLEX_DRUID_USERNAME and GRIDFLEX_DRUID_PASSWORD" in told


def test_wrong_password__is_refused_and_not_printed(door: SecureDruid, config: Config) -> None:
    with door.signed_in(BATCH, "sesame"):
        for told in _ways(config):
            assert f"Druid at {config.druid.router_url} refused user batch" in told
            assert "sesame" not in told


def test_wrong_authority__is_not_trusted(door: SecureDruid, config: Config) -> None:
    other = door.druid.model_copy(update={"ca_file": str(door.other_ca)})
    with door.signed_in(BATCH):
        for told in _ways(config.model_copy(update={"druid": other})):
            assert f"{door.other_ca} did not sign its certificate for this name (druid.ca_file)" in told
        for told in _ways(config.model_copy(update={"druid": door.druid.model_copy(update={"ca_file": ""})})):
            assert "the system's authorities did not sign its certificate" in told


def test_open_line_to_a_closed_door__is_told_to_speak_tls(door: SecureDruid, config: Config) -> None:
    open_line = door.druid.model_copy(
        update={"router_url": door.druid.router_url.replace("https", "http"), "ca_file": ""}
    )
    for told in _ways(config.model_copy(update={"druid": open_line})):
        assert "does it expect https:// (druid.router_url)?" in told


def test_reader__may_submit_nothing(door: SecureDruid, config: Config) -> None:
    with door.signed_in(SUPERSET):
        assert Druid(config.druid).sql("SELECT 1 AS answer") == [{"answer": 1}]
        with pytest.raises(ServiceError, match="does not let user superset POST /druid/indexer/v1/task"):
            Druid(config.druid).submit_task({"type": "noop"})


@pytest.mark.skipif(not _SUPERSET.is_file(), reason="no Superset: make setup-superset")
@pytest.mark.sampled(1, pool="servers that sign in by their environment")
def test_superset__signs_in_by_its_environment(door: SecureDruid, config: Config, tmp_path: Path) -> None:
    (tmp_path / "credentials.json").write_text('{"secret_key": "of a test"}')
    uri = door.druid.router_url.replace("https", "druid+https") + "/druid/v2/sql/?header=true"
    own = {
        "GRIDFLEX_SUPERSET_HOME": str(tmp_path),
        "GRIDFLEX_BASELINES_INTERVAL_MINUTES": "30",
        "GRIDFLEX_REPLAY_PREMISES": str(config.replay.premises),
    }

    def ask(**login: str) -> subprocess.CompletedProcess[str]:
        environ = os.environ | own | login
        command = [str(_SUPERSET), "-c", _ASK_AS_SUPERSET, uri]
        return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=120)

    done = ask(**door.environ(SUPERSET))
    assert done.stdout.splitlines()[-1:] == ["42"], done.stderr[-2000:]
    assert ask(GRIDFLEX_DRUID_CA_FILE=str(door.other_ca)).returncode != 0
    assert ask(**door.environ(SUPERSET, "sesame")).returncode != 0
