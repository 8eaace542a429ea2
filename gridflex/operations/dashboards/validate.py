"""Validates all references dashboard -> chart -> dataset -> schema from the files alone; no server is needed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from uuid import UUID

from gridflex.adapters.druid.specs import SPEC_DIR
from gridflex.errors import SchemaError
from gridflex.operations.dashboards.assets import KINDS, Assets, Doc
from gridflex.operations.dashboards.dataset_sql import ALL_COLUMNS, columns_given, columns_used, tables_read
from gridflex.operations.dashboards.layout import charts_of
from gridflex.operations.dashboards.queries import columns_of, metrics_of
from gridflex.operations.dashboards.sources import TABLE, dataset_problems, load_sources, source_problems

REFRESH_S = 10
_AXES = {
    "echarts_timeseries_line": ("y_axis_title",),
    "echarts_timeseries_bar": ("y_axis_title", "x_axis_title"),
    "echarts_area": ("y_axis_title",),
    "mixed_timeseries": ("yAxisTitle",),
}
"""Titles, units in them, that a chart must have."""
_METRIC = {"expression", "label", "description", "format"}
_REQUIRED = {
    "databases": {"uuid", "name"},
    "datasets": {"uuid", "table", "database", "description", "columns", "metrics"},
    "charts": {"uuid", "name", "dataset", "viz_type", "params"},
    "dashboards": {"uuid", "title", "slug", "refresh_s", "filters", "layout"},
}


def validate(assets: Assets) -> list[str]:
    """Everything that is wrong, one line each, with the file; empty if all holds."""
    missing = [
        f"{assets.path(kind, name)}: missing {', '.join(sorted(_REQUIRED[kind] - doc.keys()))}"
        for kind in KINDS
        for name, doc in assets.of(kind).items()
        if _REQUIRED[kind] - doc.keys()
    ]
    if missing:
        return missing
    tables = druid_columns()
    return [
        *_uuids(assets),
        *(f"{TABLE}: {wrong}" for wrong in source_problems(load_sources(), tables, assets)),
        *(
            f"{assets.path('datasets', n)}: {w}"
            for n, d in assets.datasets.items()
            for w in _dataset(d, assets, tables)
        ),
        *(f"{assets.path('charts', n)}: {w}" for n, d in assets.charts.items() for w in _chart(n, d, assets)),
        *(
            f"{assets.path('dashboards', n)}: {w}"
            for n, d in assets.dashboards.items()
            for w in _dashboard(n, d, assets)
        ),
    ]


def druid_columns() -> dict[str, set[str]]:
    """Columns of every data source, as ``database/druid_specs`` makes them."""
    found: dict[str, set[str]] = {}
    for path in sorted(SPEC_DIR.glob("*.json")):
        spec = json.loads(path.read_text(encoding="utf-8")).get("spec", {}).get("dataSchema")
        if spec is None:
            continue
        dimensions = {one if isinstance(one, str) else one["name"] for one in spec["dimensionsSpec"]["dimensions"]}
        # A filtered metric holds the one that has the name.
        metrics = {metric.get("aggregator", metric)["name"] for metric in spec.get("metricsSpec", ())}
        found.setdefault(spec["dataSource"], set()).update(dimensions | metrics | {"__time"})
    return found


def _uuids(assets: Assets) -> Iterator[str]:
    places: dict[str, list[str]] = {}
    for kind in KINDS:
        for name, doc in assets.of(kind).items():
            try:
                places.setdefault(str(UUID(doc["uuid"])), []).append(str(assets.path(kind, name)))
            except ValueError:
                yield f"{assets.path(kind, name)}: uuid: found {doc['uuid']!r}; expected a UUID"
    for uuid, files in places.items():
        if len(files) > 1:
            yield f"uuid {uuid} stands in {' and '.join(files)}"
    slugs = Counter(doc["slug"] for doc in assets.dashboards.values())
    yield from (f"slug {slug} stands in {count} dashboards" for slug, count in slugs.items() if count > 1)


def _dataset(doc: Doc, assets: Assets, tables: Mapping[str, set[str]]) -> Iterator[str]:
    if doc["database"] not in assets.databases:
        yield f"database {doc['database']!r} has no file; known: {_listed(assets.databases)}"
    if "region" not in doc["columns"] and "every_region" not in doc:
        yield "has no column region: say why every region may see it (every_region), or regional operators see no row"
    if doc.get("time_column") and doc["time_column"] not in doc["columns"]:
        yield f"time_column {doc['time_column']!r} is not among its columns"
    try:
        used = tables_read(doc["sql"]) if "sql" in doc else {doc["table"]}
        given = columns_given(doc["sql"]) if "sql" in doc else {ALL_COLUMNS}
    except SchemaError as problem:
        yield from dataset_problems(doc, (), load_sources())
        yield str(problem)
        return
    yield from dataset_problems(doc, used, load_sources())
    yield from (f"reads {one!r}, which no spec in database/druid_specs makes" for one in sorted(used - tables.keys()))
    reachable = set().union(*(tables.get(one, set()) for one in used))
    unknown = doc["columns"].keys() - given - (reachable if ALL_COLUMNS in given else set())
    yield from (f"column {one!r} is neither in {_listed(used)} nor made by its SQL" for one in sorted(unknown))
    known = reachable if "sql" not in doc else set(doc["columns"])
    for name, metric in doc["metrics"].items():
        strange = metric.keys() - _METRIC
        yield from (f"metric {name}: found {one!r}; allowed: {_listed(_METRIC)}" for one in sorted(strange))
        try:
            foreign = columns_used(metric["expression"]) - known
        except SchemaError as problem:
            yield f"metric {name}: {problem}"
            continue
        yield from (f"metric {name}: column {one!r} is not there; known: {_listed(known)}" for one in sorted(foreign))


def _chart(name: str, doc: Doc, assets: Assets) -> Iterator[str]:
    dataset = assets.datasets.get(doc["dataset"])
    if dataset is None:
        yield f"dataset {doc['dataset']!r} has no file; known: {_listed(assets.datasets)}"
        return
    for metric in metrics_of(doc["params"]):
        if isinstance(metric, str) and metric not in dataset["metrics"]:
            yield f"metric {metric!r} is not in dataset {doc['dataset']}; known: {_listed(dataset['metrics'])}"
    for column in columns_of(doc["params"]):
        if column not in dataset["columns"]:
            yield f"column {column!r} is not in dataset {doc['dataset']}; known: {_listed(dataset['columns'])}"
    for title in _AXES.get(doc["viz_type"], ()):
        if not doc["params"].get(title):
            yield f"an axis without a title and its unit: {title}"
    if not any(name in charts_of(one["layout"]) for one in assets.dashboards.values()):
        yield "stands on no dashboard"


def _dashboard(name: str, doc: Doc, assets: Assets) -> Iterator[str]:
    charts = charts_of(doc["layout"])
    yield from (f"chart {one!r} has no file" for one in charts if one not in assets.charts)
    yield from (f"chart {one!r} stands twice" for one, count in Counter(charts).items() if count > 1)
    if doc["slug"] != name:
        yield f"slug: found {doc['slug']!r}; expected the file's name"
    yield from _shared_series([one for one in charts if one in assets.charts], assets)
    if doc["refresh_s"] != REFRESH_S:
        yield f"refresh_s: found {doc['refresh_s']}; expected {REFRESH_S}"
    for one in doc["filters"]:
        yield from _filter(one, charts, assets)


def _shared_series(charts: Sequence[str], assets: Assets) -> Iterator[str]:
    """Series of two charts that are named after the same metric.

    Superset gives them one colour and, to say so, draws the whole dashboard anew after each chart: eleven times in a
    traced opening of ``grid-now``, 1.1 s of the page's main thread.
    """
    drawn: dict[str, list[str]] = {}
    for chart in charts:
        doc = assets.charts[chart]
        if doc["viz_type"] in _AXES and not doc["params"].get("groupby"):
            for metric in metrics_of(doc["params"]):
                drawn.setdefault(str(metric), []).append(chart)
    for metric, found in drawn.items():
        if len(found) > 1:
            yield f"series {metric!r} stands in {_listed(found)}: give it a metric with a name of its own in each"


def _filter(one: Doc, charts: list[str], assets: Assets) -> Iterator[str]:
    for chart in one.get("not_for", ()):
        if chart not in charts:
            yield f"filter {one['id']}: not_for: chart {chart!r} is not on this dashboard"
    if one.get("type") != "select":
        return
    dataset = assets.datasets.get(one["dataset"])
    if dataset is None:
        yield f"filter {one['id']}: dataset {one['dataset']!r} has no file; known: {_listed(assets.datasets)}"
    elif one["column"] not in dataset["columns"]:
        yield f"filter {one['id']}: column {one['column']!r} is not in dataset {one['dataset']}"
    elif not any(one["column"] in columns for columns in _columns_of(charts, assets)):
        yield f"filter {one['id']}: no chart has a column {one['column']!r}"


def _columns_of(charts: list[str], assets: Assets) -> Iterator[Doc]:
    """The columns of each chart's dataset, as far as there are files."""
    for chart in charts:
        dataset = assets.datasets.get(assets.charts.get(chart, {}).get("dataset", ""))
        if dataset is not None:
            yield dataset["columns"]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
