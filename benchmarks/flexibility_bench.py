"""(f) Flexibility by slice over 100,000 appliances: what `curtail flex` asks, after a day of rolled-up minutes.

The last minutes hold a row an appliance, as the streaming job tells them; the day before them a row a slice and
minute, which is what Druid's rollup makes of them. The peer is the cheapest answer that names every slice: one sum.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import click
import numpy as np

from benchmarks.measure import RUNS, Figure, busy_core, gridflex_json, percentile
from benchmarks.trace import Trace, figures, report
from gridflex import config as settings
from gridflex.adapters.avro import Coded, StringTable, encode_columns
from gridflex.adapters.druid.client import Druid
from gridflex.adapters.druid.flexibility_query import FlexibilityQuery
from gridflex.adapters.kafka.writer import TransactionalWriter
from gridflex.config import Config
from gridflex.contracts.schemas import flexibility_schema
from gridflex.domain.readings import HouseId, Ints

APPLIANCES = 100_000
_REGIONS, _FEEDERS, _PER_HOUSE = 24, 200, 20
_CLASSES = ("fridge", "freezer", "air_conditioning", "electric_heat", "dishwasher", "washing_machine", "dryer")
_WHOLE_MINUTES = 10
_DAY_MINUTES = 1440
_QUESTIONS = 100
_WARM_UP = 5
_MINUTE_MS = 60_000
_POLL_S = 0.2
_IDENTITY = ("dataset", "region", "feeder", "house_id", "appliance_id", "appliance")


def run(config: Config) -> list[Figure]:
    """On the Kafka and Druid of ``config``; nothing else may write flexibility."""
    druid = _TimedDruid(config.druid)
    now_ms = time.time_ns() // 1_000_000
    minute_ms = (now_ms - round(config.flexibility.settle_s * 1000)) // _MINUTE_MS * _MINUTE_MS
    rows = _fill(config, minute_ms)
    while _counted(druid) < rows:
        time.sleep(_POLL_S)
    everything = FlexibilityQuery(druid, minute_ms)
    one_region = FlexibilityQuery(druid, minute_ms, region="region-7")
    slices = everything.slices()
    assert sum(one.known for one in slices) == APPLIANCES
    runs = [_traces(druid, everything) for _ in range(RUNS)]
    part = _traces(druid, one_region)
    with busy_core():
        beside = _traces(druid, everything)
    whole = [trace for one in runs for trace in one]
    worst = max(percentile([trace.total_s for trace in one], 0.95) for one in runs)
    peer = _times(lambda: _one_sum(druid, minute_ms))
    click.echo("\n".join(report("flexibility by slice", whole) + report("the same of one region", part)))
    command = _times(lambda: gridflex_json(["curtail", "flex"]), runs=5)
    name = f"flexibility, {APPLIANCES:,} appliances, {len(slices):,} slices"
    return [
        *figures(name, whole, at_most=0.5),
        Figure(name="the same, p95 of the worst of three runs", value=worst, unit="s", at_most=0.5),
        *figures("the same, one core taken", beside),
        *figures("the same of one region", part, at_most=0.5),
        Figure(name="one sum of one minute by slice, p50", value=percentile(peer, 0.5), unit="s"),
        Figure(name="`curtail flex --json`, Python's start included, p50", value=percentile(command, 0.5), unit="s"),
    ]


class _TimedDruid(Druid):
    """Notes how long each query took."""

    def __init__(self, druid: settings.Druid) -> None:
        super().__init__(druid)
        self.asked: list[tuple[str, float]] = []
        """The query and when it was answered, by the monotonic clock."""

    def sql(self, query: str, parameters: Sequence[Mapping[str, Any]] = ()) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = super().sql(query, parameters)
        self.asked.append((query, time.monotonic()))
        return rows


def _traces(druid: _TimedDruid, ask: FlexibilityQuery) -> list[Trace]:
    """What `slices` waits for: both of its queries, which run beside each other, and then its own arithmetic."""
    traces = []
    for _ in range(_QUESTIONS + _WARM_UP):
        druid.asked.clear()
        began, started = time.time(), time.monotonic()
        ask.slices()
        done = time.monotonic()
        fleet = next(at for query, at in druid.asked if "MAX(heard)" in query)
        minute = next(at for query, at in druid.asked if "MAX(heard)" not in query)
        hops = {
            "Druid: until the first query's answer": min(fleet, minute) - started,
            "Druid: longer for the fleet of 24 h": max(0.0, fleet - minute),
            "Druid: longer for the minute's sums": max(0.0, minute - fleet),
            "Python: slices of rows": done - max(fleet, minute),
        }
        traces.append(Trace(began=began, hops=hops))
    return traces[_WARM_UP:]


def _times(ask: Callable[[], object], runs: int = _QUESTIONS) -> list[float]:
    seconds = []
    for _ in range(runs + _WARM_UP):
        started = time.monotonic()
        ask()
        seconds.append(time.monotonic() - started)
    return seconds[_WARM_UP:]


def _one_sum(druid: Druid, minute_ms: int) -> object:
    return druid.sql(
        "SELECT region, feeder, appliance, SUM(flex_0_w) FROM flexibility WHERE __time = MILLIS_TO_TIMESTAMP(?) "
        "GROUP BY 1, 2, 3",
        [{"type": "BIGINT", "value": minute_ms}],
    )


def _counted(druid: Druid) -> int:
    if not druid.has_table("flexibility"):
        return 0
    found: int = druid.sql("SELECT SUM(appliances) AS n FROM flexibility")[0]["n"] or 0
    return found


def _fill(config: Config, minute_ms: int) -> int:
    """Write everything; how many rows."""
    appliances = _identities(np.arange(APPLIANCES))
    _, first = np.unique([row[1:3] + row[5:] for row in appliances], axis=0, return_index=True)
    slices = [appliances[index] for index in first.tolist()]
    written = 0
    with TransactionalWriter(config.kafka, "fill-flexibility") as writer:
        for back, identities in _minutes(slices, appliances):
            messages = _messages(identities, minute_ms - back * _MINUTE_MS)
            written += len(messages)
            writer.commit({config.kafka.topic_flexibility: messages}, str(written))
    return written


def _minutes(
    slices: list[tuple[str, ...]], appliances: list[tuple[str, ...]]
) -> Iterator[tuple[int, list[tuple[str, ...]]]]:
    for back in range(_DAY_MINUTES - 1, -1, -1):
        yield back, appliances if back < _WHOLE_MINUTES else slices


def _identities(number: Ints) -> list[tuple[str, ...]]:
    found = []
    for one in number.tolist():
        house, feeder = HouseId(dataset="redd", house=str(one // _PER_HOUSE)), one // _PER_HOUSE % _FEEDERS
        name = _CLASSES[one % len(_CLASSES)]
        place = (f"region-{feeder % _REGIONS}", f"feeder-{feeder}")
        found.append(("redd", *place, str(house), str(house.series(str(one % _PER_HOUSE))), name))
    return found


def _messages(identities: list[tuple[str, ...]], time_ms: int) -> list[tuple[bytes, bytes]]:
    count = len(identities)
    random = np.random.default_rng(time_ms // _MINUTE_MS)
    schema = flexibility_schema()
    moments = {field.name: random.uniform(0, 200, count) for field in schema.fields if field.avro_type == "double"}
    values = encode_columns(
        schema,
        {
            "event_time_ms": np.full(count, time_ms),
            _IDENTITY: Coded(codes=np.arange(count), table=StringTable(identities)),
            "fresh": np.ones(count, dtype=np.int64),
            "callable": np.ones(count, dtype=np.int64),
            **moments,
        },
    )
    return [(row[4].encode(), value) for row, value in zip(identities, values, strict=True)]
