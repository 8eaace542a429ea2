"""Reads and writes the files of ``frontend/superset/assets``.

A file holds one asset and its name is the asset's short name, by which others refer to it. Files say only what differs
from Superset's defaults; ``bundle`` makes of them what Superset imports.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gridflex.config import ROOT
from gridflex.errors import SourceError

ASSETS = ROOT / "frontend" / "superset" / "assets"
KINDS = ("databases", "datasets", "charts", "dashboards")
_WIDTH = 118

Doc = dict[str, Any]
_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PlainDumper: type[yaml.SafeDumper] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
"""The same in C, ten times as fast, where PyYAML was built with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assets:
    """All assets, each kind by short name, in order of names."""

    folder: Path
    databases: dict[str, Doc]
    datasets: dict[str, Doc]
    charts: dict[str, Doc]
    dashboards: dict[str, Doc]

    def of(self, kind: str) -> dict[str, Doc]:
        """The assets of one of ``KINDS``."""
        found: dict[str, Doc] = getattr(self, kind)
        return found

    def path(self, kind: str, name: str) -> Path:
        """The file of an asset."""
        return self.folder / kind / f"{name}.yaml"


def load_assets(folder: Path = ASSETS) -> Assets:
    """Read all files. Raises ``SourceError`` that names the file that cannot be read."""
    return Assets(folder=folder, **{kind: _load_kind(folder / kind) for kind in KINDS})


def parse_yaml(text: str | bytes) -> Any:
    """The value of a YAML document. Raises ``yaml.YAMLError`` if it is not one."""
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - one of the two safe loaders


def plain_yaml(doc: Doc) -> str:
    """A document as YAML for Superset's import, keys in the order given."""
    return yaml.dump(doc, Dumper=_PlainDumper, sort_keys=False)


def dump(doc: Doc) -> str:
    """An asset as YAML: in the order given, several lines as a block, short lists in one line."""
    return yaml.dump(doc, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)


def _load_kind(folder: Path) -> dict[str, Doc]:
    found = {}
    for path in sorted(folder.glob("*.yaml")):
        try:
            doc = parse_yaml(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as problem:
            raise SourceError(f"{path}: {problem}") from None
        if not isinstance(doc, dict):
            raise SourceError(f"{path}: found {type(doc).__name__}; expected a mapping")
        found[path.stem] = doc
    return found


class _Dumper(yaml.SafeDumper):
    """Blocks for text of several lines, one line for lists of plain values."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Items of a list stand deeper than its key."""
        return super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


def _list(dumper: yaml.SafeDumper, value: list[Any]) -> yaml.Node:
    plain = all(not isinstance(item, dict | list) for item in value) and len(str(value)) < _WIDTH - 20
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=plain)


def _mapping(dumper: yaml.SafeDumper, value: Doc) -> yaml.Node:
    plain = all(not isinstance(item, dict | list) and "\n" not in str(item) for item in value.values())
    node = dumper.represent_mapping("tag:yaml.org,2002:map", value.items())
    node.flow_style = plain and 0 < len(value) <= 4 and len(str(value)) < _WIDTH - 20 and "uuid" not in value
    return node


_Dumper.add_representer(str, _text)
_Dumper.add_representer(list, _list)
_Dumper.add_representer(dict, _mapping)
