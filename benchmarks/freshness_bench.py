"""(e) How old an answer is while 10,000 readings a second flow: reading -> SQL, and reading -> duty-cycle row -> SQL.

A probe house sends one reading at a time beside the flow and asks until the answer shows it. Its readings lie a minute
apart in event time, so each closes a duty window.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import numpy as np

from benchmarks.measure import Figure, gridflex, percentile
from gridflex.adapters.avro import encode_dicts
from gridflex.adapters.druid import Druid
from gridflex.adapters.kafka import TransactionalWriter
from gridflex.config import ROOT, Config
from gridflex.contracts.schemas import reading_schema
from gridflex.domain.readings import MS_PER_DAY
from gridflex.errors import ServiceError

_FLOW = 10_000
_SHIFTS = 4
"""So many virtual houses of each: the flow lasts long enough."""
_PROBES = 60
_WARM_UP = 5
_PATIENCE_S = 240.0
_POLL_S = 0.01


def run(config: Config, environment: dict[str, str], data: Path, readings_per_event_s: float) -> list[Figure]:
    """``data``: a generated REDD data set that holds ``readings_per_event_s`` readings a second of its own time."""
    speed = _FLOW / (readings_per_event_s * _SHIFTS)
    command = [gridflex(), "replay", "redd", "--path", str(data),
               "--speed", f"{speed:.3f}", "--replay-id", f"flow-{time.time_ns()}",
               "--shifts", f"0:{_SHIFTS}"]  # fmt: skip
    flow = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        raw, duty = _probe(config)
        if flow.poll() is not None:
            raise ServiceError("the flow ended before the probes; play more shifts")
    finally:
        flow.terminate()
        flow.wait()
    return [
        Figure(name=f"reading -> SQL while {_FLOW:,}/s flow, p50", value=percentile(raw, 0.5), unit="s"),
        Figure(name=f"reading -> SQL while {_FLOW:,}/s flow, p95", value=percentile(raw, 0.95), unit="s", at_most=1),
        Figure(name="reading -> duty-cycle row in SQL, p50", value=percentile(duty, 0.5), unit="s"),
        Figure(name="reading -> duty-cycle row in SQL, p95", value=percentile(duty, 0.95), unit="s", at_most=10),
    ]


def _probe(config: Config) -> tuple[list[float], list[float]]:
    druid, house = Druid(config.druid), f"probe-{time.time_ns()}"
    start_ms = (time.time_ns() // 1_000_000 // MS_PER_DAY - 1) * MS_PER_DAY
    raw, duty = [], []
    with TransactionalWriter(config.kafka, house) as writer:
        for number in range(_PROBES):
            event_ms = start_ms + number * 60_000
            value = encode_dicts(reading_schema(), [_reading(house, event_ms)])[0]
            sent = time.monotonic()
            writer.commit({config.kafka.topic_readings: [(f"{house}-1".encode(), value)]}, str(number))
            _until(druid, f"SELECT SUM(\"count\") AS n FROM powerraw WHERE house_id = '{house}'", number + 1)
            raw.append(time.monotonic() - sent)
            if number:
                _until(druid, f"SELECT MAX(end_ms) AS n FROM dutycycle WHERE house_id = '{house}'", event_ms)
                duty.append(time.monotonic() - sent)
    return raw[_WARM_UP:], duty[_WARM_UP:]


def _reading(house: str, event_ms: int) -> dict[str, object]:
    return {"event_time_ms": event_ms, "source_time_ms": event_ms, "dataset": "probe", "region": "Tunis",
            "feeder": "TUN-F01", "house_id": house, "appliance_id": f"{house}-1", "appliance": "fridge",
            "power_w": float(np.float64(100)), "observed_s": 60.0}  # fmt: skip


def _until(druid: Druid, query: str, wanted: int) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            found = druid.sql(query)[0]["n"] or 0
        except ServiceError:
            found = 0
        if found >= wanted:
            return
        if time.monotonic() > deadline:
            raise ServiceError(f"found {found} after {_PATIENCE_S:.0f} s, wanted {wanted}: {query}")
        time.sleep(_POLL_S)
