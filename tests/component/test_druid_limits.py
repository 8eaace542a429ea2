"""Queries that would take Druid away from everybody, on a real one: refused, or ended while others are answered."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from gridflex.adapters.avro import encode_dicts
from gridflex.adapters.druid.client import Druid
from gridflex.contracts.schemas import reading_schema
from gridflex.errors import ServiceError
from gridflex.operations.local.stack import Stack
from tests.component.test_druid_ingestion import GOOD, NOON_MS, produce, summed

pytestmark = [pytest.mark.component, pytest.mark.timeout(600)]

LONG = "a" * 60 + "!"
BACKTRACKING = [
    # Java remembers where it failed, unless a group is referred to: these two took every thread of an open Druid.
    rf"SELECT REGEXP_LIKE('{LONG}', '^(a+)+\1b$') AS found",
    f"SELECT REGEXP_LIKE('{LONG}', '(.*a){{22}}b') AS found",
    f"SELECT COUNT(*) AS n FROM INFORMATION_SCHEMA.TABLES WHERE REGEXP_LIKE('{LONG}', '^(a+)+$')",
    f"SELECT REGEXP_EXTRACT(CONCAT(house_id, '{LONG}'), '^(.*a)*(a|a)*$', 1) AS found FROM powerraw",
    f"SELECT house_id FROM powerraw WHERE \"REGEXP_LIKE\"(CONCAT(house_id, '{LONG}'), '^([^!]+)+$')",
    f"SELECT regexp_replace('{LONG}', '(a|aa)+$', 'b') AS found",
    f"SELECT STRING_TO_ARRAY('{LONG}', '(a+)+$') AS found",
]
FILLING = [
    "SELECT REPEAT('x', 2000000000) AS filled",
    "SELECT LPAD('x', 2000000000, 'y') AS filled",
    "SELECT RPAD(house_id, 2000000000, 'y') AS filled FROM powerraw",
    "SELECT STRING_FORMAT('%2000000000d', 1) AS filled",
]
SQL_LAB = {"priority": -1, "timeout": 10_000}
"""As Superset sends it: superset_config.py."""


@pytest.mark.parametrize("query", [*BACKTRACKING, *FILLING])
def test_function_that_never_ends_or_fills_the_memory__is_refused_at_once(druid: Druid, query: str) -> None:
    begun = time.monotonic()
    with pytest.raises(ServiceError, match="is switched off here"):
        druid.sql(query)
    assert time.monotonic() - begun < 60
    assert druid.sql("SELECT 1 AS answer") == [{"answer": 1}]


def test_like__does_not_backtrack(druid: Druid) -> None:
    pattern = "%a" * 30 + "%b"
    begun = time.monotonic()
    assert druid.sql(f"SELECT '{LONG}' LIKE '{pattern}' AS found")[0]["found"] in (False, "false")
    assert time.monotonic() - begun < 60


def test_queries_of_sql_lab__take_two_places_and_end_while_others_are_answered(stack: Stack, druid: Druid) -> None:
    dataset = f"endless-{time.time_ns()}"
    readings = [GOOD | {"dataset": dataset, "event_time_ms": NOON_MS + 60_000 * i} for i in range(400)]
    produce(stack, "powerraw", encode_dicts(reading_schema(), readings))
    assert summed(druid, dataset, len(readings))["n"] == len(readings)
    cross = (
        "SELECT COUNT(*) AS n FROM powerraw a CROSS JOIN powerraw b CROSS JOIN powerraw c CROSS JOIN powerraw d "
        "WHERE a.energy_wh + b.energy_wh > c.energy_wh"
    )

    def attack(_: int) -> tuple[int, float]:
        begun = time.monotonic()
        url = f"{stack.config.druid.router_url}/druid/v2/sql"
        answer = requests.post(url, json={"query": cross, "context": SQL_LAB}, timeout=60)
        took_s = time.monotonic() - begun
        assert answer.status_code in {429, 504} or "QueryInterruptedException" in answer.text, answer.text
        return answer.status_code, took_s

    with ThreadPoolExecutor(6) as attackers:
        attacks = [attackers.submit(attack, number) for number in range(6)]
        slowest_s = 0.0
        while not all(one.done() for one in attacks):
            begun = time.monotonic()
            assert druid.sql("SELECT 1 AS answer") == [{"answer": 1}]
            assert druid.sql("SELECT COUNT(*) AS n FROM powerraw")
            slowest_s = max(slowest_s, time.monotonic() - begun)
        ended = [one.result() for one in attacks]
    statuses = {status for status, _ in ended}
    assert 429 in statuses
    assert statuses <= {429, 500, 504}, "busy, interrupted, out of time"
    assert max(took_s for _, took_s in ended) < 45
    assert slowest_s < 20


def test_joins_that_the_broker_does_by_itself__end_and_give_their_places_back(stack: Stack, druid: Druid) -> None:
    """Druid's own timeout does not end them."""
    dataset = f"by-itself-{time.time_ns()}"
    readings = [GOOD | {"dataset": dataset, "event_time_ms": NOON_MS + 60_000 * i} for i in range(400)]
    produce(stack, "powerraw", encode_dicts(reading_schema(), readings))
    assert summed(druid, dataset, len(readings))["n"] == len(readings)
    given = "(VALUES {}) AS a(x)".format(", ".join(f"({n})" for n in range(400)))
    found = f"(SELECT TIMESTAMP_TO_MILLIS(__time) AS x FROM powerraw WHERE dataset = '{dataset}' GROUP BY 1) AS a"
    url = f"{stack.config.druid.router_url}/druid/v2/sql"

    def attack(left: str) -> tuple[int, float]:
        begun = time.monotonic()
        join = f"SELECT SUM(a.x) AS n FROM {left} CROSS JOIN powerraw b CROSS JOIN powerraw c CROSS JOIN powerraw d"
        answer = requests.post(url, json={"query": join, "context": SQL_LAB}, timeout=120)
        return answer.status_code, time.monotonic() - begun

    with ThreadPoolExecutor(2) as attackers:
        for status, took_s in attackers.map(attack, [given, found]):
            assert status in {500, 504}, "interrupted, out of time"
            assert took_s < stack.config.launcher.anyone_query_s + 35
    query = {"query": "SELECT COUNT(*) AS n FROM powerraw", "context": SQL_LAB}
    for _ in range(2):
        assert requests.post(url, json=query, timeout=60).status_code == 200


def test_longest_timeout__is_bounded(stack: Stack) -> None:
    body = {"query": "SELECT COUNT(*) FROM powerraw", "context": {"timeout": 3_600_000}}
    answer = requests.post(f"{stack.config.druid.router_url}/druid/v2/sql", json=body, timeout=60)
    assert answer.status_code >= 400
    assert "timeout" in answer.text
