"""Reads GREEND: ``buildingN/dataset_YYYY-MM-DD.csv``, one column a plug, and ``labels.json``, the plugs' names by
position.

::

    labels.json                                 dataset_2013-12-07.csv
    {"building0": ["radio", "water kettle"]}    timestamp,000D6F0002907BA2,000D6F0002907BC8
                                                1386374137.122849,0.0,NULL
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import cast

import numpy as np

from gridflex.config import Readings
from gridflex.domain.readings import (
    EARLIEST_SOURCE_MS,
    LATEST_SOURCE_MS,
    MS_PER_S,
    ReadingBlock,
    Reason,
    Rejection,
    SourceSeries,
)
from gridflex.errors import SourceError
from ingestion.feeds.greend_plugs import HEADER, Plugs, building_plugs, header_plugs
from ingestion.feeds.houses import block_bytes, chosen, class_of, nothing_good, numbered, read_text
from ingestion.parsing.columns import LineFormat, parse
from ingestion.parsing.line_blocks import LineBlock, line_blocks
from ingestion.parsing.merge import merge
from ingestion.parsing.row_validation import ColumnSpec, Rows, validate_rows
from ingestion.parsing.sequence import TimeOrder

log = logging.getLogger(__name__)

LAYOUT = "labels.json and buildingN/dataset_YYYY-MM-DD.csv"
WHAT = "<epoch seconds>,<watts or NULL>,... as the header names them"
BEGIN, END = (datetime.fromtimestamp(ms / MS_PER_S, tz=UTC).date() for ms in (EARLIEST_SOURCE_MS, LATEST_SOURCE_MS))
"""A file named by an earlier day was written before the logger's clock was set; by a later one, with a broken clock."""
SLACK = timedelta(days=1)
"""A file is named by the local day; its times may lie this much outside the UTC day of that name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Building:
    """One house: its files in order of days, and which series each plug is."""

    number: int
    folder: Path
    files: tuple[Path, ...]
    plugs: Plugs
    """In the order of the labels; a plug beyond the labels has none."""
    labels: tuple[str, ...]


class GreendReader:
    """The plugs of all buildings, as one sequence of readings."""

    dataset = "greend"

    def __init__(self, path: Path, *, houses: Collection[str] | None, readings: Readings) -> None:
        self._root = path
        self._readings = readings
        self._buildings: list[Building] = []
        labels = _labels(path / "labels.json")
        found = {number: folder for number, folder in numbered(path, "building").items() if folder.is_dir()}
        for number, folder in chosen(found, houses, where=path, layout=LAYOUT).items():
            if building := _building(number, folder, labels, asked=houses is not None):
                self._buildings.append(building)
        self.series = tuple(
            SourceSeries(
                house=str(building.number),
                channel=str(position),
                appliance=class_of(self.dataset, label, path / "labels.json"),
            )
            for building in self._buildings
            for position, label in enumerate(building.labels, start=1)
        )

    def blocks(self) -> Iterator[ReadingBlock]:
        """See ``Reader``."""
        size = block_bytes(len(self._buildings))
        first = np.cumsum([0, *(len(building.labels) for building in self._buildings)]).tolist()
        return merge(self._feed(building, first[index], size) for index, building in enumerate(self._buildings))

    def span_ms(self) -> tuple[int, int]:
        """See ``Reader``."""
        ends = [end for building in self._buildings if (end := self._ends(building)) is not None]
        if not ends:
            raise nothing_good(self._root, self.blocks(), WHAT)
        return min(first for first, _ in ends), max(last for _, last in ends)

    def _feed(self, building: Building, first_series: int, size: int) -> Iterator[ReadingBlock]:
        limits = self._readings
        order = TimeOrder(first_series=first_series, series=len(building.labels), limits=limits, edges=False)
        for file in building.files:
            day = _Day(building, file, max_power_w=limits.max_power_w)
            for block in line_blocks(file, name=str(file.relative_to(self._root)), block_bytes=size):
                for rows, rejections in day.rows(block):
                    yield from order.push(rows, block, rejections)
        yield from order.finish()

    def _ends(self, building: Building) -> tuple[int, int] | None:
        """First and last good time, from the first and the last file that have one."""
        days = (self._times(replace(building, files=(file,))) for file in building.files)
        first = next((times[0] for times in days if times), None)
        days = (self._times(replace(building, files=(file,))) for file in reversed(building.files))
        last = next((times[1] for times in days if times), None)
        return None if first is None or last is None else (first, last)

    def _times(self, building: Building) -> tuple[int, int] | None:
        """First and last good time of all its files."""
        blocks = list(self._feed(building, 0, block_bytes(1)))
        times = np.concatenate([block.source_time_ms for block in blocks])
        return (int(times[0]), int(times[-1])) if len(times) else None


class _Day:
    """Parses the blocks of one file in turn, minding its headers."""

    def __init__(self, building: Building, file: Path, *, max_power_w: float) -> None:
        named = _day(file)
        self._from_s, self._before_s = np.inf, -np.inf
        if named is not None and BEGIN <= named < END:
            midnight = datetime.combine(named, time(), tzinfo=UTC)
            self._from_s = max((midnight - SLACK).timestamp(), EARLIEST_SOURCE_MS / MS_PER_S)
            self._before_s = (midnight + SLACK + timedelta(days=1)).timestamp()
        self._series = {plug: index for index, plug in enumerate(building.plugs[: len(building.labels)])}
        self._known = building.plugs
        self._width = len(building.labels)
        self._max_power_w = max_power_w
        self._columns: list[int | None] = []

    def rows(self, block: LineBlock) -> Iterator[tuple[Rows, list[Rejection]]]:
        """The rows and rejections between one header and the next."""
        start, first_line = 0, block.first_line
        while start < len(block.data):
            found = block.data.find(HEADER, start)
            line_start = block.data.rfind(b"\n", start, found) + 1 or start if found >= 0 else len(block.data)
            if line_start > start:
                yield self._piece(block, block.data[start:line_start], first_line)
                first_line += block.data.count(b"\n", start, line_start)
            if found < 0:
                return
            start = block.data.find(b"\n", found) + 1 or len(block.data)
            if bad := self._header(block, block.data[line_start:found], block.data[found:start], first_line):
                yield self._nothing(), bad
            first_line += 1

    def _piece(self, block: LineBlock, data: bytes, first_line: int) -> tuple[Rows, list[Rejection]]:
        if not self._columns:
            return self._nothing(), list(_headless(block, data, first_line))
        line_format = LineFormat(delimiter=b",", columns=len(self._columns), extra_fields=True, what=WHAT)
        parsed = parse(data, name=block.name, first_line=first_line, line_format=line_format)
        spec = ColumnSpec(
            columns=self._columns,
            series=self._width,
            from_s=self._from_s,
            before_s=self._before_s,
            max_power_w=self._max_power_w,
        )
        return validate_rows(block, parsed, spec)

    def _header(self, block: LineBlock, before: bytes, header: bytes, line: int) -> list[Rejection]:
        """Take a header's columns; what stands before it in its line, or a header that is not whole, is rejected."""
        bad = []
        if before.strip(b"\0 \t\r"):
            bad.append(_broken(block, line, "a header in the middle of a line", max(1, len(self._columns))))
        plugs = header_plugs(header, self._known)
        if plugs is None:
            bad.append(_broken(block, line, "a header that is not whole; the one before it holds on", 1))
        else:
            self._columns = [self._series.get(plug) for plug in plugs]
        return bad

    def _nothing(self) -> Rows:
        return Rows(
            time_ms=np.zeros(0, dtype=np.int64), values=np.zeros((0, self._width)), line=np.zeros(0, dtype=np.int64)
        )


def _headless(block: LineBlock, data: bytes, first_line: int) -> Iterator[Rejection]:
    for number, line in enumerate(data.split(b"\n"), start=first_line):
        if line.strip():
            yield Rejection(
                reason=Reason.UNKNOWN_COLUMN,
                position=block.position(number),
                detail="a line before any header",
                raw=block.raw(number),
                count=max(1, line.count(b",")),
            )


def _broken(block: LineBlock, line: int, detail: str, count: int) -> Rejection:
    return Rejection(
        reason=Reason.BROKEN_LINE,
        position=block.position(line),
        detail=f"found {detail}; expected {WHAT}",
        raw=block.raw(line),
        count=count,
    )


def _day(file: Path) -> date | None:
    try:
        return date.fromisoformat(file.stem.removeprefix("dataset_"))
    except ValueError:
        return None


def _labels(path: Path) -> dict[str, list[str]]:
    """Building -> labels. Raises ``SourceError`` if the file is not there or not of that form."""
    try:
        labels = json.loads(read_text(path, LAYOUT), object_pairs_hook=_once)
    except (ValueError, RecursionError) as problem:
        raise SourceError(f"{path} is not JSON: {problem}") from None
    good = isinstance(labels, dict) and all(
        isinstance(names, list) and names and all(isinstance(name, str) for name in names) for names in labels.values()
    )
    if not good:
        raise SourceError(f'{path}: expected {{"building0": ["label of column 1", ...], ...}}')
    return cast(dict[str, list[str]], labels)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    names = [name for name, _ in pairs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{twice[0][:80]!r} stands twice; expected each building once")
    return dict(pairs)


def _building(number: int, folder: Path, labels: dict[str, list[str]], *, asked: bool) -> Building | None:
    """One building; one without files or labels is skipped, or an error if it was asked for."""
    named = sorted(folder.glob("*.csv"))
    files = tuple(file for file in named if file.name.startswith("dataset_") and _day(file))
    if unnamed := [file.name for file in named if file not in files]:
        log.warning("skipped files not named dataset_YYYY-MM-DD.csv folder=%s files=%s", folder, ",".join(unnamed))
    names = labels.get(folder.name)
    if files and names:
        return Building(
            number=number, folder=folder, files=files, plugs=building_plugs(files, names), labels=tuple(names)
        )
    problem = "has no dataset_YYYY-MM-DD.csv" if not files else f"is not in labels.json, which has {', '.join(labels)}"
    if asked:
        raise SourceError(f"{folder} {problem}; expected {LAYOUT}")
    log.warning("skipped building folder=%s: it %s", folder, problem)
    return None
