"""(f) Every chart's query over a rollup of 100 million readings: p50 and p95, asked as Superset asks.

The rollup is made at minute grain by native batch ingestion of rows that are rolled up already: each stands for the
readings of one appliance in one minute, and their ``count`` sums to 100 million. Replaying as many readings would take
hours and give the same segments.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import requests

from benchmarks.measure import Figure, percentile
from gridflex.adapters.druid.batch import DruidBatch
from gridflex.adapters.druid.client import Druid
from gridflex.adapters.druid.staging_area import StagingArea, as_csv
from gridflex.adapters.druid.tables import empty_table, table_specs
from gridflex.adapters.superset.client import Superset
from gridflex.config import Config
from gridflex.domain.interval import Interval
from gridflex.domain.readings import MS_PER_DAY, HouseId
from gridflex.operations.dashboards.apply import sign_in
from gridflex.operations.dashboards.assets import load_assets
from gridflex.operations.dashboards.layout import charts_of

log = logging.getLogger(__name__)

READINGS = 100_000_000
APPLIANCES = 500
MINUTES_A_DAY = 1440
READINGS_A_MINUTE = 20
"""One in three seconds."""
DAYS = READINGS // (APPLIANCES * MINUTES_A_DAY * READINGS_A_MINUTE) + 1
REPEATS = 12
P95_S = 1.0
_FIRST_HOUSE = "redd-0-0"
_KINDS = ("fridge", "freezer", "dishwasher", "washer_dryer", "lighting", "air_conditioning", "electronics", "microwave")
_REGIONS = ("Tunis", "Sfax", "Sousse", "Nabeul", "Bizerte", "Gabes", "Kairouan", "Ariana")


def run(config: Config) -> list[Figure]:
    """Superset and Druid are up. Makes the rollup, then asks every chart's query, twelve times each."""
    rows = fill(config)
    figures = [Figure(name="readings in the rollup", value=readings(config), unit="", at_least=READINGS)]
    figures.append(Figure(name="rows of the rollup", value=rows, unit="rows"))
    times = dict(chart_times(config))
    every = [seconds for found in times.values() for seconds in found]
    for name, found in sorted(times.items(), key=lambda item: -percentile(item[1], 0.95)):
        figures.append(Figure(name=f"{name}, p50", value=percentile(found, 0.5), unit="s"))
        figures.append(Figure(name=f"{name}, p95", value=percentile(found, 0.95), unit="s", at_most=P95_S))
    figures.append(Figure(name="all charts, p50", value=percentile(every, 0.5), unit="s"))
    figures.append(Figure(name="all charts, p95", value=percentile(every, 0.95), unit="s", at_most=P95_S))
    return figures


def readings(config: Config) -> float:
    """How many readings the rollup says that it holds."""
    return float(Druid(config.druid).sql('SELECT SUM("count") AS n FROM powerraw')[0]["n"])


def fill(config: Config) -> int:
    """Write the rollup up to the end of the current day, and a day of duty windows and flexibility; gives its rows."""
    rows = 0
    midnight = time.time_ns() // 1_000_000 // MS_PER_DAY * MS_PER_DAY
    for day in range(DAYS):
        start_ms = midnight + (1 - DAYS + day) * MS_PER_DAY
        table = day_rows(start_ms, seed=day)
        load(config, "powerraw", start_ms, table)
        rows += len(table)
        log.info("day=%d of=%d rows=%d", day + 1, DAYS, rows)
    for start_ms in (midnight - MS_PER_DAY, midnight):
        load(config, "dutycycle", start_ms, window_rows(start_ms))
        load(config, "flexibility", start_ms, flexibility_rows(start_ms))
    return rows


def load(config: Config, name: str, start_ms: int, rows: pa.Table) -> None:
    """Let a day of a table hold the rows, without the sketch of quantiles, which no chart asks for."""
    schema = table_specs()[name]
    spec = empty_table(schema)
    made = spec["spec"]["dataSchema"]
    made["metricsSpec"] = [one for one in made["metricsSpec"] if one["type"] != "quantilesDoublesSketch"]
    made["granularitySpec"] |= {"intervals": [str(Interval(start_ms=start_ms, end_ms=start_ms + MS_PER_DAY))],
                                "queryGranularity": "MINUTE", "rollup": name == "flexibility"}  # fmt: skip
    with StagingArea(config).stage(name, as_csv(rows)) as source:
        spec["spec"]["ioConfig"] |= source
        DruidBatch(config).run(spec)


def series(start_ms: int) -> tuple[Any, dict[str, Any]]:
    """Appliance of each row of a day at minute grain, and the columns that name it; shape (rows,)."""
    index = np.repeat(np.arange(APPLIANCES), MINUTES_A_DAY)
    minute = np.tile(np.arange(MINUTES_A_DAY, dtype=np.int64), APPLIANCES)
    region = (index // 20) % len(_REGIONS)

    def named(names: list[str], codes: Any) -> pa.Array:
        return pa.array(names, pa.string()).take(pa.array(codes))

    return index, {
        "time_ms": start_ms + minute * 60_000,
        "dataset": named(["redd"], np.zeros(len(index), dtype=np.int64)),
        "region": named(list(_REGIONS), region),
        "feeder": named([f"{name[:3].upper()}-F0{n}" for name in _REGIONS for n in (1, 2)], region * 2 + index % 2),
        "house_id": named([str(HouseId(dataset="redd", house=str(n))) for n in range(APPLIANCES // 10)], index // 10),
        "appliance_id": named(
            [str(HouseId(dataset="redd", house=str(n // 10)).series(str(n % 10))) for n in range(APPLIANCES)], index
        ),
        "appliance": named(list(_KINDS), index % len(_KINDS)),
    }


def day_rows(start_ms: int, seed: int) -> pa.Table:
    """One day of every appliance, a row a minute."""
    random = np.random.default_rng(seed)
    index, columns = series(start_ms)
    on = random.random(len(index)) < 0.3
    power_w = np.where(on, random.uniform(50, 1500, APPLIANCES)[index], 2.0).round(1)
    return pa.table(
        columns
        | {
            "power_w": power_w,
            "energy_wh": (power_w / 60).round(4),
            "observed_s": np.full(len(index), 60.0),
            "count": np.full(len(index), READINGS_A_MINUTE, dtype=np.int64),
            "event_time_ms": columns["time_ms"] + 57_000,
        }
    )


def window_rows(start_ms: int) -> pa.Table:
    """A day of closed duty windows, one a minute and appliance."""
    index, columns = series(start_ms)
    on_s = (columns["time_ms"] // 60_000 * 7 + index * 13) % 600
    fixed = {"kind": "window", "status": "closed"}
    return pa.table(
        columns
        | {name: pa.array([value] * len(index)) for name, value in fixed.items()}
        | {
            "start_ms": columns["time_ms"] - 600_000,
            "end_ms": columns["time_ms"],
            "on_s": on_s.astype(float),
            "observed_s": np.full(len(index), 600.0),
            "duty_cycle": on_s / 600,
            "mean_on_power_w": 100.0 + index % 7,
            "energy_wh": on_s / 36,
        }
    )


def flexibility_rows(start_ms: int) -> pa.Table:
    """A day of flexible power, one row a minute and appliance."""
    index, columns = series(start_ms)
    del columns["appliance_id"]
    power_w = 50.0 + index % 100
    values: dict[str, Any] = dict.fromkeys(("appliances", "fresh", "callable"), np.ones(len(index), dtype=np.int64))
    for minutes in (0, 15, 30, 60):
        values |= {
            f"flex_{minutes}_w": power_w,
            f"variance_{minutes}_w2": power_w**2,
            f"shared_{minutes}_w": power_w / 10,
        }
        values |= {f"rebound_{minutes}_wh": power_w * minutes / 120} if minutes else {}
    return pa.table(columns | values)


def chart_times(config: Config) -> Iterator[tuple[str, list[float]]]:
    """Seconds of each chart's query, as Superset words it, straight at Druid; the first answer is not counted."""
    superset, assets = sign_in(config), load_assets()
    numbers = {chart["slice_name"]: int(chart["id"]) for chart in superset.every("/api/v1/chart/")}
    for dashboard in assets.dashboards.values():
        chosen = [one["column"] for one in dashboard["filters"] if one.get("first")]
        for name in charts_of(dashboard["layout"]):
            doc = assets.charts[name]
            columns = [column for column in chosen if column in assets.datasets[doc["dataset"]]["columns"]]
            sql = chart_sql(superset, numbers[doc["name"]], columns)
            yield f"{dashboard['slug']}: {doc['name']}", [_ask(config, sql) for _ in range(REPEATS + 1)][1:]


def chart_sql(superset: Superset, number: int, chosen: list[str]) -> str:
    """The SQL that Superset sends for a chart, with what a dashboard chooses by itself: its first house."""
    body = json.loads(superset.get(f"/api/v1/chart/{number}")["result"]["query_context"])
    for query in body["queries"]:
        query["filters"] += [{"col": column, "op": "IN", "val": [_FIRST_HOUSE]} for column in chosen]
    found = superset.send("POST", "/api/v1/chart/data", body | {"result_type": "query"})["result"][0]
    return str(found["query"]).strip().removesuffix(";")


def _ask(config: Config, sql: str) -> float:
    began = time.monotonic()
    body = json.dumps({"query": sql, "context": {"useCache": False, "useResultLevelCache": False}})
    with requests.post(
        f"{config.druid.router_url}/druid/v2/sql", data=body, headers={"Content-Type": "application/json"}, timeout=120
    ) as answer:
        answer.raise_for_status()
    return time.monotonic() - began
