"""Orders that a web page or another user of the machine gives to the local Druid, with their real payloads."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest
import requests

from gridflex.adapters.druid.batch import DruidBatch
from gridflex.adapters.druid.client import Druid
from gridflex.errors import ServiceError
from gridflex.operations.local.stack import Stack

pytestmark = pytest.mark.component

SUSPEND = "/druid/indexer/v1/supervisor/powerraw/suspend"
SQL = {"query": "SELECT 1 AS answer"}
ORDERS = {
    "druid_router_port": [("POST", SUSPEND), ("POST", "/druid/indexer/v1/task"), ("POST", "/druid/v2")],
    "druid_coordinator_port": [
        ("POST", SUSPEND),
        ("POST", "/druid/indexer/v1/supervisor/powerraw/terminate"),
        ("POST", "/druid/indexer/v1/sampler"),
        ("POST", "/druid/coordinator/v1/rules/powerraw"),
        ("POST", "/druid/coordinator/v1/lookups/config"),
        ("DELETE", "/druid/coordinator/v1/datasources/powerraw"),
    ],
    "druid_broker_port": [("POST", "/druid/v2"), ("DELETE", "/druid/v2/sql/some-query")],
    "druid_historical_port": [("POST", "/druid/v2"), ("POST", "/druid-internal/v1/segments/changeRequests")],
    "druid_indexer_port": [("POST", "/druid/worker/v1/disable"), ("POST", "/druid-internal/v1/worker/assignTask")],
}
"""Of each service's own port: whoever is refused at the router goes around it."""
WAYS_OF_A_PAGE = [
    {"Host": "evil.example"},
    {"Host": "evil.example:8888"},
    {"Host": "127.0.0.1.evil.example"},
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:3000"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Content-Type": "text/plain;charset=UTF-8"},
    {"Content-Type": "application/x-www-form-urlencoded"},
    {"Content-Type": "multipart/form-data; boundary=x"},
]


def address(stack: Stack, port: str) -> str:
    return f"http://{stack.config.launcher.host}:{getattr(stack.config.launcher, port)}"


def token(stack: Stack) -> tuple[str, str]:
    return "gridflex", Path(stack.config.druid.token_file).read_text(encoding="utf-8")


def stealing(source: dict[str, Any]) -> dict[str, Any]:
    """A task that makes a table of the lines of a source."""
    return {
        "type": "index_parallel",
        "spec": {
            "dataSchema": {
                "dataSource": "stolen_lines",
                "timestampSpec": {"column": "t", "missingValue": "2020-01-01"},
                "dimensionsSpec": {"dimensions": ["line"]},
                "granularitySpec": {"rollup": False},
            },
            "ioConfig": {
                "type": "index_parallel",
                "inputSource": source,
                "inputFormat": {"type": "regex", "pattern": "(.*)", "columns": ["line"]},
            },
        },
    }


@pytest.mark.parametrize("way", WAYS_OF_A_PAGE, ids=str)
def test_web_page__is_refused_by_every_service_even_with_the_token(
    stack: Stack, druid: Druid, way: dict[str, str]
) -> None:
    for port in ORDERS:
        for path, login in ((SUSPEND, token(stack)), ("/druid/v2/sql", None), ("/status", None)):
            method = "GET" if path == "/status" else "POST"
            answer = requests.request(
                method, address(stack, port) + path, headers=way, data='{"query":"SELECT 1"}', auth=login, timeout=30
            )
            assert answer.status_code == 403, (port, path)
            assert answer.json()["error"] == "forbidden"
    spec = druid.supervisor_spec("powerraw")
    assert spec
    assert not spec.get("suspended")


def test_stranger__gives_no_orders_to_any_service(stack: Stack, druid: Druid) -> None:
    for port, orders in ORDERS.items():
        for method, path in orders:
            for login in (None, ("gridflex", "guessed"), ("gridflex", "")):
                body: Any = stealing({"type": "inline", "data": "x"}) if path.endswith("task") else {}
                answer = requests.request(method, address(stack, port) + path, json=body, auth=login, timeout=30)
                assert answer.status_code == 403, (port, path)
                assert "needs the token of" in answer.json()["errorMessage"]
        assert requests.get(f"{address(stack, port)}/status/properties", timeout=30).status_code == 403
    assert not (druid.supervisor_spec("powerraw") or {}).get("suspended")
    assert not druid.has_table("stolen_lines")


@pytest.mark.parametrize(
    "path", ["/druid/v2/sql/../../indexer/v1/task", "/druid/v2/sql;/../../indexer/v1/task", "//druid/indexer/v1/task"]
)
def test_stranger__does_not_get_through_by_another_spelling_of_a_path(stack: Stack, path: str) -> None:
    request = requests.Request("POST", address(stack, "druid_router_port"), json={}).prepare()
    request.url = address(stack, "druid_router_port") + path
    with requests.Session() as session:
        assert session.send(request, timeout=30).status_code in {400, 403}


def test_stranger__may_look_and_ask_by_sql(stack: Stack) -> None:
    router = address(stack, "druid_router_port")
    assert requests.post(f"{router}/druid/v2/sql", json=SQL, timeout=30).json() == [{"answer": 1}]
    assert "powerraw" in requests.get(f"{router}/druid/indexer/v1/supervisor", timeout=30).json()
    for port in ORDERS:
        assert requests.get(f"{address(stack, port)}/status/health", timeout=30).json() is True


@pytest.mark.parametrize(
    "source",
    [
        {"type": "local", "files": ["/etc/passwd"]},
        {"type": "local", "baseDir": "/etc", "filter": "passwd"},
        {"type": "local", "files": ["STATE/exchange/../druid/token"]},
        {"type": "local", "files": ["STATE/exchange/link"]},
        {"type": "http", "uris": ["file:///etc/passwd"]},
        {"type": "http", "uris": ["http://127.0.0.1:1/"]},
        {"type": "combining", "delegates": [{"type": "local", "files": ["/etc/passwd"]}]},
    ],
    ids=str,
)
def test_task__reads_no_file_but_those_of_the_exchange(stack: Stack, druid: Druid, source: dict[str, Any]) -> None:
    """Not even for whoever has the token."""
    state = stack.config.state_dir
    (state / "exchange").mkdir(exist_ok=True)
    link = state / "exchange" / "link"
    link.symlink_to("/etc/passwd")
    try:
        for name in source.get("files", ()):
            source = source | {"files": [name.replace("STATE", str(state))]}
        with pytest.raises(ServiceError, match=r"may read files of|may name files, not baseDir|is not allowed here"):
            DruidBatch(stack.config).run(stealing(source))
    finally:
        link.unlink()
    assert not druid.has_table("stolen_lines")


def test_state__is_nobody_elses(stack: Stack) -> None:
    token_file = Path(stack.config.druid.token_file)
    assert stat.S_IMODE(stack.config.state_dir.stat().st_mode) == 0o700
    assert stat.S_IMODE(token_file.stat().st_mode) == 0o600
    assert token_file.stat().st_uid == os.getuid()
    assert len(token_file.read_text(encoding="utf-8")) >= 40


def test_error__names_the_token_to_whoever_does_not_have_it(stack: Stack) -> None:
    stranger = stack.config.druid.model_copy(update={"token_file": ""})
    with pytest.raises(
        ServiceError, match=r"does not let a client without user POST .*needs the token of .*druid/token"
    ):
        Druid(stranger).submit_task(stealing({"type": "inline", "data": "x"}))
