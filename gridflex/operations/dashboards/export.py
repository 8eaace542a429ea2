"""Writes changes that were made in the browser back to the files; what was not changed stays byte for byte."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gridflex.config import Config
from gridflex.operations.dashboards.apply import sign_in
from gridflex.operations.dashboards.assets import Assets, Doc, dump, load_assets, parse_yaml
from gridflex.operations.dashboards.bundle import DEFAULT_COLORS, column_label
from gridflex.operations.dashboards.filters import from_native
from gridflex.operations.dashboards.layout import from_position

_NOISE = {"viz_type", "datasource", "slice_id", "dashboards", "dashboardId", "extra_form_data", "annotation_layers",
          "url_params", "force", "result_format", "result_type", "queryFields", "granularity_sqla"}  # fmt: skip
"""Parameters that Superset adds to every chart by itself."""


def export(config: Config, assets: Assets | None = None) -> list[Path]:
    """Write each asset that differs from its file; gives the files written.

    Assets are known by their UUIDs. What was created in the browser gets a new file; a file whose asset is gone from
    Superset stays.
    """
    assets = assets or load_assets()
    return write_changes(assets, read_archive(sign_in(config).export_assets()))


def read_archive(archive: bytes) -> dict[str, list[Doc]]:
    """The documents of an export by kind."""
    found: dict[str, list[Doc]] = {"datasets": [], "charts": [], "dashboards": []}
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        for name in sorted(files.namelist()):
            kind = next((part for part in Path(name).parts if part in found), None)
            if kind is not None:
                found[kind].append(parse_yaml(files.read(name)))
    return found


def write_changes(assets: Assets, exported: Mapping[str, list[Doc]]) -> list[Path]:
    """See ``export``."""
    names = {kind: _names(assets.of(kind), docs, kind) for kind, docs in exported.items()}
    made: dict[str, dict[str, Doc]] = {
        "datasets": {names["datasets"][doc["uuid"]]: _dataset(doc, assets) for doc in exported["datasets"]},
        "charts": {names["charts"][doc["uuid"]]: _chart(doc, names["datasets"]) for doc in exported["charts"]},
        "dashboards": {names["dashboards"][doc["uuid"]]: _dashboard(doc, names) for doc in exported["dashboards"]},
    }
    written = []
    for kind, docs in made.items():
        for name, doc in docs.items():
            old = assets.of(kind).get(name, {})
            if json.dumps(old, sort_keys=True) == json.dumps(doc, sort_keys=True):
                continue
            path = assets.path(kind, name)
            path.write_text(dump(_in_order(doc, old)), encoding="utf-8")
            written.append(path)
    return written


def _names(known: Mapping[str, Doc], docs: list[Doc], kind: str) -> dict[str, str]:
    """Short names by UUID: the file's, or one made of the title."""
    by_uuid = {doc["uuid"]: name for name, doc in known.items()}
    for doc in docs:
        title = doc.get("slug") or doc.get("slice_name") or doc.get("dashboard_title") or doc.get("table_name") or kind
        words = "".join(letter if letter.isalnum() else " " for letter in title.lower()).split()
        name = "-".join(words)
        taken = set(by_uuid.values())
        by_uuid.setdefault(doc["uuid"], name if name not in taken else f"{name}-{doc['uuid'][:8]}")
    return by_uuid


def _dataset(doc: Doc, assets: Assets) -> Doc:
    time = doc.get("main_dttm_col")
    databases = {one["uuid"]: name for name, one in assets.databases.items()}
    made: Doc = {
        "uuid": doc["uuid"],
        "table": doc["table_name"],
        "database": databases.get(doc["database_uuid"], doc["database_uuid"]),
        "description": doc.get("description") or "",
    }
    made |= {"every_region": doc["extra"]["every_region"]} if (doc.get("extra") or {}).get("every_region") else {}
    made |= {"time_column": time} if time else {}
    made |= {"cache_s": doc["cache_timeout"]} if doc.get("cache_timeout") else {}
    made |= {"sql": doc["sql"]} if doc.get("sql") else {}
    metrics = {}
    for metric in doc["metrics"]:
        pairs = (("label", "verbose_name"), ("description", "description"), ("format", "d3format"))
        metrics[metric["metric_name"]] = {"expression": metric["expression"]} | {
            ours: metric[theirs] for ours, theirs in pairs if metric.get(theirs)
        }
    return made | {"columns": dict(map(_column, doc["columns"])), "metrics": metrics}


def _column(doc: Doc) -> tuple[str, str | Doc]:
    name, kind, label = doc["column_name"], doc["type"], doc.get("verbose_name")
    return name, kind if label in {None, "", column_label(name)} else {"type": kind, "label": label}


def _chart(doc: Doc, datasets: Mapping[str, str]) -> Doc:
    params = {key: value for key, value in doc["params"].items() if key not in _NOISE}
    made = {"uuid": doc["uuid"], "name": doc["slice_name"], "dataset": datasets[doc["dataset_uuid"]]}
    made |= {"description": doc["description"]} if doc.get("description") else {}
    return made | {"viz_type": doc["viz_type"], "params": params}


def _dashboard(doc: Doc, names: Mapping[str, Mapping[str, str]]) -> Doc:
    meta, position = doc["metadata"], doc["position"]
    numbers = {
        node["meta"]["chartId"]: names["charts"].get(node["meta"]["uuid"], node["meta"]["uuid"])
        for node in position.values()
        if isinstance(node, dict) and node.get("type") == "CHART"
    }
    made: Doc = {"uuid": doc["uuid"], "title": doc["dashboard_title"], "slug": doc["slug"]}
    made |= {"description": doc["description"]} if doc.get("description") else {}
    made |= {"refresh_s": meta.get("refresh_frequency", 0)}
    scheme = meta.get("color_scheme")
    made |= {"color_scheme": scheme} if scheme and scheme != DEFAULT_COLORS else {}
    made |= {"label_colors": meta["label_colors"]} if meta.get("label_colors") else {}
    made |= {"cross_filters": True} if meta.get("cross_filters_enabled") else {}
    made |= {"css": doc["css"]} if doc.get("css") else {}
    natives: list[Any] = meta.get("native_filter_configuration", [])
    made |= {"filters": from_native(natives, names["datasets"], numbers)}
    return made | {"layout": from_position(position, names["charts"])}


def _in_order(doc: Any, old: Any) -> Any:
    """The same content with keys in the order in which the old file has them; new keys stand at the end."""
    if isinstance(doc, dict) and isinstance(old, dict):
        keys = [key for key in old if key in doc] + [key for key in doc if key not in old]
        return {key: _in_order(doc[key], old.get(key)) for key in keys}
    if isinstance(doc, list) and isinstance(old, list):
        return [_in_order(one, old[index] if index < len(old) else None) for index, one in enumerate(doc)]
    return doc
