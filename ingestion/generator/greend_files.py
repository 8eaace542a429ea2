"""Writes houses in GREEND's layout, with GREEND's defects: NULLs, headers amid a file, NUL bytes, broken lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from gridflex.domain.readings import Flags, Floats
from ingestion.generator.house import MeteredHouse
from ingestion.generator.occupancy import DAY_S
from ingestion.generator.sampling import GREEND_LOGGER, Span, Watch, gaps, greend_instants, outside

FIRST_CHANNEL = 1
HOLE_S = 1.5
"""Longer than any regular step."""
_NULL_RATE = 1e-4
_NULL_RUNS_PER_DAY = 0.5
_LONG_RUN = 0.02
_UNPLUGGED_PER_DAY = 0.05
_HEADERS_PER_DAY = 2.0
_EDITS_PER_DAY = {"cut": 1.0, "glued": 0.5, "extra": 1.0, "nul": 1.0, "nul_line": 0.5}
_STRAY_FILES = 0.3
_UNSET_CLOCK_S = 946_684_800
_WRITE = pa_csv.WriteOptions(include_header=False, quoting_style="none")


def write_greend(
    house: MeteredHouse, out: Path, *, start_s: int, days: int, defects: float, on_progress: Callable[[], object]
) -> tuple[int, list[list[Span]]]:
    """Write one house; return its number of good readings, and the holes per plug. ``on_progress``: after each day."""
    logger = replace(GREEND_LOGGER, defects=defects)
    rng = house.rng
    folder = out / f"building{house.number}"
    folder.mkdir(parents=True)
    plugs = [f"000D6F{(house.number << 8) + plug:010X}" for plug in range(1, len(house.circuits) + 1)]
    missing = gaps(rng, start_s, days, logger)
    watches, readings = [Watch(longest_s=HOLE_S, last_s=start_s) for _ in plugs], 0
    for day_s in range(start_s, start_s + days * DAY_S, DAY_S):
        instants = greend_instants(rng, day_s, logger)
        instants = instants[outside(instants, missing)]
        power_w = np.round(house.measure(instants), 3)
        damage = damages(rng, len(instants), len(plugs), defects)
        (folder / _file_name(day_s)).write_bytes(b"".join(_day_text(instants, power_w, plugs, damage, rng)))
        good = ~damage.null & ~damage.lost[:, None]
        readings += int(good.sum())
        for watch, seen in zip(watches, good.T, strict=True):
            watch.see(instants[seen])
        on_progress()
    if defects and (house.number == 0 or rng.random() < _STRAY_FILES * defects):
        _stray_files(folder, start_s, plugs, rng)
    return readings, [watch.close(start_s + days * DAY_S) for watch in watches]


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """What is wrong with one day."""

    null: Flags
    """Shape (n, plugs): values that are missing."""
    lost: Flags
    """Shape (n,): rows whose line is broken."""
    edits: dict[int, str]
    """Row -> what is done to its line."""
    pieces: tuple[tuple[int, int, int | None], ...]
    """Rows [first, last) under one header, and the plug that this header lacks."""


def damages(rng: np.random.Generator, rows: int, plugs: int, defects: float) -> Damage:
    """Draw one day's damage for so many rows and plugs."""
    null = rng.random((rows, plugs), dtype=np.float32) < _NULL_RATE * defects
    for plug in range(plugs):
        for _ in range(rng.poisson(_NULL_RUNS_PER_DAY * defects)):
            length = rng.integers(600, 3600) if rng.random() < _LONG_RUN else rng.integers(3, 50)
            start = int(rng.integers(0, rows))
            null[start : start + int(length), plug] = True
    edits = {
        int(row): kind
        for kind, rate in _EDITS_PER_DAY.items()
        for row in rng.integers(1, rows - 1, rng.poisson(rate * defects))
    }
    lost = np.zeros(rows, dtype=np.bool_)
    lost[[row for row, kind in edits.items() if kind in {"cut", "glued"}]] = True
    borders = {0, rows, *rng.integers(1, rows - 1, rng.poisson(_HEADERS_PER_DAY * defects)).tolist()}
    unplugged: dict[int, int] = {}
    if rng.random() < _UNPLUGGED_PER_DAY * defects:
        first = int(rng.integers(1, max(2, rows - 3600)))
        last = min(rows, first + int(rng.integers(600, 3600)))
        borders = {border for border in borders if not first < border < last} | {first, last}
        unplugged[first] = int(rng.integers(0, plugs))
        null[first:last, unplugged[first]] = True
    ordered = sorted(borders)
    pieces = tuple((a, b, unplugged.get(a)) for a, b in pairwise(ordered))
    return Damage(null=null, lost=lost, edits=edits, pieces=pieces)


def _day_text(
    instants: Floats, power_w: Floats, plugs: list[str], damage: Damage, rng: np.random.Generator
) -> Iterator[bytes]:
    """The day's file, piece by piece."""
    for first, last, lacking in damage.pieces:
        columns = [plug for plug in range(len(plugs)) if plug != lacking]
        header = _header([plugs[plug] for plug in columns])
        yield header
        rows = _rows(instants[first:last], power_w[first:last, columns], damage.null[first:last, columns])
        edits = {row - first: kind for row, kind in damage.edits.items() if first <= row < last}
        yield from _edited(rows, edits, header, rng) if edits else (rows,)


def _rows(instants: Floats, power_w: Floats, null: Flags) -> bytes:
    columns = {"time": pa.array(instants)}
    for plug in range(power_w.shape[1]):
        values = pa.array(power_w[:, plug], mask=null[:, plug])
        columns[str(plug)] = values.cast(pa.string()).fill_null("NULL") if values.null_count else values
    sink = pa.BufferOutputStream()
    pa_csv.write_csv(pa.table(columns), sink, _WRITE)
    return bytes(sink.getvalue())


def _edited(rows: bytes, edits: dict[int, str], header: bytes, rng: np.random.Generator) -> Iterator[bytes]:
    """The rows with some lines changed."""
    starts = np.concatenate(([0], np.flatnonzero(np.frombuffer(rows, dtype=np.uint8) == ord("\n")) + 1))
    done = 0
    for row, kind in sorted(edits.items()):
        start, end = int(starts[row]), int(starts[row + 1])
        yield rows[done:start]
        yield _edit(kind, rows[start:end], header, rng)
        done = end
    yield rows[done:]


def _edit(kind: str, line: bytes, header: bytes, rng: np.random.Generator) -> bytes:
    within = line[: int(rng.integers(5, line.rindex(b",")))]
    nul = b"\0" * int(rng.integers(1, 4096))
    return {
        "cut": within + b"\n",
        "glued": within + header,
        "extra": line[:-1] + b",0.0\n",
        "nul": nul + line,
        "nul_line": nul + b"\n" + line,
    }[kind]


def _header(plugs: list[str]) -> bytes:
    return ",".join(["timestamp", *plugs]).encode() + b"\n"


def _file_name(day_s: int) -> str:
    return f"dataset_{datetime.fromtimestamp(day_s, tz=UTC):%Y-%m-%d}.csv"


def _stray_files(folder: Path, start_s: int, plugs: list[str], rng: np.random.Generator) -> None:
    """An empty file of the day before, and one from before the logger's clock was set."""
    (folder / _file_name(start_s - DAY_S)).write_bytes(b"")
    power_w: Floats = np.round(rng.uniform(0, 50, (int(rng.integers(60, 600)), len(plugs))), 3)
    instants: Floats = _UNSET_CLOCK_S + 40.0 + np.arange(len(power_w), dtype=np.float64)
    text = _header(plugs) + _rows(instants, power_w, np.zeros(power_w.shape, dtype=np.bool_))
    (folder / _file_name(_UNSET_CLOCK_S)).write_bytes(text)
