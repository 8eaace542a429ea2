"""Answers of a real Druid that a proxy cuts off, slows down or drops: whole or an error, never a part."""

from __future__ import annotations

import datetime as dt
import http.client
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest

from batch.rollup import DruidSql, RollupReader
from gridflex.adapters.avro import encode_dicts
from gridflex.adapters.druid.batch import DruidBatch
from gridflex.adapters.druid.client import Druid
from gridflex.adapters.druid.session import DruidRefusedError, DruidSession
from gridflex.adapters.druid.tables import empty_table, table_specs
from gridflex.config import Config
from gridflex.contracts.schemas import reading_schema
from gridflex.errors import ServiceError
from gridflex.operations.local.stack import Stack
from tests.component.test_druid_ingestion import GOOD, NOON_MS, produce, summed
from tests.support.stack import wait_until

pytestmark = [pytest.mark.component, pytest.mark.timeout(600)]

DAY = dt.date(2023, 11, 16)
MANY = "SELECT TABLE_NAME, COLUMN_NAME FROM INFORMATION_SCHEMA.COLUMNS"
Framing = Callable[[int, bytes], tuple[str, bytes]]


def chunked(_: int, part: bytes) -> tuple[str, bytes]:
    return "Transfer-Encoding: chunked", b"%x\r\n%s\r\n" % (len(part), part) if part else b""


def counted(whole: int, part: bytes) -> tuple[str, bytes]:
    return f"Content-Length: {whole}", part


def until_closed(_: int, part: bytes) -> tuple[str, bytes]:
    """As of an old proxy: only what is said can tell whether it is all."""
    return "X-Framing: none", part


@dataclass
class Proxy:
    """What it does to answers; the address at which it does so."""

    url: str = ""
    framing: Framing = until_closed
    cut: Callable[[bytes], bytes] = bytes
    whole: bool = False
    """Whether a chunked answer gets its end."""
    byte_s: float = 0
    drop: int = 0
    """Requests that it still hangs up on."""
    seen: list[str] = field(default_factory=list)


@contextmanager
def proxy(router_url: str) -> Iterator[Proxy]:
    """A proxy before a real router; afterwards it is gone."""
    found = Proxy()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            _serve(found, urlsplit(router_url).netloc, self)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        found.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()


def _serve(proxy: Proxy, router: str, client: socketserver.StreamRequestHandler) -> None:
    method, path, _ = client.rfile.readline().decode().split()
    headers = http.client.parse_headers(client.rfile)
    body = client.rfile.read(int(headers.get("Content-Length", 0)))
    proxy.seen.append(f"{method} {path}")
    if proxy.drop:
        proxy.drop -= 1
        return
    upstream = http.client.HTTPConnection(router, timeout=60)
    kept = {name: value for name, value in headers.items() if name in {"Authorization", "Content-Type"}}
    upstream.request(method, path, body, kept)
    answer = upstream.getresponse()
    told = answer.read()
    upstream.close()
    head, sent = proxy.framing(len(told), proxy.cut(told))
    if proxy.whole and proxy.framing is chunked:
        sent += b"0\r\n\r\n"
    status = f"HTTP/1.1 {answer.status} {answer.reason}\r\nContent-Type: application/json\r\n{head}\r\n"
    client.wfile.write(f"{status}Connection: close\r\n\r\n".encode())
    step = 1 if proxy.byte_s else len(sent)
    try:
        for start in range(0, len(sent), step or 1):
            client.wfile.write(sent[start : start + step])
            time.sleep(proxy.byte_s)
    except OSError:
        return


@pytest.fixture(scope="module")
def day_of_readings(stack: Stack, druid: Druid) -> None:
    """Readings of some forty feeders on one day."""
    at_ms, dataset = NOON_MS + 86_400_000, f"cut-{time.time_ns()}"
    readings = [
        GOOD | {"dataset": dataset, "feeder": f"F{i % 40:02}", "event_time_ms": at_ms + 60_000 * i} for i in range(400)
    ]
    produce(stack, "powerraw", encode_dicts(reading_schema(), readings))
    assert summed(druid, dataset, len(readings))["n"] == len(readings)


@pytest.fixture
def cutting(stack: Stack) -> Iterator[tuple[Proxy, Config]]:
    with proxy(stack.config.druid.router_url) as running:
        through = stack.config.druid.model_copy(update={"router_url": running.url, "query_timeout_s": 20})
        yield running, stack.config.model_copy(update={"druid": through})


def readers(config: Config) -> dict[str, Callable[[], Any]]:
    """Every way in which rows are read."""
    return {
        "sql": lambda: Druid(config.druid).sql(MANY),
        "rows": lambda: list(Druid(config.druid).rows(MANY, table="powerraw")),
        "batch": lambda: list(DruidSql(config).rows(MANY)),
        "rollup": lambda: {day: len(one.part) for day, one in RollupReader(config).days([DAY]).items()},
        "tasks": lambda: [task["dataSource"] for task in Druid(config.druid).running_tasks()],
    }


def at_line(body: bytes) -> bytes:
    """Half of the lines, each of them whole."""
    lines = body.split(b"\n")
    return b"\n".join(lines[: len(lines) // 2]) + b"\n" if len(lines) > 3 else body[: len(body) // 2]


CUTS: dict[str, Callable[[bytes], bytes]] = {
    "of everything": lambda body: b"",
    "in a line": lambda body: body[: len(body) * 2 // 3],
    "between lines": at_line,
    "of the last bytes": lambda body: body.rstrip()[:-1] if body.startswith(b"{") else body[:-2],
}


@pytest.mark.usefixtures("day_of_readings")
@pytest.mark.parametrize("framing", [chunked, counted, until_closed])
def test_cut_answer__is_an_error_for_every_reader(cutting: tuple[Proxy, Config], framing: Framing) -> None:
    running, config = cutting
    running.framing, running.whole = framing, True
    for read in readers(config).values():
        assert read()
    for cut in CUTS.values():
        running.cut, running.whole = cut, False
        for name, read in readers(config).items():
            with pytest.raises(ServiceError, match=r"broke off") as told:
                pytest.fail(f"{name}: {read()}")
            assert "\n" not in str(told.value)


def test_slow_answer__ends_at_the_deadline(cutting: tuple[Proxy, Config]) -> None:
    running, config = cutting
    running.byte_s = 0.05
    hasty = Druid(config.druid.model_copy(update={"query_timeout_s": 1}))
    begun = time.monotonic()
    with pytest.raises(ServiceError, match=r"gave no whole answer within 1 s \(druid\.query_timeout_s\)"):
        hasty.sql(MANY)
    assert time.monotonic() - begun < 30


def test_dropped_request__is_sent_again_unless_it_is_an_order(cutting: tuple[Proxy, Config]) -> None:
    running, config = cutting
    running.drop = 1
    assert Druid(config.druid).sql("SELECT 1 AS answer") == [{"answer": 1}]
    assert len(running.seen) == 2
    running.seen.clear()
    running.drop = 1
    with pytest.raises(ServiceError, match="closed the connection"):
        Druid(config.druid).submit_task({"type": "noop"})
    assert running.seen == ["POST /druid/indexer/v1/task"]


def test_nothing_found__is_told_from_what_is_not_there(druid: Druid, stack: Stack) -> None:
    assert list(druid.rows("SELECT feeder FROM powerraw WHERE dataset = 'nobody'", table="powerraw")) == []
    assert list(druid.rows("SELECT slice FROM never_filled", table="never_filled")) == []
    with pytest.raises(DruidRefusedError, match="Object 'never_filled' not found"):
        list(druid.rows("SELECT slice FROM never_filled"))
    with pytest.raises(DruidRefusedError, match="Column 'feedr' not found"):
        list(druid.rows("SELECT feedr FROM powerraw", table="powerraw"))
    with pytest.raises(DruidRefusedError, match="Object 'poweraw' not found"):
        list(DruidSql(stack.config).rows("SELECT feeder FROM poweraw", table="powerraw"))


def test_rows_that_nobody_serves__are_not_taken_for_none(stack: Stack, druid: Druid) -> None:
    table = "unserved"
    nowhere = [{"type": "loadForever", "tieredReplicants": {}, "useDefaultTierForNull": False}]
    assert DruidSession(stack.config.druid).send_once("POST", f"/druid/coordinator/v1/rules/{table}", nowhere).ok
    spec = empty_table(table_specs()["history"] | {"dataSource": table})
    DruidBatch(stack.config).run(spec)

    def told() -> str | None:
        try:
            list(druid.rows(f"SELECT slice FROM {table}", table=table))
        except DruidRefusedError:
            return None
        except ServiceError as problem:
            return str(problem)
        return None

    assert "has segments, and none of them is served" in wait_until(told, 60, "the broker learns of the segment")
