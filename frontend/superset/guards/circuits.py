"""Circuits that are sums of others, for datasets' SQL. Superset's Python lacks the core, so this reads its table."""

from __future__ import annotations

import csv
from pathlib import Path

TABLE = Path(__file__).parents[3] / "gridflex" / "contracts" / "tables" / "appliance_profiles.csv"


def sums_of_circuits() -> str:
    """The classes of such circuits, for SQL's ``NOT IN (...)``: as ``sums_of_circuits`` of the core says them."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        names = {row["appliance"] for row in csv.DictReader(file) if row["aggregate"] == "1"}
    return ", ".join(f"'{name}'" for name in sorted(names))
