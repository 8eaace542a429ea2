"""(e) How old an answer is while 10,000 readings a second flow: reading -> SQL, and reading -> duty-cycle row -> SQL.

A probe house sends one reading at a time beside the flow. Its readings lie a minute apart in event time, so each closes
a duty window. A watcher notes when Kafka lets its messages be read; from then on Druid is asked until its answer shows
the reading, or the row. So every answer's time is told by the hop (Kafka's transaction, until it can be read, Spark's
and Druid's work, the query itself), and no question is asked in vain meanwhile: a hundred a second would take a core.

Three runs in a row on the machine as it is, and one while a process takes one of its cores.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click

from benchmarks.measure import RUNS, Figure, busy_core, gridflex, percentile
from benchmarks.trace import Trace, figures, report
from benchmarks.watcher import Watcher
from gridflex.adapters.avro import decode, encode_dicts
from gridflex.adapters.druid.client import Druid
from gridflex.adapters.kafka.writer import TransactionalWriter
from gridflex.config import ROOT, Config
from gridflex.contracts.schemas import duty_cycle_schema, reading_schema
from gridflex.domain.readings import MS_PER_DAY
from gridflex.errors import ServiceError

_FLOW = 10_000
_SHIFTS = 4
"""So many virtual houses of each: the flow lasts long enough."""
_PROBES = 60
_WARM_UP = 5
_PATIENCE_S = 240.0
_POLL_S = 0.01
_RAW_S, _DUTY_S = 0.5, 3.0


@dataclass(slots=True)
class _Run:
    raw: list[Trace] = field(default_factory=list)
    duty: list[Trace] = field(default_factory=list)

    def p95(self) -> tuple[float, float]:
        raw, duty = ([trace.total_s for trace in traces] for traces in (self.raw, self.duty))
        return percentile(raw, 0.95), percentile(duty, 0.95)


def run(config: Config, environment: dict[str, str], data: Path, readings_per_event_s: float) -> list[Figure]:
    """``data``: a generated REDD data set that holds ``readings_per_event_s`` readings a second of its own time."""
    speed = _FLOW / (readings_per_event_s * _SHIFTS)
    runs = []
    for number in range(RUNS):
        with _flow(environment, data, speed, number):
            runs.append(_probe(config))
        click.echo("freshness, run {}: p95 {:.3f} s raw, {:.3f} s duty".format(number + 1, *runs[-1].p95()))
    with _flow(environment, data, speed, RUNS), busy_core():
        beside = _probe(config)
    raw, duty = ([trace for one in runs for trace in getattr(one, kind)] for kind in ("raw", "duty"))
    for name, traces in (("reading -> SQL", raw), ("reading -> duty row -> SQL", duty),
                         ("reading -> SQL, one core taken", beside.raw),
                         ("reading -> duty row -> SQL, one core taken", beside.duty)):  # fmt: skip
        click.echo("\n".join(report(name, traces)))
    worst_raw, worst_duty = (max(p95) for p95 in zip(*(one.p95() for one in runs), strict=True))
    return [
        *figures(f"reading -> SQL while {_FLOW:,}/s flow", raw, at_most=_RAW_S),
        Figure(name="the same, p95 of the worst of three runs", value=worst_raw, unit="s", at_most=_RAW_S),
        *figures("reading -> duty-cycle row in SQL", duty, at_most=_DUTY_S),
        Figure(name="the same, p95 of the worst of three runs", value=worst_duty, unit="s", at_most=_DUTY_S),
        *figures("reading -> SQL, one core taken", beside.raw),
        *figures("reading -> duty-cycle row in SQL, one core taken", beside.duty),
    ]


@contextmanager
def _flow(environment: dict[str, str], data: Path, speed: float, number: int) -> Iterator[None]:
    """Readings flow; each run's are of other virtual houses, so that none is late."""
    first = number * _SHIFTS
    command = [gridflex(), "replay", "redd", "--path", str(data),
               "--speed", f"{speed:.3f}", "--replay-id", f"flow-{time.time_ns()}",
               "--shifts", f"{first}:{first + _SHIFTS}"]  # fmt: skip
    flow = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
        if flow.poll() is not None:
            raise ServiceError("the flow ended before the probes; play more shifts")
    finally:
        flow.terminate()
        flow.wait()


def _probe(config: Config) -> _Run:
    druid, house, run = Druid(config.druid), f"probe-{time.time_ns()}", _Run()
    start_ms = (time.time_ns() // 1_000_000 // MS_PER_DAY - 1) * MS_PER_DAY
    topics = (config.kafka.topic_readings, config.kafka.topic_duty_cycles)
    with (
        TransactionalWriter(config.kafka, house) as writer,
        Watcher(config.kafka, topics, f"{house}-1".encode()) as watcher,
    ):
        for number in range(_PROBES):
            event_ms = start_ms + number * 60_000
            value = encode_dicts(reading_schema(), [_reading(house, event_ms)])[0]
            began, sent = time.time(), time.monotonic()
            writer.commit({config.kafka.topic_readings: [(f"{house}-1".encode(), value)]}, str(number))
            committed = time.monotonic()
            readable = _when(watcher, topics[0], number)
            raw = _until(druid, f"SELECT SUM(\"count\") AS n FROM powerraw WHERE house_id = '{house}'", number + 1)
            written = _hops(sent, {"Kafka: transaction": committed, "Kafka: until it can be read": readable})
            run.raw.append(Trace(began=began, hops=written | _answered(readable, raw)))
            if number:
                row = _row_at(watcher, topics[1], event_ms)
                duty = _until(druid, f"SELECT MAX(end_ms) AS n FROM dutycycle WHERE house_id = '{house}'", event_ms)
                told = written | {"Spark: until its row can be read": max(0.0, row - readable)}
                run.duty.append(Trace(began=began, hops=told | _answered(row, duty)))
    return _Run(raw=run.raw[_WARM_UP:], duty=run.duty[_WARM_UP:])


def _hops(start: float, ends: dict[str, float]) -> dict[str, float]:
    hops = {}
    for name, end in ends.items():
        hops[name] = max(0.0, end - start)
        start = max(start, end)
    return hops


def _answered(readable: float, answer: tuple[float, float]) -> dict[str, float]:
    """From where it can be read to the query that showed it, and that query. Queries that came too early are before."""
    asked, told = answer
    return _hops(readable, {"Druid: until a query shows it": asked, "Druid: that query": told})


def _reading(house: str, event_ms: int) -> dict[str, object]:
    return {"event_time_ms": event_ms, "source_time_ms": event_ms, "dataset": "probe", "region": "Tunis",
            "feeder": "TUN-F01", "house_id": house, "appliance_id": f"{house}-1", "appliance": "fridge",
            "power_w": 100.0, "observed_s": 60.0}  # fmt: skip


def _when(watcher: Watcher, topic: str, number: int) -> float:
    """When the key's reading of this number could be read."""
    deadline = time.monotonic() + _PATIENCE_S
    while len(seen := watcher.seen(topic)) <= number:
        if time.monotonic() > deadline:
            raise ServiceError(f"reading {number} of the probe cannot be read from {topic}")
        time.sleep(_POLL_S)
    return seen[number][0]


def _row_at(watcher: Watcher, topic: str, event_ms: int) -> float:
    """When a row that ends at ``event_ms`` or later could be read."""
    schema = duty_cycle_schema()
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        for instant, value in watcher.seen(topic):
            if (decode(value, {schema.schema_id: schema})["end_ms"] or 0) >= event_ms:
                return instant
        time.sleep(_POLL_S)
    raise ServiceError(f"no row of the probe that ends at {event_ms} can be read from {topic}")


def _until(druid: Druid, query: str, wanted: int) -> tuple[float, float]:
    """When the query was asked that showed it, and when it was answered."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        asked = time.monotonic()
        try:
            found = druid.sql(query)[0]["n"] or 0
        except ServiceError:
            found = 0
        if found >= wanted:
            return asked, time.monotonic()
        if time.monotonic() > deadline:
            raise ServiceError(f"found {found} after {_PATIENCE_S:.0f} s, wanted {wanted}: {query}")
        time.sleep(_POLL_S)
