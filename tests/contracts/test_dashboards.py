"""Dashboards are code: every reference holds, Superset gets what the files say, and an export writes nothing new."""

import io
import json
import re
import zipfile
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from gridflex.config import Config, load_config
from gridflex.domain.readings import Reason
from gridflex.errors import SourceError
from gridflex.operations.dashboards.assets import KINDS, Assets, dump, load_assets
from gridflex.operations.dashboards.bundle import bundle, druid_uri, superset_docs
from gridflex.operations.dashboards.export import read_archive, write_changes
from gridflex.operations.dashboards.layout import charts_of
from gridflex.operations.dashboards.sources import Source, load_sources, source_problems
from gridflex.operations.dashboards.validate import druid_columns, validate

SLUGS = {"grid-now", "flexibility", "appliance", "trust"}
FILTERS = {"Time", "Region", "Feeder", "Appliance class", "Data set"}


@pytest.fixture(scope="module")
def assets() -> Assets:
    return load_assets()


@pytest.fixture
def copied(assets: Assets, tmp_path: Path) -> Assets:
    for kind in KINDS:
        (tmp_path / kind).mkdir()
        for name in assets.of(kind):
            (tmp_path / kind / f"{name}.yaml").write_bytes(assets.path(kind, name).read_bytes())
    return load_assets(tmp_path)


def exported(assets: Assets) -> dict[str, list[Any]]:
    return read_archive(bundle(assets, Config()))


def test_files__hold_together(assets: Assets) -> None:
    assert validate(assets) == []
    assert set(assets.dashboards) == SLUGS


def test_dashboards__have_their_filters_and_refresh(assets: Assets) -> None:
    for name, doc in assets.dashboards.items():
        assert {one["name"] for one in doc["filters"]} >= FILTERS, name
        assert doc["refresh_s"] == 10


def spoil(kind: str, name: str, change: Callable[[Any], object]) -> tuple[str, str, Callable[[Any], object]]:
    return kind, name, change


BROKEN = {
    "chart 'gone' has no file": spoil("dashboards", "trust", lambda d: d["layout"].append({"chart": "gone"})),
    "dataset 'gone' has no file": spoil("charts", "demand-now", lambda d: d.update(dataset="gone")),
    "metric 'gone' is not in dataset": spoil("charts", "demand-now", lambda d: d["params"].update(metric="gone")),
    "column 'gone' is not in dataset": spoil("charts", "command", lambda d: d["params"].update(groupby=["gone"])),
    "an axis without a title": spoil("charts", "demand-by-region", lambda d: d["params"].pop("y_axis_title")),
    "no spec in database/druid_specs makes": spoil("datasets", "powerraw", lambda d: d.update(table="power")),
    "column 'volt' is neither": spoil("datasets", "powerraw", lambda d: d["columns"].update(volt="DOUBLE")),
    "column 'volt' is not": spoil("datasets", "powerraw", lambda d: d["metrics"].update(u={"expression": "volt"})),
    "regional operators see no row": spoil("datasets", "powerraw", lambda d: d["columns"].pop("region")),
    "expected a UUID": spoil("charts", "demand-now", lambda d: d.update(uuid="demand-now")),
    "no chart has a column": spoil("dashboards", "grid-now", lambda d: d["filters"].append(
        {"id": "x", "name": "X", "type": "select", "dataset": "reconciliation", "column": "verdict"})),
    "missing metrics": spoil("datasets", "powerraw", lambda d: d.pop("metrics")),
    "whose rows belong to regions": spoil("datasets", "places", lambda d: d.update(every_region="no reason")),
    "url_param reads the request": spoil("datasets", "places", lambda d: d.update(
        sql=d["sql"] + "{{ url_param('x') }}")),
    "the SQL cannot be read: Expecting )": spoil("datasets", "places", lambda d: d.update(
        sql="SELECT (1 FROM powerraw")),
    "metric u: the SQL cannot be read": spoil("datasets", "powerraw", lambda d: d["metrics"].update(
        u={"expression": "SUM("})),
    "column 'house_id' is neither": spoil("datasets", "places", lambda d: d.update(
        sql=d["sql"].replace("house_id", "house_id AS house", 1))),
    "refresh_s: found 60": spoil("dashboards", "trust", lambda d: d.update(refresh_s=60)),
}  # fmt: skip


@pytest.mark.parametrize("problem", BROKEN)
def test_validate__names_the_file_and_what_is_wrong(assets: Assets, problem: str) -> None:
    kind, name, change = BROKEN[problem]
    docs = deepcopy(assets.of(kind))
    change(docs[name])
    found = validate(replace(assets, **{kind: docs}))
    assert any(problem in line and f"{kind}/{name}.yaml" in line for line in found), found


def unlisted(changed: dict[str, Source], assets: Assets) -> list[str]:
    return list(source_problems({**load_sources(), **changed}, druid_columns(), assets))


def test_sources__are_those_of_the_specs_and_say_who_may_see_them(assets: Assets) -> None:
    assert unlisted({}, assets) == []
    open_source = Source(name="outlook", by_region=False, why_every_region="")
    assert any("its spec has a region" in line for line in unlisted({"outlook": open_source}, assets))
    untold = Source(name="deadletter", by_region=False, why_every_region="because")
    assert unlisted({"deadletter": untold}, assets) == [
        "deadletter: security.md does not say why every region may see it"
    ]
    assert unlisted({"new": untold}, assets)[0] == "new is listed and has no spec"
    found = source_problems({}, druid_columns(), assets)
    assert "powerraw has a spec and is not listed" in found


def test_source__with_a_region_needs_a_data_set_of_its_own(assets: Assets) -> None:
    fewer = replace(assets, datasets={name: doc for name, doc in assets.datasets.items() if name != "outlook"})
    (found,) = unlisted({}, fewer)
    assert "outlook has a region and no data set of its own" in found


def test_command__quotes_what_is_chosen_for_a_shell(assets: Assets) -> None:
    sql = assets.datasets["command"]["sql"]
    assert "--region={{ shell_word(region) }}" in sql
    assert "--feeder={{ shell_word(feeder) }}" in sql
    assert '"' not in sql


def test_validate__refuses_a_series_that_two_charts_share(assets: Assets) -> None:
    charts = deepcopy(assets.charts)
    charts["top-appliances"]["params"]["metrics"] = ["demand_kw"]
    (found,) = validate(replace(assets, charts=charts))
    assert "grid-now.yaml: series 'demand_kw' stands in regions-ranked, top-appliances" in found


def test_bundle__settles_the_colors_that_a_page_would_write_into_the_dashboard(assets: Assets) -> None:
    for name in assets.dashboards:
        told = superset_docs(assets, Config())[f"dashboards/{name}.yaml"]["metadata"]
        assert len(set(told["color_scheme_domain"])) == 20
        assert (told["map_label_colors"], told["shared_label_colors"]) == ({}, [])


def test_uuid__may_stand_once(assets: Assets) -> None:
    charts = deepcopy(assets.charts)
    charts["freshness"]["uuid"] = charts["alarms"]["uuid"]
    (found,) = validate(replace(assets, charts=charts))
    assert "alarms.yaml and " in found


def test_unreadable_file__is_named(copied: Assets) -> None:
    path = copied.path("charts", "alarms")
    path.write_text("uuid: [")
    with pytest.raises(SourceError, match=r"alarms\.yaml"):
        load_assets(copied.folder)


def test_bundle__is_the_same_for_the_same_files_and_has_this_installations_druid(assets: Assets) -> None:
    assert bundle(assets, Config()) == bundle(load_assets(), Config())
    config = load_config(environ={"GRIDFLEX_DRUID_ROUTER_URL": "https://druid.example:9088"})
    with zipfile.ZipFile(io.BytesIO(bundle(assets, config))) as files:
        database = yaml.safe_load(files.read("assets/databases/druid.yaml"))
    assert database["sqlalchemy_uri"] == "druid+https://druid.example:9088/druid/v2/sql/?header=true"
    assert druid_uri(Config()) == "druid://127.0.0.1:8888/druid/v2/sql/?header=true"


def test_bundle__asks_each_chart_for_its_metrics_by_time_and_group(assets: Assets) -> None:
    docs = superset_docs(assets, Config())
    query = json.loads(docs["charts/demand-by-region.yaml"]["query_context"])["queries"][0]
    assert query["metrics"] == ["demand_kw"]
    assert [one if isinstance(one, str) else one["timeGrain"] for one in query["columns"]] == ["PT15M", "region"]
    assert query["extras"]["time_grain_sqla"] == "PT15M"
    assert query["time_range"] == "Current day"


def test_bundle__places_every_chart_of_the_layout(assets: Assets) -> None:
    for name, doc in assets.dashboards.items():
        position = superset_docs(assets, Config())[f"dashboards/{name}.yaml"]["position"]
        placed = [
            node["meta"]["uuid"] for node in position.values() if isinstance(node, dict) and node["type"] == "CHART"
        ]
        assert placed == [assets.charts[chart]["uuid"] for chart in charts_of(doc["layout"])]
        for node in position.values():
            if isinstance(node, dict):
                assert all(position[child]["parents"][-1] == node["id"] for child in node.get("children", ()) if
                           "parents" in position[child])  # fmt: skip


def test_export__of_what_was_applied_changes_no_file(copied: Assets) -> None:
    assert write_changes(copied, exported(copied)) == []


def test_export__writes_the_changed_file_alone_and_only_its_change(copied: Assets) -> None:
    docs = exported(copied)
    (chart,) = [doc for doc in docs["charts"] if doc["slice_name"] == "Demand now"]
    chart["params"]["y_axis_format"] = ",.3f"
    chart["params"] |= {"slice_id": 7, "datasource": "3__table", "dashboards": [1]}
    path = copied.path("charts", "demand-now")
    before = path.read_text()
    assert write_changes(copied, docs) == [path]
    changed = [
        pair for pair in zip(before.splitlines(), path.read_text().splitlines(), strict=True) if pair[0] != pair[1]
    ]
    assert changed == [("  y_axis_format: ',.1f'", "  y_axis_format: ',.3f'")]


def test_export__keeps_a_columns_label_that_was_changed_in_the_browser(copied: Assets) -> None:
    docs = exported(copied)
    (dataset,) = [doc for doc in docs["datasets"] if doc["table_name"] == "appliances_now"]
    (column,) = [one for one in dataset["columns"] if one["column_name"] == "house_id"]
    assert column["verbose_name"] == "House"
    column["verbose_name"] = "Household"
    assert write_changes(copied, docs) == [copied.path("datasets", "appliances-now")]
    again = load_assets(copied.folder)
    assert again.datasets["appliances-now"]["columns"]["house_id"] == {"type": "VARCHAR", "label": "Household"}
    assert write_changes(again, exported(again)) == []


def test_export__gives_a_new_chart_a_file_of_its_own(copied: Assets) -> None:
    docs = exported(copied)
    new = deepcopy(docs["charts"][0]) | {"uuid": "00000000-0000-4000-8000-000000000001", "slice_name": "My: new chart"}
    docs["charts"].append(new)
    assert write_changes(copied, docs) == [copied.path("charts", "my-new-chart")]
    assert load_assets(copied.folder).charts["my-new-chart"]["name"] == "My: new chart"


def test_dump__reads_back_as_it_was(assets: Assets) -> None:
    for kind in KINDS:
        for doc in assets.of(kind).values():
            assert yaml.safe_load(dump(doc)) == doc


def test_charts__show_power_in_kw_and_never_add_up_quantiles(assets: Assets) -> None:
    for doc in assets.charts.values():
        title = doc["params"].get("y_axis_title", "")
        assert "MW" not in f"{title} {doc['params'].get('subtitle', '')}", "demand is in kW everywhere"
        if doc["params"].get("stack"):
            assert not {"p10_kw", "p90_kw", "hour_p10_kw", "hour_p90_kw"} & set(doc["params"]["metrics"])


def test_live_charts__leave_out_the_slot_under_way(assets: Assets) -> None:
    whole = "TIME_FLOOR(CURRENT_TIMESTAMP, 'PT1M')"
    complete = "TIME_FLOOR(CURRENT_TIMESTAMP - INTERVAL '90' SECOND, 'PT1M')"
    for name in ("demand", "demand-and-baseline", "appliances-now", "regions-now"):
        assert f"__time < {whole}" in assets.datasets[name]["sql"], name
    for name in ("rows-in", "observed-share", "flexibility-over-time"):
        params = assets.charts[name]["params"]
        told, slot = json.dumps(params["adhoc_filters"]), whole.replace("PT1M", params["time_grain_sqla"])
        assert f"__time < {slot}" in told or f"__time <= {complete}" in told, name


def test_reasons__of_rejections_are_all_that_there_are(assets: Assets) -> None:
    listed = re.findall(r"\('([a-z_]+)'\)", assets.datasets["rejections-by-reason"]["sql"])
    assert sorted(listed) == sorted(Reason)
