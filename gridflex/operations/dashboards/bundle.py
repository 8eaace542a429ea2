"""Builds what Superset imports from the files: all defaults, UUIDs for short names, this installation's Druid."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any
from urllib.parse import urlsplit

from gridflex.config import Config
from gridflex.operations.dashboards.assets import Assets, Doc, plain_yaml
from gridflex.operations.dashboards.filters import to_native
from gridflex.operations.dashboards.layout import charts_of, to_position
from gridflex.operations.dashboards.queries import query_context

VERSION = "1.0.0"
SCHEMA = "druid"
_TIMESTAMP = "1970-01-01T00:00:00+00:00"
_LABELS = {
    "__time": "Time, UTC",
    "house_id": "House",
    "appliance_id": "Appliance",
    "appliance": "Appliance class",
    "dataset": "Data set",
}
DEFAULT_COLORS = "supersetColors"
_SCHEMES = {
    DEFAULT_COLORS: "1FA8C9 454E7C 5AC189 FF7F44 666666 E04355 FCC700 A868B7 3CCCCB A38F79 "
    "8FD3E4 A1A6BD ACE1C4 FEC0A1 B2B2B2 EFA1AA FDE380 D3B3DA 9EE5E5 D1C6BC"
}
"""What a page would otherwise find out and write into each dashboard that it opens, drawing all of it again."""


def bundle(assets: Assets, config: Config) -> bytes:
    """All assets as the ZIP file that Superset's asset import takes. The same files give the same bytes."""
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, doc in superset_docs(assets, config).items():
            archive.writestr(zipfile.ZipInfo(f"assets/{name}"), plain_yaml(doc))
    return output.getvalue()


def superset_docs(assets: Assets, config: Config) -> dict[str, Doc]:
    """The documents of the bundle by path."""
    docs: dict[str, Doc] = {"metadata.yaml": {"version": VERSION, "type": "assets", "timestamp": _TIMESTAMP}}
    numbers = {name: number for number, name in enumerate(assets.charts, start=1)}
    for name, doc in assets.databases.items():
        docs[f"databases/{name}.yaml"] = _database(doc, config)
    for name, doc in assets.datasets.items():
        docs[f"datasets/{name}.yaml"] = _dataset(doc, assets)
    for name, doc in assets.charts.items():
        docs[f"charts/{name}.yaml"] = _chart(doc, assets)
    for name, doc in assets.dashboards.items():
        docs[f"dashboards/{name}.yaml"] = _dashboard(doc, assets, numbers)
    return docs


def column_label(name: str) -> str:
    """The label of a column, unless its dataset sets another.

    >>> column_label("house_id"), column_label("horizon_min")
    ('House', 'Horizon min')
    """
    return _LABELS.get(name, name.replace("_", " ").capitalize())


def druid_uri(config: Config) -> str:
    """The address of Druid's SQL for SQLAlchemy. Without ``header`` an empty answer has no column names."""
    address = urlsplit(config.druid.router_url)
    scheme = "druid+https" if address.scheme == "https" else "druid"
    return f"{scheme}://{address.hostname}:{address.port or 8888}/druid/v2/sql/?header=true"


def _database(doc: Doc, config: Config) -> Doc:
    return {
        "database_name": doc["name"],
        "sqlalchemy_uri": druid_uri(config),
        "expose_in_sqllab": True,
        "allow_run_async": False,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_dml": False,
        "allow_file_upload": False,
        "extra": {"allows_virtual_table_explore": True, "metadata_params": {}, "engine_params": {}},
        "uuid": doc["uuid"],
        "version": VERSION,
    }


def _dataset(doc: Doc, assets: Assets) -> Doc:
    time = doc.get("time_column")
    columns = [
        {
            "column_name": name,
            "verbose_name": column_label(name) if isinstance(told, str) else told["label"],
            "type": "TIMESTAMP" if name == time else told if isinstance(told, str) else told["type"],
            "is_dttm": name == time,
            "groupby": True,
            "filterable": True,
            "is_active": True,
        }
        for name, told in doc["columns"].items()
    ]
    metrics = [
        {
            "metric_name": name,
            "expression": metric["expression"],
            "verbose_name": metric.get("label"),
            "description": metric.get("description"),
            "d3format": metric.get("format"),
        }
        for name, metric in doc["metrics"].items()
    ]
    return {
        "table_name": doc["table"],
        "main_dttm_col": time,
        "description": doc["description"],
        "schema": SCHEMA,
        "sql": doc.get("sql"),
        "cache_timeout": doc.get("cache_s"),
        "filter_select_enabled": True,
        "extra": {"every_region": doc["every_region"]} if "every_region" in doc else None,
        "columns": columns,
        "metrics": metrics,
        "uuid": doc["uuid"],
        "database_uuid": assets.databases[doc["database"]]["uuid"],
        "version": VERSION,
    }


def _chart(doc: Doc, assets: Assets) -> Doc:
    params: dict[str, Any] = doc["params"] | {"viz_type": doc["viz_type"]}
    return {
        "slice_name": doc["name"],
        "description": doc.get("description"),
        "viz_type": doc["viz_type"],
        "params": params,
        "query_context": json.dumps(query_context(params)),
        "cache_timeout": None,
        "uuid": doc["uuid"],
        "dataset_uuid": assets.datasets[doc["dataset"]]["uuid"],
        "version": VERSION,
    }


def _dashboard(doc: Doc, assets: Assets, numbers: dict[str, int]) -> Doc:
    charts = {
        name: {"id": numbers[name], "uuid": assets.charts[name]["uuid"], "name": assets.charts[name]["name"]}
        for name in charts_of(doc["layout"])
    }
    uuids = {name: dataset["uuid"] for name, dataset in assets.datasets.items()}
    scheme = doc.get("color_scheme", DEFAULT_COLORS)
    metadata = {
        "refresh_frequency": doc["refresh_s"],
        "timed_refresh_immune_slices": [],
        "color_scheme": scheme,
        "color_scheme_domain": [f"#{color}" for color in _SCHEMES.get(scheme, "").split()],
        "label_colors": doc.get("label_colors", {}),
        "map_label_colors": {},
        "shared_label_colors": [],
        "cross_filters_enabled": doc.get("cross_filters", False),
        "filter_bar_orientation": "HORIZONTAL",
        "native_filter_configuration": to_native(doc["filters"], uuids, numbers),
        "chart_configuration": {},
    }
    return {
        "dashboard_title": doc["title"],
        "description": doc.get("description"),
        "slug": doc["slug"],
        "css": doc.get("css", ""),
        "published": True,
        "position": to_position(doc["layout"], doc["title"], charts),
        "metadata": metadata,
        "uuid": doc["uuid"],
        "version": VERSION,
    }
