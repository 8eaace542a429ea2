"""What was tried against Superset, with its real payloads, on a real Superset in front of a real Druid."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import requests

from gridflex.adapters.superset.client import Superset
from gridflex.adapters.superset.users import parse_users, password_of
from tests.browser.conftest import REGION, SPARE, Room
from tests.browser.test_dashboard_access import OTHERS, by_name

pytestmark = pytest.mark.component

NESTED = "1=1 /* /* */ ) OR (1=1 -- */"
LEAK = {"expressionType": "SQL", "label": "leak",
        "sqlExpression": "1 /* /* */ , (SELECT COUNT(*) FROM powerraw) AS leak -- */"}  # fmt: skip
SUB_SELECT = {"expressionType": "SQL", "label": "x", "sqlExpression": "(SELECT MAX(region) FROM outlook)"}
FRAGMENTS: dict[str, dict[str, Any]] = {
    "where with nested comments": {"extras": {"where": NESTED}},
    "where with a line's comment": {"extras": {"where": "1=1 // \n) OR (1=1"}},
    "having": {"extras": {"having": NESTED}},
    "metric": {"metrics": [LEAK]},
    "metric with a sub-select": {"metrics": [SUB_SELECT]},
    "column": {"columns": [SUB_SELECT]},
    "order": {"orderby": [[SUB_SELECT, True]]},
    "template": {"extras": {"where": "{{ 'SEL' ~ 'ECT' }} = 1"}},
}
PATHS = (
    ("GET", "/api/v1/datasource/table/{dataset}/column/region/values/"),
    ("POST", "/datasource/samples?datasource_type=table&datasource_id={dataset}"),
    ("POST", "/superset/explore_json/?datasource_id={dataset}&datasource_type=table"),
    ("GET", "/api/v1/explore/?datasource_id={dataset}&datasource_type=table"),
    ("GET", "/api/v1/sqllab/results/?q=(key:x)"),
    ("GET", "/api/v1/saved_query/"),
    ("GET", "/api/v1/query/"),
    ("GET", "/api/v1/chart/export/?q=!({chart})"),
    ("GET", "/api/v1/dataset/export/?q=!({dataset})"),
    ("GET", "/api/v1/database/1/table_metadata/?name=outlook"),
    ("GET", "/api/v1/database/1/select_star/outlook/"),
)


@pytest.fixture(scope="module")
def people(room: Room) -> dict[str, Superset]:
    """A REST session of each role, for all tests."""
    return {role: room.rest(role) for role in ("admin", "operator", "regional", "researcher")}


@pytest.fixture(scope="module")
def secret(room: Room, people: dict[str, Superset]) -> Iterator[tuple[int, int]]:
    """A query of SQL Lab of all regions, run by the admin, and one that the admin saved; their ids."""
    rest = people["admin"]
    database = next(iter(rest.every("/api/v1/database/")))["id"]
    sql = "SELECT region, baseline_kw FROM outlook"
    body = {"database_id": database, "sql": sql, "client_id": uuid4().hex[:11], "queryLimit": 1000}
    told = rest.send("POST", "/api/v1/sqllab/execute/", body)
    assert {row["region"] for row in told["data"]} - {REGION, None}
    saved = rest.send("POST", "/api/v1/saved_query/", {"db_id": database, "label": "all", "sql": sql})["id"]
    yield told["query_id"], saved
    rest.send("DELETE", f"/api/v1/saved_query/{saved}")


def question(room: Room, table: str, **changed: Any) -> dict[str, Any]:
    """A question of a data set as somebody types it."""
    query = {"columns": ["region"], "metrics": [], "filters": [], "row_limit": 1000} | changed
    source = {"id": by_name(room, "dataset", table), "type": "table"}
    return {"datasource": source, "queries": [query], "result_type": "full"}


def ask(rest: Superset, body: Any, path: str = "/api/v1/chart/data", method: str = "POST") -> requests.Response:
    """The answer, whatever it is."""
    return rest._session.request(method, rest._url + path, json=body, timeout=60, allow_redirects=False)


def foreign(text: str) -> list[str]:
    return [name for name in OTHERS if name in text]


@pytest.mark.parametrize("attack", FRAGMENTS)
@pytest.mark.parametrize("table", ["powerraw", "demand"])
@pytest.mark.parametrize("role", ["regional", "operator", "researcher"])
def test_free_sql__that_is_more_than_an_expression_is_refused(
    room: Room, people: dict[str, Superset], role: str, table: str, attack: str
) -> None:
    answer = ask(people[role], question(room, table, **FRAGMENTS[attack]))
    assert answer.status_code in {400, 403}, answer.text[:500]
    assert foreign(answer.text) == []


@pytest.mark.parametrize("kind", ["query", "saved_query"])
@pytest.mark.parametrize("role", ["regional", "operator", "researcher"])
def test_query__of_somebody_else_is_not_to_be_had(
    people: dict[str, Superset], secret: tuple[int, int], role: str, kind: str
) -> None:
    number = secret[kind == "saved_query"]
    query = {"columns": ["region"], "metrics": [], "row_limit": 1000}
    for result_type in ("full", "samples", "query", "columns", "drill_detail"):
        body = {"datasource": {"type": kind, "id": number}, "queries": [query], "result_type": result_type}
        answer = ask(people[role], body)
        assert answer.status_code >= 400, (result_type, answer.text[:300])  # a saved one is never to be had so
        assert foreign(answer.text) == []


def test_query__of_ones_own_is_still_to_be_had(people: dict[str, Superset], secret: tuple[int, int]) -> None:
    query = {"columns": ["region"], "metrics": [], "row_limit": 1000}
    answer = ask(people["admin"], {"datasource": {"type": "query", "id": secret[0]}, "queries": [query]})
    assert answer.status_code == 200, answer.text[:500]
    assert foreign(answer.text)


@pytest.mark.parametrize("role", ["regional", "operator"])
def test_other_ways__to_rows_are_closed(room: Room, people: dict[str, Superset], role: str) -> None:
    known = {"dataset": by_name(room, "dataset", "powerraw"), "chart": by_name(room, "chart", "Demand now")}
    for method, path in PATHS:
        answer = ask(people[role], {"form_data": {}} if method == "POST" else None, path.format(**known), method)
        assert 400 <= answer.status_code < 500, (path, answer.status_code, answer.text[:300])
    for form in ("csv", "xlsx"):
        chart = known["chart"]
        assert ask(people[role], None, f"/api/v1/chart/{chart}/data/?format={form}", "GET").status_code == 403
    for kind in ("samples", "drill_detail", "query"):
        assert ask(people[role], None, f"/api/v1/chart/{chart}/data/?type={kind}", "GET").status_code == 403


def test_filter__of_one_person_is_not_in_the_answer_of_another(room: Room, people: dict[str, Superset]) -> None:
    chart = by_name(room, "chart", "Demand by region")
    saved = json.loads(people["admin"].get(f"/api/v1/chart/{chart}")["result"]["query_context"])
    source = {"id": by_name(room, "dataset", "demand"), "type": "table"}
    body = {"datasource": source, "queries": saved["queries"], "result_type": "full", "force": False}
    body["queries"][0]["time_range"] = f"{time.strftime('%Y-%m-%d')}T00:00:00 : now"  # of nobody else's cache
    chosen = [{"expressionType": "SIMPLE", "clause": "WHERE", "subject": "region", "operator": "IN",
               "comparator": [REGION]}]  # fmt: skip
    extra = [{"col": "region", "op": "IN", "val": [REGION]}]
    for poison in ({"adhoc_filters": chosen}, {"extra_filters": extra}):
        by_address = f"/api/v1/chart/data?form_data={json.dumps(poison)}"
        ask(people["operator"], body | {"force": True}, by_address)
        ask(people["operator"], body | {"form_data": poison, "force": True})
    first = body["queries"][0] | {"filters": [*body["queries"][0]["filters"], *extra]}
    ask(people["operator"], body | {"queries": [first, body["queries"][0]], "force": True})
    answer = ask(people["admin"], body)
    assert answer.status_code == 200, answer.text[:500]
    assert len(foreign(answer.text)) > 1, "all regions, as the admin asked"


def test_command__holds_the_region_as_one_word_of_the_shell(room: Room, people: dict[str, Superset]) -> None:
    name = """$(touch /tmp/x) `id` "a" 'b' \\ !! --json"""
    filters = [{"col": "region", "op": "IN", "val": [name]}]
    body = question(room, "command", columns=["command"], filters=filters, orderby=[])
    answer = ask(people["regional"], body)
    assert answer.status_code == 200, answer.text[:500]
    (row,) = answer.json()["result"][0]["data"]
    assert shlex.split(row["command"]) == ["gridflex", "curtail", "flex", f"--region={name}", "--json"]


def test_regional_operator__finds_nobody_else_in_lists(people: dict[str, Superset]) -> None:
    kinds = ("owners", "created_by", "changed_by")
    for path in (
        "dataset/related/owners",
        *(f"{one}/related/{kind}" for one in ("chart", "dashboard") for kind in kinds),
    ):
        found = people["regional"].get(f"/api/v1/{path}")["result"]
        assert {one["text"] for one in found} <= {f"region {REGION}"}, path
        assert len(people["admin"].get(f"/api/v1/{path}")["result"]) >= 1


def by_form(room: Room, name: str, password: str) -> tuple[requests.Session, requests.Response]:
    """Sign in through the form, as a browser does."""
    window = requests.Session()
    page = window.get(f"{room.url}/login/", timeout=60).text
    csrf = page.partition('id="csrf_token"')[2].partition('value="')[2].partition('"')[0]
    assert csrf
    told = {"username": name, "password": password, "csrf_token": csrf}
    return window, window.post(f"{room.url}/login/", data=told, timeout=60, allow_redirects=False)


def test_cookie__is_worth_nothing_after_sign_out(room: Room) -> None:
    user = room.user("operator")
    window, _ = by_form(room, user.name, password_of(room.config, user))
    copied = dict(window.cookies)
    assert requests.get(f"{room.url}/api/v1/me/", cookies=copied, timeout=60).status_code == 200
    window.get(f"{room.url}/logout/", timeout=60)
    for _ in range(8):  # whichever worker process answers
        assert requests.get(f"{room.url}/api/v1/me/", cookies=copied, timeout=60).status_code == 401


def test_wrong_passwords__are_slowed_in_the_form_and_in_rest(room: Room) -> None:
    def by_rest(name: str, password: str) -> requests.Response:
        body = {"username": name, "password": password, "provider": "db", "refresh": False}
        return requests.post(f"{room.url}/api/v1/security/login", json=body, timeout=60)

    user = next(one for one in parse_users(room.config.superset.users) if one.name == SPARE)
    tries = [by_rest(user.name, f"wrong {number}") for number in range(8)]
    assert [one.status_code for one in tries] == [401] * 5 + [429] * 3
    assert 0 < int(tries[-1].headers["Retry-After"]) <= 60
    assert by_rest(user.name, password_of(room.config, user)).status_code == 429, "the right one too"
    assert by_form(room, user.name, "wrong")[1].status_code == 429
    other = room.user("operator")
    assert by_rest(other.name, password_of(room.config, other)).status_code == 200, "others are let in"


STRANGE = (
    "/lang/x%27y", "/lang/fr", "/api/v1/database/oauth2/", "/api/v1/database/oauth2/?code=1&state=x",
    "/login/?next=//e",
    "/superset/dashboard/x%27y/", "/superset/dashboard/999999/", "/superset/explore/p/x/", "/superset/log/",
    "/nowhere/",
    "/api/v1/chart/?q=((", "/api/v1/dashboard/x%27y", "/api/v1/security/users/?q=((", "/static/assets/../../etc/passwd",
    "/users/userinfo/", "/register/activation/x", "/superset/warm_up_cache/?slice_id=x", "/api/v1/me/roles/",
)  # fmt: skip


@pytest.mark.parametrize("path", STRANGE)
def test_stranger__gets_no_error_of_the_server(room: Room, path: str) -> None:
    answer = requests.get(room.url + path, timeout=60, allow_redirects=False)
    assert answer.status_code < 500


def test_stranger__who_signs_in_with_nonsense_is_told_so(room: Room) -> None:
    for body in ("{", "[]", '{"username": 1}', '{"username": [], "password": {}, "provider": "db"}', '"x"', ""):
        headers = {"Content-Type": "application/json"}
        answer = requests.post(f"{room.url}/api/v1/security/login", data=body, headers=headers, timeout=60)
        assert 400 <= answer.status_code < 500, body
    assert requests.post(f"{room.url}/login/", data={"username": "x"}, timeout=60).status_code < 500


def test_other_sites__may_not_read_answers(room: Room) -> None:
    for origin in ("https://tile.openstreetmap.org", "https://tile.osm.ch", "https://evil.example"):
        answer = requests.get(f"{room.url}/api/v1/me/", headers={"Origin": origin}, timeout=60)
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
