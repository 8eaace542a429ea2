"""Mutated payloads as the regional operator: no row of another region, whatever is asked.

``FUZZ_HTTP``, ``FUZZ_INSIDE``, ``FUZZ_BEHIND``: how many go over HTTP, through Superset's checks in a process of its
own, and through row-level security and the door to Druid alone. All of them: ``FUZZ_HTTP=10000 FUZZ_INSIDE=10000
FUZZ_BEHIND=10000 pytest --log-cli-level INFO tests/browser/test_fuzz.py``.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from gridflex.adapters.druid.client import Druid
from gridflex.config import ROOT
from gridflex.errors import ServiceError
from gridflex.operations.dashboards.sources import load_sources
from gridflex.operations.local.services import find
from tests.browser.conftest import REGION, Room
from tests.browser.test_attacks import ask
from tests.support.browser.fuzz_payloads import payloads
from tests.support.examples import examples

log = logging.getLogger(__name__)
pytestmark = pytest.mark.component

HTTP, INSIDE, BEHIND = (
    int(os.environ.get(f"FUZZ_{name}", examples(number)))
    for name, number in (("HTTP", 400), ("INSIDE", 1000), ("BEHIND", 400))
)
INSIDE_PROGRAM = ROOT / "tests" / "support" / "browser" / "fuzz_inside.py"


@pytest.fixture(scope="module")
def saved(room: Room) -> list[dict[str, Any]]:
    """What saved charts ask, and what a filter asks."""
    rest, found = room.rest("admin"), []
    for chart in rest.every("/api/v1/chart/"):
        told = rest.get(f"/api/v1/chart/{chart['id']}")["result"]
        context = json.loads(told["query_context"])
        context["datasource"] = {"id": chart["datasource_id"], "type": "table"}
        context["form_data"] = {"slice_id": chart["id"]}
        found.append(context)
    places = next(one["id"] for one in rest.every("/api/v1/dataset/") if one["table_name"] == "places")
    choice = {"columns": ["region"], "metrics": [], "orderby": [["region", True]], "filters": [], "extras": {}}
    found += [{"datasource": {"id": places, "type": "table"}, "queries": [choice], "form_data": {}}] * 5
    return found


@pytest.fixture(scope="module")
def foreign(room: Room) -> set[str]:
    """Regions, feeders, houses and appliances of other regions."""
    rows = Druid(room.config.druid).sql("SELECT DISTINCT region, feeder, house_id, appliance_id FROM powerraw")
    mine = {str(value) for row in rows if row["region"] == REGION for value in row.values()}
    return {str(value) for row in rows if row["region"] not in {REGION, None} for value in row.values()} - mine - {""}


def inside(room: Room, asked: list[dict[str, Any]], *arguments: str) -> dict[str, Any]:
    service = find(room.stack.services, "superset")
    environ = os.environ | room.environ | dict(service.env)
    python = (ROOT / room.config.superset.environment / "bin" / "python").absolute()
    lines = "\n".join(map(json.dumps, asked))
    done = subprocess.run([python, INSIDE_PROGRAM, room.user("regional").name, *arguments], input=lines, text=True,
                          capture_output=True, env=environ, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def scans_of_others(node: Any, held: bool = False) -> list[str]:
    """Tables with regions that a plan of Druid's own reads without the region, as Druid understood the SQL."""
    if isinstance(node, list):
        return [name for one in node for name in scans_of_others(one)]
    if not isinstance(node, dict):
        return []
    if node.get("type") == "table":
        known = load_sources().get(node["name"])
        return [] if held or (known is not None and not known.by_region) else [node["name"]]
    # What a query keeps of a join's rows, by a column without the right side's prefix, it keeps of the left side's.
    kept = held if node.get("type") == "join" else _keeps_region(node.get("filter"))
    found = []
    for key, value in node.items():
        if key == "left":
            found += scans_of_others(value, _keeps_region(node.get("leftFilter")) or kept)
        else:
            found += scans_of_others(value, kept and key in {"dataSource", "base"})
    return found


def _keeps_region(condition: Any) -> bool:
    if not isinstance(condition, dict):
        return False
    if condition.get("type") == "and":
        return any(map(_keeps_region, condition["fields"]))
    value = condition.get("matchValue", condition.get("value"))
    return (
        condition.get("type") in {"equals", "selector"}
        and value == REGION
        and (condition.get("column", condition.get("dimension")) == "region")
    )


def test_payloads__get_no_other_region_through_supersets_checks(room: Room, saved: list[dict[str, Any]]) -> None:
    asked = list(payloads(saved, INSIDE, seed=1))
    found = inside(room, asked)
    log.info("fuzz inside=%s statements=%d", found["verdicts"], len(found["sent"]))
    assert sum(found["verdicts"].values()) == INSIDE
    assert found["verdicts"]["sent"] > INSIDE / 50, "some are what a chart asks"
    assert plans_of_others(room, found["sent"]) == {}


def test_door__alone_lets_no_other_region_through(room: Room, saved: list[dict[str, Any]]) -> None:
    found = inside(room, list(payloads(saved, BEHIND, seed=2)), "--behind")
    log.info("fuzz behind=%s statements=%d", found["verdicts"], len(found["sent"]))
    assert len(found["sent"]) > BEHIND / 20
    assert plans_of_others(room, found["sent"]) == {}


def plans_of_others(room: Room, statements: list[str]) -> dict[str, Any]:
    """By statement, what Druid would read of other regions; statements that Druid refuses read nothing."""
    druid, found = Druid(room.config.druid), {}
    refused: list[str] = []
    for sql in statements:
        try:
            (row,) = druid.sql(f"EXPLAIN PLAN FOR {sql}")
        except ServiceError as problem:
            refused.append(str(problem))
            continue
        plan = [one["query"] for one in json.loads(row["PLAN"])]
        if others := scans_of_others(plan):
            log.error("others=%s sql=%s plan=%s", others, sql, json.dumps(plan))
            found[sql] = others
    assert len(refused) < len(statements) / 2, refused[:3]
    return found


def test_payloads__get_no_other_region_over_http(room: Room, saved: list[dict[str, Any]], foreign: set[str]) -> None:
    rest = room.rest("regional")

    def told(payload: dict[str, Any]) -> tuple[int, list[str]]:
        answer = ask(rest, payload)
        if answer.status_code != 200:
            return answer.status_code, []
        rows = [row for one in answer.json()["result"] for row in one.get("data") or ()]
        return 200, [value for row in rows for value in map(str, row.values()) if value in foreign]

    codes: Counter[int] = Counter()
    leaks = []
    asked = payloads(saved, HTTP, seed=3)
    with ThreadPoolExecutor(4) as threads:
        for code, found in threads.map(told, asked):
            codes[code] += 1
            leaks += found
    log.info("fuzz http=%s", dict(codes))
    assert leaks == []
    assert codes[200] > HTTP / 50, codes
