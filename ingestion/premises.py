"""Assigns a region and a feeder to every (virtual) house, from a ``premises.csv``.

Rows with a ``house_id`` place that house, or all shifts of it when the id has no shift (``redd-5``). Rows without
one are a pool of feeders over which the other houses are spread by a stable hash of their id.
"""

from __future__ import annotations

import csv
import io
import zlib
from dataclasses import dataclass
from pathlib import Path

from gridflex.domain.readings import HouseId
from gridflex.errors import SourceError

COLUMNS = ("house_id", "region", "feeder")


@dataclass(frozen=True, slots=True, kw_only=True)
class Premise:
    """A place in the grid: region and feeder."""

    region: str
    feeder: str


class Premises:
    """Finds the region and feeder of a house."""

    def __init__(self, placed: dict[str, Premise], pool: list[Premise]) -> None:
        self._placed = placed
        self._pool = pool

    def place(self, dataset: str, house: str, shift: int) -> Premise:
        """The place of virtual house ``<dataset>-<house>-<shift>``. Raises ``SourceError`` if there is none."""
        house_id = HouseId(dataset=dataset, house=house, shift=shift)
        found = self._placed.get(str(house_id)) or self._placed.get(house_id.of_all_shifts)
        if found:
            return found
        if not self._pool:
            raise SourceError(f"house {house_id} has no row in the premises file, and it has no row without house_id")
        return self._pool[zlib.crc32(str(house_id).encode()) % len(self._pool)]


def load_premises(path: Path) -> Premises:
    """Read a premises file. Raises ``SourceError`` that names the file, the line and what is allowed."""
    if not path.is_file():
        raise SourceError(f"premises file not found: {path}")
    placed: dict[str, Premise] = {}
    pool: list[Premise] = []
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        raise SourceError(f"{path} cannot be read as UTF-8: {problem}") from None
    with io.StringIO(text, newline="") as file:
        rows = csv.DictReader(file)
        if tuple(rows.fieldnames or ()) != COLUMNS:
            raise SourceError(f"{path}:1: found columns {rows.fieldnames}; expected {','.join(COLUMNS)}")
        for row in rows:
            if not row["region"] or not row["feeder"] or None in row:
                raise SourceError(f"{path}:{rows.line_num}: each row needs house_id (or nothing), region, feeder")
            premise = Premise(region=row["region"], feeder=row["feeder"])
            if row["house_id"] in placed:
                raise SourceError(f"{path}:{rows.line_num}: house {row['house_id']} is placed twice")
            if row["house_id"]:
                placed[row["house_id"]] = premise
            else:
                pool.append(premise)
    return Premises(placed, pool)
