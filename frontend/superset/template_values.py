"""Reads the values of templates in datasets' SQL from the project's tables: Superset's Python lacks the core."""

from __future__ import annotations

import csv
import itertools
from pathlib import Path

TABLES = Path(__file__).parents[2] / "gridflex" / "contracts" / "tables"
_COLUMNS = 5
"""Of the map's grid."""


def sums_of_circuits() -> str:
    """The appliance classes that are sums of other circuits, for SQL's ``NOT IN (...)``: equals that of the core."""
    with (TABLES / "appliance_profiles.csv").open(encoding="utf-8", newline="") as file:
        names = {row["appliance"] for row in csv.DictReader(file) if row["aggregate"] == "1"}
    return ", ".join(f"'{name}'" for name in sorted(names))


def region_tiles(premises: Path) -> str:
    """The regions of a premises file with their tiles on the map, as rows for SQL's ``VALUES``.

    A tile is ``row/column`` of the map's grid: that of ``region_tiles.csv``. Regions that the table lacks follow below
    it, in order of their names. Raises ``ValueError`` if the file has no region, ``OSError`` if there is no such file.
    """
    with (TABLES / "region_tiles.csv").open(encoding="utf-8", newline="") as file:
        known = {row["region"]: (int(row["row"]), int(row["column"])) for row in csv.DictReader(file)}
    with premises.open(encoding="utf-8-sig", newline="") as file:
        regions = sorted({row["region"] for row in csv.DictReader(file) if row.get("region")})
    if not regions:
        raise ValueError(f"{premises}: found no region; needed: rows of house_id, region, feeder")
    first = max(row for row, _ in known.values()) + 1
    below = ((row, column) for row in itertools.count(first) for column in range(1, _COLUMNS + 1))
    tiles = {region: known[region] if region in known else next(below) for region in regions}
    return ", ".join(f"({_literal(region)}, '{row}/{column}')" for region, (row, column) in tiles.items())


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
