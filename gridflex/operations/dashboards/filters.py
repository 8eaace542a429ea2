"""Expands a dashboard's native filters: a few words in the file, some forty lines each in Superset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Filter = dict[str, Any]

_SELECT_CONTROLS = {
    "enableEmptyFilter": False,
    "defaultToFirstItem": False,
    "multiSelect": True,
    "searchAllOptions": False,
    "inverseSelection": False,
}
_TYPES = {"select": "filter_select", "time": "filter_time"}


def to_native(filters: Sequence[Filter], datasets: Mapping[str, str], positions: Mapping[str, int]) -> list[Filter]:
    """Superset's ``native_filter_configuration``. ``datasets``: UUIDs by short name.

    ``positions``: chart ids by short name; on import Superset knows none yet, so they are placeholders there.
    """
    return [_native(one, datasets, positions) for one in filters]


def _native(one: Filter, datasets: Mapping[str, str], positions: Mapping[str, int]) -> Filter:
    if "raw" in one:
        return dict(one["raw"])
    kind = one["type"]
    target: Filter = {}
    controls: Filter = {}
    mask: Filter = {"extraFormData": {}, "filterState": {}}
    if kind == "select":
        target = {"column": {"name": one["column"]}, "datasetUuid": datasets[one["dataset"]]}
        first = bool(one.get("first"))
        controls = _SELECT_CONTROLS | {"multiSelect": one.get("multiSelect", True), "defaultToFirstItem": first}
        controls["enableEmptyFilter"] = first
    elif "default" in one:
        mask = {"extraFormData": {"time_range": one["default"]}, "filterState": {"value": one["default"]}}
    return {
        "id": f"NATIVE_FILTER-{one['id']}",
        "name": one["name"],
        "type": "NATIVE_FILTER",
        "filterType": _TYPES[kind],
        "description": one.get("help", ""),
        "targets": [target],
        "controlValues": controls,
        "defaultDataMask": mask,
        **({"requiredFirst": True} if one.get("first") else {}),
        "cascadeParentIds": [f"NATIVE_FILTER-{parent}" for parent in one.get("after", ())],
        "scope": {"rootPath": ["ROOT_ID"], "excluded": [positions[name] for name in one.get("not_for", ())]},
    }


def from_native(natives: Sequence[Filter], datasets: Mapping[str, str], charts: Mapping[int, str]) -> list[Filter]:
    """The filters as files say them. ``datasets``: short names by UUID; ``charts``: short names by id.

    What has more than a file's words can say is kept as it is, under ``raw``.
    """
    return [_short(native, datasets, charts) for native in natives]


def _short(native: Filter, datasets: Mapping[str, str], charts: Mapping[int, str]) -> Filter:
    kinds = {value: key for key, value in _TYPES.items()}
    kind = kinds.get(native["filterType"])
    if kind is None:
        return {"raw": native}
    target = (native.get("targets") or [{}])[0]
    controls = native.get("controlValues") or {}
    one: Filter = {"id": native["id"].removeprefix("NATIVE_FILTER-"), "name": native["name"], "type": kind}
    if kind == "select":
        one |= {
            "dataset": datasets.get(target["datasetUuid"], target["datasetUuid"]),
            "column": target["column"]["name"],
        }
        one |= {} if controls.get("multiSelect", True) else {"multiSelect": False}
        one |= {"first": True} if controls.get("defaultToFirstItem") else {}
    value = (native.get("defaultDataMask") or {}).get("filterState", {}).get("value")
    one |= {"default": value} if value else {}
    one |= {"help": native["description"]} if native.get("description") else {}
    parents = [parent.removeprefix("NATIVE_FILTER-") for parent in native.get("cascadeParentIds") or ()]
    one |= {"after": parents} if parents else {}
    excluded = [charts[number] for number in native["scope"].get("excluded", ()) if number in charts]
    return one | ({"not_for": sorted(excluded)} if excluded else {})
