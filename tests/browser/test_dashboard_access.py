"""Who may see and do what, on the page and through REST."""

import datetime as dt
import json
import time
from typing import Any
from uuid import uuid4

import pytest
import requests

from gridflex.adapters.druid.client import Druid
from gridflex.adapters.superset.users import credentials_file
from gridflex.errors import ServiceError
from gridflex.operations.checks.runner import run_checks
from gridflex.operations.checks.web import web_checks
from gridflex.operations.dashboards.apply import apply
from gridflex.operations.dashboards.assets import load_assets
from gridflex.operations.dashboards.browser import open_dashboard
from gridflex.operations.dashboards.export import export, read_archive
from gridflex.operations.dashboards.layout import charts_of
from gridflex.operations.local import process
from gridflex.operations.local.services import find
from tests.browser.conftest import REGION, Room
from tests.browser.test_dashboards_live import SLUGS, demand_sql, open_whole
from tests.support.flow import gridflex

pytestmark = pytest.mark.component

OTHERS = ("Nabeul", "Kebili", "Mahdia", "Ariana")
"""Regions of the other houses."""


def by_name(room: Room, kind: str, name: str) -> int:
    key = {"chart": "slice_name", "dataset": "table_name", "dashboard": "slug"}[kind]
    return next(int(one["id"]) for one in room.rest("admin").every(f"/api/v1/{kind}/") if one[key] == name)


def refused(room: Room, role: str, method: str, path: str, body: object = None) -> str:
    with pytest.raises(ServiceError) as problem:
        room.rest(role).send(method, path, body)
    return str(problem.value)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("slug", SLUGS)
def test_regional_operator__sees_its_own_region_and_no_other_on_the_page(room: Room, slug: str) -> None:
    page = open_whole(room, "regional", slug)
    told = page.inner_text("body")
    page.close()
    assert [name for name in OTHERS if name in told] == []


def test_regional_operator__gets_no_other_region_through_rest(room: Room) -> None:
    rest = room.rest("regional")
    for chart in list(rest.every("/api/v1/chart/")):
        answer = json.dumps(rest.get(f"/api/v1/chart/{chart['id']}/data/")["result"][0]["data"])
        assert not [name for name in OTHERS if name in answer], chart["slice_name"]


@pytest.mark.parametrize(
    "table", ["powerraw", "appliances_now", "demand", "regions_now", "dutycycle", "baseline_scores"]
)
def test_regional_operator__gets_no_other_region_by_a_query_of_its_own(room: Room, table: str) -> None:
    dataset = by_name(room, "dataset", table)
    query = {"columns": ["region"], "metrics": [], "filters": [{"col": "region", "op": "IN", "val": [*OTHERS, REGION]}],
             "row_limit": 100, "extras": {"where": "(1 = 1) OR (1 = 1)"}}  # fmt: skip
    body = {"datasource": {"id": dataset, "type": "table"}, "queries": [query], "result_type": "full"}
    rows = room.rest("admin").send("POST", "/api/v1/chart/data", body)["result"][0]["data"]
    assert len({row["region"] for row in rows}) > 1
    assert "HTTP 403" in refused(room, "regional", "POST", "/api/v1/chart/data", body)
    values = f"/api/v1/datasource/table/{dataset}/column/region/values/"
    assert "HTTP 403" in refused(room, "regional", "GET", values)


def demand(room: Room, result_type: str, dataset: str = "demand", **query: object) -> Any:
    """Superset's answer to a question of a data set of the demand."""
    source = {"id": by_name(room, "dataset", dataset), "type": "table"}
    asked = {"columns": [], "metrics": ["demand_kw"], "row_limit": 100} | query
    body = {"datasource": source, "queries": [asked], "result_type": result_type}
    return room.rest("admin").send("POST", "/api/v1/chart/data", body)["result"][0]


def test_chosen_house__is_looked_at_alone(room: Room) -> None:
    sql = demand(room, "query", filters=[{"col": "house_id", "op": "IN", "val": ["redd-1-0"]}])["query"]
    grouped, _, _ = sql.partition("GROUP BY")
    assert "house_id IN ('redd-1-0')" in grouped, sql  # Druid would group the whole town first


@pytest.fixture
def last_hour() -> tuple[dt.datetime, dt.datetime]:
    """Beginning and end of the last whole hour, UTC."""
    end = dt.datetime.now(dt.UTC).replace(minute=0, second=0, microsecond=0)
    return end - dt.timedelta(hours=1), end


def by_the_hour(begin: dt.datetime, end: dt.datetime | None = None) -> dict[str, Any]:
    """What makes a question one of hours from ``begin`` on."""
    span = f"{begin:%Y-%m-%dT%H:%M:%S} : " + (f"{end:%Y-%m-%dT%H:%M:%S}" if end else "")
    return {
        "filters": [{"col": "__time", "op": "TEMPORAL_RANGE", "val": span}],
        "extras": {"time_grain_sqla": "PT1H"},
    }


def since(begin: dt.datetime) -> str:
    return f"__time >= TIMESTAMP '{begin:%Y-%m-%d %H:%M:%S}'"


def within(begin: dt.datetime, end: dt.datetime) -> str:
    return f"{since(begin)} AND __time < TIMESTAMP '{end:%Y-%m-%d %H:%M:%S}'"


def test_demand__by_the_hour_is_a_mean_and_no_sum_of_slots(
    room: Room, last_hour: tuple[dt.datetime, dt.datetime]
) -> None:
    (row,) = demand(room, "full", **by_the_hour(*last_hour))["data"]
    assert row["demand_kw"] == pytest.approx(room.sql(demand_sql(within(*last_hour))))


def test_demand_and_baseline__by_the_hour_are_means_and_no_sums_of_slots(
    room: Room, last_hour: tuple[dt.datetime, dt.datetime]
) -> None:
    begin, _ = last_hour
    axis = {"columnType": "BASE_AXIS", "sqlExpression": "__time", "label": "hour", "timeGrain": "PT1H",
            "expressionType": "SQL"}  # fmt: skip
    order = {"columns": [axis], "metrics": ["Demand", "Baseline"], "orderby": [["hour", True]]}
    rows = demand(room, "full", "demand_and_baseline", **order, **by_the_hour(begin))["data"]
    assert rows[0]["Demand"] == pytest.approx(room.sql(demand_sql(within(*last_hour))))
    planned = Druid(room.config.druid).sql(
        "SELECT TIME_FLOOR(__time, 'PT1H') AS slot, AVG(baseline_kw) AS kw FROM outlook "
        f"WHERE \"level\" = 'all' AND {since(begin)} GROUP BY 1 ORDER BY 1"
    )
    assert planned
    told = [row["Baseline"] for row in rows if row["Baseline"] is not None]
    assert told == pytest.approx([row["kw"] for row in planned])


@pytest.mark.parametrize("dataset", ["demand", "demand_and_baseline"])
def test_time_grain__that_is_none_never_gets_into_sql(room: Room, dataset: str) -> None:
    metric = {"demand": "demand_kw", "demand_and_baseline": "Demand"}[dataset]
    with pytest.raises(ServiceError, match="HTTP 400"):
        demand(room, "query", dataset, metrics=[metric], extras={"time_grain_sqla": "PT1H') --"})


@pytest.mark.parametrize("role", ["operator", "regional"])
def test_operator__can_neither_edit_nor_run_sql(room: Room, role: str) -> None:
    chart, dataset = by_name(room, "chart", "Demand now"), by_name(room, "dataset", "demand")
    dashboard = by_name(room, "dashboard", "grid-now")
    tries = [
        ("PUT", f"/api/v1/chart/{chart}", {"slice_name": "mine"}),
        ("DELETE", f"/api/v1/chart/{chart}", None),
        ("PUT", f"/api/v1/dashboard/{dashboard}", {"dashboard_title": "mine"}),
        ("POST", "/api/v1/dashboard/", {"dashboard_title": "mine"}),
        ("PUT", f"/api/v1/dataset/{dataset}", {"sql": "SELECT 1"}),
        ("POST", "/api/v1/sqllab/execute/", {"database_id": 1, "sql": "SELECT 1"}),
        ("GET", "/api/v1/rowlevelsecurity/", None),
        ("GET", "/api/v1/security/users/", None),
        ("GET", "/api/v1/database/", None),
    ]
    for method, path, body in tries:
        assert "HTTP 403" in refused(room, role, method, path, body), (method, path)


def test_researcher__runs_sql_and_does_not_edit(room: Room) -> None:
    rest, chart = room.rest("researcher"), by_name(room, "chart", "Demand now")
    database = next(iter(rest.every("/api/v1/database/")))["id"]
    body = {"database_id": database, "sql": 'SELECT SUM("count") AS n FROM powerraw', "client_id": uuid4().hex[:11]}
    assert rest.send("POST", "/api/v1/sqllab/execute/", body)["data"][0]["n"] > 0
    assert "HTTP 403" in refused(room, "researcher", "PUT", f"/api/v1/chart/{chart}", {"slice_name": "mine"})


def test_stranger__gets_the_login(room: Room) -> None:
    for slug in SLUGS:
        answer = requests.get(f"{room.url}/superset/dashboard/{slug}/", timeout=30, allow_redirects=False)
        assert (answer.status_code, "/login/" in answer.headers["Location"]) == (302, True)
    for path in ("/api/v1/chart/", "/api/v1/dashboard/grid-now", "/api/v1/dataset/"):
        assert requests.get(room.url + path, timeout=30).status_code in {401, 404}, path
    assert requests.get(f"{room.url}/api/v1/chart/", timeout=30).status_code == 401
    page = room.browser.open("stranger").pages[0]
    page.goto(f"{room.url}/superset/dashboard/grid-now/")
    assert "/login/" in page.url
    assert page.locator("input[type='password']").count() == 1
    page.close()


def test_status__tells_the_credentials_file_and_no_secret(room: Room) -> None:
    told = gridflex(room.environ, "status", "--json")
    file = credentials_file(room.config)
    assert told["superset"] == {"url": room.url, "credentials_file": str(file)}
    assert file.stat().st_mode & 0o777 == 0o600
    found = json.loads(file.read_text())
    secrets = [found["secret_key"], *(user["password"] for user in found["users"].values())]
    log = process.Runtime(state_dir=room.config.state_dir).log_file(find(room.stack.services, "superset")).read_text()
    assert not [secret for secret in secrets if secret in json.dumps(told) or secret in log]


def test_superset__is_connected_to_this_machine_alone(room: Room) -> None:
    service = find(room.stack.services, "superset")
    page = open_dashboard(room.window("admin"), room.url, "trust")
    deadline, seen = time.monotonic() + 12, set()
    while time.monotonic() < deadline:
        for one in process.family(room.stack.runtime, service):
            seen |= {(c.laddr.ip, c.raddr.ip if c.raddr else "") for c in one.net_connections("inet")}
        time.sleep(0.5)
    page.close()
    assert seen
    assert {address for pair in seen for address in pair} <= {"127.0.0.1", ""}


def test_apply__again_changes_nothing_and_export_writes_nothing(room: Room) -> None:
    rest = room.rest("admin")
    before = {kind: sorted(map(str, docs)) for kind, docs in read_archive(rest.export_assets()).items()}
    apply(room.config)
    assert {kind: sorted(map(str, docs)) for kind, docs in read_archive(rest.export_assets()).items()} == before
    assert export(room.config) == []


def test_export__brings_back_a_change_of_the_browser(room: Room, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("assets")
    for kind in ("databases", "datasets", "charts", "dashboards"):
        (folder / kind).mkdir()
        for name in load_assets().of(kind):
            (folder / kind / f"{name}.yaml").write_bytes(load_assets().path(kind, name).read_bytes())
    number = by_name(room, "chart", "Demand now")
    room.rest("admin").send("PUT", f"/api/v1/chart/{number}", {"slice_name": "Demand at this moment"})
    written = export(room.config, load_assets(folder))
    apply(room.config)
    assert folder / "charts" / "demand-now.yaml" in written
    assert load_assets(folder).charts["demand-now"]["name"] == "Demand at this moment"
    assert {path.parent.name for path in written} <= {"charts", "dashboards"}
    assert charts_of(load_assets(folder).dashboards["grid-now"]["layout"])[0] == "demand-now"


def test_deploy_check__signs_in_to_superset_or_says_what_it_refuses(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = room.user("admin")
    (good,) = [one for one in run_checks(web_checks(room.config), 60) if one.name == "superset"]
    assert (good.state, good.detail) == ("ok", f"{room.url}, signed in as {admin.name}")
    monkeypatch.setenv(admin.password_key, "not this one")
    (refused_,) = [one for one in run_checks(web_checks(room.config), 60) if one.name == "superset"]
    assert refused_.state == "failed"
    assert "401" in refused_.detail
    assert "not this one" not in refused_.detail
