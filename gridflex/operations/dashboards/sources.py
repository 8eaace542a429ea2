"""Checks from the files which data sources belong to regions, and that data sets on them are restricted by region."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path

from gridflex.config import ROOT
from gridflex.contracts.feeds import stored_feeds
from gridflex.operations.dashboards.assets import Assets, Doc

TABLE = ROOT / "gridflex" / "contracts" / "tables" / "data_sources.csv"
DOCS = ROOT / "docs" / "security.md"
_OF_THE_REQUEST = re.compile(r"\b(url_param|get_time_filter)\s*\(")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A data source of Druid."""

    name: str
    by_region: bool
    why_every_region: str
    """Why a regional operator may see all of its rows; empty if they belong to regions."""


def load_sources(table: Path = TABLE) -> dict[str, Source]:
    """All data sources by name: those of feeds from the registry, those of batch jobs from the table."""
    found = {
        feed.table: Source(name=feed.table, by_region=not feed.why_every_region, why_every_region=feed.why_every_region)
        for feed in stored_feeds()
    }
    with table.open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows):
            by_region, why = row["by_region"] == "1", row["why_every_region"]
            found[row["source"]] = Source(name=row["source"], by_region=by_region, why_every_region=why)
    return dict(sorted(found.items()))


def source_problems(
    sources: Mapping[str, Source], columns: Mapping[str, Set[str]], assets: Assets, docs: str | None = None
) -> Iterator[str]:
    """What is wrong with the list of data sources, one line each.

    ``columns``: of each data source, as its spec makes it; ``docs``: the page that tells people about them.
    """
    docs = DOCS.read_text(encoding="utf-8") if docs is None else docs
    plain = {doc["table"] for doc in assets.datasets.values() if "sql" not in doc}
    yield from (f"{name} has a spec and is not listed" for name in sorted(columns.keys() - sources.keys()))
    for name, source in sources.items():
        if name not in columns:
            yield f"{name} is listed and has no spec"
        elif source.by_region != ("region" in columns[name]):
            there = "a" if "region" in columns[name] else "no"
            yield f"{name}: found by_region {int(source.by_region)}; its spec has {there} region"
        elif source.by_region and name not in plain:
            yield f"{name} has a region and no data set of its own: row-level security does not know it in other SQL"
        if source.by_region == bool(source.why_every_region):
            yield f"{name}: say why every region may see it (why_every_region) if, and only if, it has no region"
        if source.why_every_region and f"| `{name}` | {source.why_every_region} |" not in docs:
            yield f"{name}: {DOCS.name} does not say why every region may see it"


def dataset_problems(doc: Doc, used: Iterable[str], sources: Mapping[str, Source]) -> Iterator[str]:
    """What is wrong with what a data set reads. ``used``: the data sources in its SQL."""
    if "every_region" in doc:
        for name in sorted(used):
            if name in sources and sources[name].by_region:
                yield f"every region may see it, but it reads {name!r}, whose rows belong to regions"
    for match in _OF_THE_REQUEST.finditer(doc.get("sql") or ""):
        yield f"{match[1]} reads the request, which the cache does not know: use filter_values or from_dttm"
