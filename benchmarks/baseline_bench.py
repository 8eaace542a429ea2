"""(f) Baselines: every method for 5,000 meters x 1 year of half-hours, and day matching against plain DuckDB SQL.

``python -m benchmarks.baseline_bench`` prints the report; ``baseline_figures`` gives it to ``make bench``. Ours runs in
one process on one core; DuckDB takes all cores.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time

import duckdb
import numpy as np

from benchmarks.measure import Figure, versus
from gridflex.config import ROOT
from gridflex.domain.baseline import METHODS, EventWindow, Loads, baselines, measure, others_as_control
from gridflex.domain.readings import Floats, Ints
from tests.support.simulated.demand import Town, simulate

METERS, DAYS, SLOTS = 5_000, 365, 48
PEER_METERS = 1_000
AT_ONCE = 250
WINDOW = EventWindow.parse("17:00-20:00", SLOTS)
MOST_SECONDS, MOST_GB = 600.0, 4.0
SAME_TO = 1e-9
KB_PER_GB = 1024.0 * 1024.0

_DAYS_SQL = """
CREATE TABLE candidate AS
SELECT t.day AS target, t.weekend, c.day, row_number() OVER (PARTITION BY t.day ORDER BY c.day DESC) AS recency
FROM calendar t JOIN calendar c ON c.weekend = t.weekend AND c.day BETWEEN t.day - 45 AND t.day - 1
"""
_CAISO_SQL = """
WITH chosen AS (
    SELECT target, day FROM candidate
    WHERE recency <= CASE WHEN weekend THEN 4 ELSE 10 END
    QUALIFY count(*) OVER (PARTITION BY target) >= CASE WHEN weekend THEN 4 ELSE 5 END
), base AS (
    SELECT l.meter, c.target, l.slot, avg(l.kwh) AS kwh
    FROM load l JOIN chosen c USING (day) WHERE l.slot BETWEEN 26 AND 31 OR l.slot BETWEEN 34 AND 39
    GROUP BY ALL
), ratio AS (
    SELECT b.meter, b.target, greatest(0.8, least(1.2, avg(l.kwh) / avg(b.kwh))) AS factor
    FROM base b JOIN load l ON l.meter = b.meter AND l.day = b.target AND l.slot = b.slot
    WHERE b.slot BETWEEN 26 AND 31 GROUP BY ALL
)
SELECT meter, target, slot, kwh * factor AS kwh FROM base JOIN ratio USING (meter, target) WHERE slot BETWEEN 34 AND 39
"""
_HIGH_SQL = """
WITH event AS (
    SELECT meter, day, avg(kwh) AS kwh FROM load WHERE slot BETWEEN 34 AND 39 GROUP BY ALL
), pool AS (
    SELECT target, weekend, day FROM candidate WHERE recency <= CASE WHEN weekend THEN 3 ELSE 10 END
    QUALIFY count(*) OVER (PARTITION BY target) >= CASE WHEN weekend THEN 2 ELSE 5 END
), chosen AS (
    SELECT meter, target, day FROM event JOIN pool USING (day)
    QUALIFY row_number() OVER (PARTITION BY meter, target ORDER BY kwh DESC, day DESC)
        <= CASE WHEN weekend THEN 2 ELSE 5 END
)
SELECT meter, target, slot, avg(kwh) AS kwh FROM load JOIN chosen USING (meter, day)
WHERE slot BETWEEN 34 AND 39 GROUP BY ALL
"""
PEERS = {"caiso_10_of_10": _CAISO_SQL, "high_5_of_10_raw": _HIGH_SQL}


def baseline_figures() -> list[Figure]:
    """Both measurements, each in a process of its own so that peak memory is its own."""
    return [*_child("all"), *_child("peer")]


def all_methods() -> list[Figure]:
    """Every method on every day of the year, scored, with its rolling 90 % interval."""
    loads = others_as_control(simulate(Town(homes=METERS, days=DAYS, slots=SLOTS, seed=11)))
    targets = np.arange(DAYS)
    numbers = 0
    started = time.perf_counter()
    for first in range(0, METERS, AT_ONCE):
        part = loads.part(first, first + AT_ONCE)
        actual = part.actual_kwh(WINDOW, targets)
        for values in baselines(part, WINDOW, targets).values():
            measure(values, actual, part.per_hour)
            numbers += int(np.isfinite(values).sum())
    seconds = time.perf_counter() - started
    rows = METERS * DAYS * SLOTS
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KB_PER_GB
    name = f"baselines: {len(METHODS)} methods, {METERS:,} meters x {DAYS} days"
    return [
        Figure(name=f"{name}, with scores and intervals", value=seconds, unit="s", at_most=MOST_SECONDS),
        Figure(name=f"{name}: half-hours read", value=rows / seconds, unit="rows/s"),
        Figure(name=f"{name}: baseline values made", value=numbers / seconds, unit="rows/s"),
        Figure(name=f"{name}: peak memory", value=peak_gb, unit="GB", at_most=MOST_GB),
    ]


def against_duckdb() -> list[Figure]:
    """The same day matching in SQL on the same loads: figures agree, and how fast each is."""
    loads = simulate(Town(homes=PEER_METERS, days=DAYS, slots=SLOTS, seed=12))
    targets = np.arange(DAYS)
    base = _database(loads)
    figures = []
    rows = PEER_METERS * DAYS * SLOTS
    for name, sql in PEERS.items():
        _must_agree(name, baselines(loads, WINDOW, targets, methods=[name])[name], _answer(base, sql))
        ours, peer, ratio = versus(
            lambda n=name: rows / _ours_s(loads, targets, n), lambda q=sql: rows / _peer_s(base, q)
        )
        figures += [
            Figure(name=f"{name}, {PEER_METERS:,} meters, ours on one core", value=ours, unit="rows/s"),
            Figure(name=f"{name}, {PEER_METERS:,} meters, DuckDB SQL on all cores", value=peer, unit="rows/s"),
            Figure(name=f"{name}: ours / DuckDB (same values to {SAME_TO:g})", value=ratio, unit="x"),
        ]
    return figures


def _database(loads: Loads) -> duckdb.DuckDBPyConnection:
    base = duckdb.connect()
    meter, day, slot = np.indices(loads.kwh.shape, dtype=np.int16)
    columns = {"meter": meter.ravel(), "day": day.ravel(), "slot": slot.ravel(), "kwh": loads.kwh.ravel()}
    base.register("columns", columns)
    base.execute("CREATE TABLE load AS SELECT * FROM columns")
    base.register("kinds", {"day": np.arange(loads.days, dtype=np.int16), "weekend": loads.kinds > 0})
    base.execute("CREATE TABLE calendar AS SELECT * FROM kinds")
    base.execute(_DAYS_SQL)
    return base


def _answer(base: duckdb.DuckDBPyConnection, sql: str) -> Floats:
    found = base.execute(sql).fetchnumpy()
    values = np.full((PEER_METERS, DAYS, WINDOW.slots), np.nan)
    values[found["meter"], found["target"], found["slot"] - WINDOW.first] = found["kwh"]
    return values


def _must_agree(name: str, ours: Floats, peer: Floats) -> None:
    np.testing.assert_allclose(ours, peer, rtol=SAME_TO, err_msg=name)


def _ours_s(loads: Loads, targets: Ints, name: str) -> float:
    started = time.perf_counter()
    for first in range(0, len(loads.names), AT_ONCE):
        baselines(loads.part(first, first + AT_ONCE), WINDOW, targets, methods=[name])
    return time.perf_counter() - started


def _peer_s(base: duckdb.DuckDBPyConnection, sql: str) -> float:
    started = time.perf_counter()
    base.execute(sql).fetchnumpy()
    return time.perf_counter() - started


_PARTS = {"all": all_methods, "peer": against_duckdb}


def _child(part: str) -> list[Figure]:
    command = [sys.executable, "-m", "benchmarks.baseline_bench", part]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return [Figure(**fields) for fields in json.loads(done.stdout)]


def main() -> None:
    """With a part's name its figures as JSON, without one the whole report."""
    if len(sys.argv) > 1:
        fields = ("name", "value", "unit", "at_least", "at_most")
        print(json.dumps([{field: getattr(one, field) for field in fields} for one in _PARTS[sys.argv[1]]()]))
        return
    for figure in baseline_figures():
        print(figure.line())


if __name__ == "__main__":
    main()
