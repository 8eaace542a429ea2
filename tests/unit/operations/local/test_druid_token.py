"""The token that the local stack's Druid wants: who has it, to whom it is sent."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from gridflex.adapters.druid.access import login
from gridflex.adapters.login import Login
from gridflex.config import Druid, load_config, token_file
from gridflex.operations.local.process import Runtime, start, stop
from gridflex.operations.local.service_list import all_services
from gridflex.operations.local.services import Service

LOGIN = {"GRIDFLEX_DRUID_USERNAME": "batch", "GRIDFLEX_DRUID_PASSWORD": "word"}


def test_token__is_sent_to_the_local_router_alone(tmp_path: Path) -> None:
    own = {"GRIDFLEX_LAUNCHER_STATE_DIR": str(tmp_path), "GRIDFLEX_LAUNCHER_DRUID_ROUTER_PORT": "4711"}
    local = load_config(environ=own)
    assert local.druid.token_file == str(token_file(local)) == str(tmp_path / "druid" / "token")
    named = load_config(environ=own | {"GRIDFLEX_DRUID_ROUTER_URL": "http://127.0.0.1:4711"})
    assert named.druid == local.druid
    for other in ("https://druid.example:4711", "http://127.0.0.1:4712"):
        assert load_config(environ=own | {"GRIDFLEX_DRUID_ROUTER_URL": other}).druid.token_file == ""
    chosen = own | {"GRIDFLEX_DRUID_ROUTER_URL": "http://127.0.0.1:1", "GRIDFLEX_DRUID_TOKEN_FILE": "there"}
    assert load_config(environ=chosen).druid.token_file == "there"  # noqa: S105


def test_login__is_the_token_where_there_is_one(tmp_path: Path) -> None:
    file = tmp_path / "token"
    druid = Druid(token_file=str(file))
    assert login(druid, {}) is None
    assert login(druid, LOGIN) == Login(username="batch", password="word")  # noqa: S106
    file.write_text("secret\n")
    assert login(druid, LOGIN) == login(druid, {}) == Login(username="gridflex", password="secret")  # noqa: S106


@pytest.mark.skipif(os.getuid() == 0, reason="root reads every file")
def test_login__is_nobody_for_whoever_may_not_read_the_token(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("secret")
    file.chmod(0)
    assert login(Druid(token_file=str(file)), {}) is None


def test_every_druid_service__wants_the_token_and_reads_only_the_exchange(tmp_path: Path) -> None:
    config = load_config(environ={"GRIDFLEX_LAUNCHER_STATE_DIR": str(tmp_path)})
    druids = [service for service in all_services(config) if service.name.startswith("druid-")]
    assert len(druids) == 5
    for service in druids:
        text = "".join(service.files.values())
        assert service.secrets == (token_file(config),)
        assert 'druid.auth.authenticatorChain=["guard"]' in text
        assert f"druid.escalator.tokenFile={token_file(config)}" in text
        assert f"gridflex.guard.inputFolder={tmp_path / 'exchange'}" in text


class _Always:
    def check(self, pid: int) -> str | None:
        return None


def test_secret__is_made_once_and_readable_by_this_user_alone(tmp_path: Path) -> None:
    file = tmp_path / "druid" / "token"
    service = Service(name="one", argv=("/bin/true",), probe=_Always(), secrets=(file,))
    runtime = Runtime(state_dir=tmp_path)
    found = []
    for _ in range(2):
        start(runtime, service)
        stop(runtime, service)
        found.append(file.read_text())
    assert found[0] == found[1]
    assert len(found[0]) >= 40
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]
