"""Converts a dashboard's layout: nested in the file, a flat table of nodes with generated ids in Superset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Node = dict[str, Any]

_CONTAINERS = {"row": "ROW", "column": "COLUMN", "tabs": "TABS"}
_CLEAR = "BACKGROUND_TRANSPARENT"


def to_position(layout: Sequence[Node], title: str, charts: Mapping[str, Node]) -> Node:
    """Superset's ``position`` of a layout. ``charts``: by short name, each with ``id``, ``uuid``, ``name``."""
    nodes: Node = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
        "GRID_ID": {"type": "GRID", "id": "GRID_ID", "children": [], "parents": ["ROOT_ID"]},
        "HEADER_ID": {"type": "HEADER", "id": "HEADER_ID", "meta": {"text": title}},
    }
    for node in layout:
        _add(nodes, node, "GRID_ID", charts)
    return nodes


def from_position(position: Node, charts: Mapping[str, str]) -> list[Node]:
    """The layout of Superset's ``position``. ``charts``: short names by UUID."""
    return [_nested(position, child, charts) for child in position["GRID_ID"]["children"]]


def charts_of(layout: Sequence[Node]) -> list[str]:
    """Short names of the charts in a layout, in order."""
    found = []
    for node in layout:
        found += [node["chart"]] if "chart" in node else []
        for key in (*_CONTAINERS, "tab"):
            if isinstance(node.get(key), list):
                found += charts_of(node[key])
        found += charts_of(node.get("content", []))
    return found


def _add(nodes: Node, node: Node, parent: str, charts: Mapping[str, Node]) -> None:
    kind = next(iter(node))
    number = len(nodes)
    made: Node
    size = {key: node[key] for key in ("width", "height") if key in node}
    if kind == "chart":
        chart = charts[node["chart"]]
        made = {
            "type": "CHART",
            "meta": {"chartId": chart["id"], "uuid": chart["uuid"], "sliceName": chart["name"], **size},
        }
        made["meta"] |= {"sliceNameOverride": node["title"]} if "title" in node else {}
    elif kind == "markdown":
        made = {"type": "MARKDOWN", "meta": {"code": node["markdown"], **size}}
    elif kind == "header":
        made = {"type": "HEADER", "meta": {"text": node["header"], "background": _CLEAR}}
    elif kind == "divider":
        made = {"type": "DIVIDER", "meta": {}}
    elif kind == "tab":
        made = {"type": "TAB", "meta": {"text": node["tab"]}}
    else:
        made = {"type": _CONTAINERS[kind], "meta": {"background": _CLEAR, **size}}
    name = f"{made['type']}-{number}"
    nodes[name] = made | {"id": name, "children": [], "parents": [*nodes[parent].get("parents", ()), parent]}
    nodes[parent]["children"].append(name)
    inside = node["content"] if kind == "tab" else node[kind] if kind in _CONTAINERS else ()
    for child in inside:
        _add(nodes, child, name, charts)


def _nested(position: Node, name: str, charts: Mapping[str, str]) -> Node:
    node = position[name]
    meta = node.get("meta", {})
    size = {key: meta[key] for key in ("width", "height") if meta.get(key)}
    children = [_nested(position, child, charts) for child in node.get("children", ())]
    kind = node["type"]
    if kind == "CHART":
        title = {"title": meta["sliceNameOverride"]} if meta.get("sliceNameOverride") else {}
        return {"chart": charts.get(meta["uuid"], meta["uuid"]), **title, **size}
    if kind == "MARKDOWN":
        return {"markdown": meta["code"], **size}
    if kind == "HEADER":
        return {"header": meta["text"]}
    if kind == "DIVIDER":
        return {"divider": True}
    if kind == "TAB":
        return {"tab": meta["text"], "content": children}
    key = next(key for key, value in _CONTAINERS.items() if value == kind)
    return {key: children, **size}
