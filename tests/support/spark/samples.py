"""Readings for the streaming job's tests, what is wrong with some, and what the pure detector tells of the others."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from gridflex import config
from gridflex.adapters.avro import encode_dicts
from gridflex.adapters.kafka.writer import TransactionalWriter
from gridflex.contracts.flexibility import load_rules
from gridflex.contracts.profiles import load_profiles
from gridflex.contracts.schemas import reading_schema
from gridflex.domain.duty_cycle import Batch, Detector, Rows, Status, empty_state
from gridflex.domain.enrolment import Participation
from gridflex.domain.flexibility import HORIZONS_MIN, Flexibility, Forecaster, minutes_of, no_records
from gridflex.domain.readings import HouseId
from tests.support.topics import read_records

CLASSES = ("fridge", "kettle", "microwave", "lighting", "washing_machine", "mains", "sauna")
ON_W = {"fridge": 110.0, "kettle": 2400.0, "microwave": 1200.0, "washing_machine": 900.0, "mains": 4000.0}
IDENTITY = ("dataset", "region", "feeder", "house_id", "appliance_id", "appliance")
Record = dict[str, Any]


def readings(*, appliances: int = 20, steps: int = 120, seed: int = 1) -> list[Record]:
    """Readings in order of time: uneven steps, gaps, on-periods, and now and then a late one (never sent twice)."""
    random = np.random.default_rng(seed)
    start_ms = (int(time.time()) - 7200) * 1000
    on = np.zeros(appliances, dtype=bool)
    last = np.full(appliances, 0)
    records = []
    for step in range(steps):
        on ^= random.random(appliances) < 0.06
        for number in np.flatnonzero(random.random(appliances) < 0.97).tolist():
            time_ms = start_ms + step * 20_000 + int(random.integers(0, 15_000))
            if last[number] and random.random() < 0.02:
                time_ms = int(last[number]) - int(random.integers(0, 5000))
            elapsed = (time_ms - int(last[number])) / 1000
            last[number] = max(time_ms, last[number])
            name = CLASSES[number % len(CLASSES)]
            power = (ON_W.get(name, 60.0) if on[number] else 2.0) * random.uniform(0.95, 1.05)
            observed = elapsed if 0 < elapsed <= 60 else 0.0
            records.append(_record(number, name, time_ms, power, observed))
    return records


def bad_values() -> dict[str, bytes]:
    """One bad message of each kind, by its reason."""
    schema, now_ms = reading_schema(), time.time_ns() // 1_000_000
    fine = _record(999, "fridge", now_ms, 100.0, 3.0)
    good = encode_dicts(schema, [fine])[0]

    def bad(**changes: Any) -> bytes:
        return encode_dicts(schema, [fine | changes])[0]

    return {
        "unknown_schema": b"\x01\x00\x00\x00\x01" + good[5:],
        "undecodable": good[:-3],
        "not_finite": bad(power_w=math.nan),
        "negative_power": bad(power_w=-1.0),
        "absurd_power": bad(power_w=10e6),
        "bad_observed": bad(observed_s=-3.0),
        "bad_time": bad(event_time_ms=now_ms // 1000),
        "future_time": bad(event_time_ms=now_ms + 86_400_000),
    }


def publish(kafka: config.Kafka, records: Sequence[Record], others: Sequence[bytes] = (), name: str = "fill") -> None:
    """Write readings in order, keyed by appliance, and other values in their midst, in transactions of 500."""
    values = encode_dicts(reading_schema(), records)
    messages = [(record["appliance_id"].encode(), value) for record, value in zip(records, values, strict=True)]
    for index, value in enumerate(others):
        messages.insert(len(messages) // 2, (f"bad-{index}".encode(), value))
    with TransactionalWriter(kafka, f"{name}-{kafka.topic_readings}") as writer:
        for start in range(0, len(messages), 500):
            writer.commit({kafka.topic_readings: messages[start : start + 500]}, str(start))


def told_by_detector(records: Sequence[Record], settings: config.Config) -> list[Record]:
    """The rows that the pure detector tells of readings, as records of the duty cycles' schema, sorted."""
    rows, identities = _detected(records, settings)
    return in_order([_row(rows, index, identities[int(rows.key[index])]) for index in range(len(rows))])


def told_by_forecaster(
    records: Sequence[Record], settings: config.Config, participation: Participation | None = None
) -> list[Record]:
    """What the pure forecaster tells of the detector's rows, as records of flexibility's schema, sorted."""
    rows, identities = _detected(records, settings)
    rules, participation = load_rules(), participation or Participation()
    code = np.array([rules.code(identity[-1], identity[0]) for identity in identities])
    chosen, minutes = minutes_of(rows, code[rows.key])
    told, _ = Forecaster(rules).fold(no_records(), minutes)
    owners = [identities[key] for key in rows.key[chosen].tolist()]
    may = told.fresh & np.array(
        [
            participation.callable(owner[3], owner[4], at_ms=minute * 60_000)
            for owner, minute in zip(owners, minutes.minute.tolist(), strict=True)
        ]
    )
    told = told.only(may)
    return in_order(
        [
            {
                "event_time_ms": int(minutes.minute[index]) * 60_000,
                **dict(zip(IDENTITY, owner, strict=True)),
                "fresh": int(told.fresh[index]),
                "callable": int(may[index]),
                **_figures(told, index),
            }
            for index, owner in enumerate(owners)
        ]
    )


def _figures(told: Flexibility, index: int) -> Record:
    horizons = list(enumerate(HORIZONS_MIN))
    return {
        **{f"flex_{minutes}_w": float(told.flex_w[row, index]) for row, minutes in horizons},
        **{f"variance_{minutes}_w2": float(told.variance_w2[row, index]) for row, minutes in horizons},
        **{f"shared_{minutes}_w": float(told.shared_w[row, index]) for row, minutes in horizons},
        **{f"rebound_{minutes}_wh": float(told.rebound_wh[row, index]) for row, minutes in horizons if minutes},
    }


def _detected(records: Sequence[Record], settings: config.Config) -> tuple[Rows, list[tuple[str, ...]]]:
    """The detector's rows, and the identity of each of their keys."""
    identities = {record["appliance_id"]: tuple(record[name] for name in IDENTITY) for record in records}
    names = sorted(identities)
    profiles = load_profiles()
    duty = settings.duty_cycle
    detector = Detector(profiles, settings.readings.max_gap_s, duty.window_s, duty.slide_s)
    batch = Batch(
        key=np.arange(len(names)),
        profile=np.array([profiles.code(identities[name][-1], identities[name][0]) for name in names]),
        appliance=np.array([names.index(record["appliance_id"]) for record in records]),
        time_ms=np.array([record["event_time_ms"] for record in records]),
        power_w=np.array([record["power_w"] for record in records]),
        observed_s=np.array([record["observed_s"] for record in records]),
    )
    rows, _, _ = detector.fold(empty_state(), batch)
    return rows, [identities[name] for name in names]


def late_positions(records: Sequence[Record]) -> int:
    """How many of the readings are late."""
    newest: dict[str, int] = {}
    late = 0
    for record in records:
        late += record["event_time_ms"] <= newest.get(record["appliance_id"], 0)
        newest[record["appliance_id"]] = max(record["event_time_ms"], newest.get(record["appliance_id"], 0))
    return late


def written(kafka: config.Kafka) -> list[Record]:
    """The rows that a read_committed reader finds in the duty cycles' topic, sorted."""
    return in_order(read_records(kafka.bootstrap_servers, kafka.topic_duty_cycles))


def written_flexibility(kafka: config.Kafka) -> list[Record]:
    """The same in flexibility's topic."""
    return in_order(read_records(kafka.bootstrap_servers, kafka.topic_flexibility))


def in_order(records: Sequence[Record]) -> list[Record]:
    """Sorted by content, so that lists of the same rows are equal."""
    return sorted(records, key=lambda record: json.dumps(record, sort_keys=True))


def _row(rows: Rows, index: int, identity: tuple[str, ...]) -> Record:
    status = Status(int(rows.status[index]))
    window = status is Status.CLOSED
    return {
        "event_time_ms": int(rows.event_time_ms[index]),
        "kind": "window" if window else "activation",
        "status": status.name.lower(),
        **dict(zip(IDENTITY, identity, strict=True)),
        "start_ms": int(rows.start_ms[index]),
        "end_ms": None if status is Status.CONFIRMED else int(rows.end_ms[index]),
        "on_s": float(rows.on_s[index]),
        "observed_s": float(rows.observed_s[index]),
        "duty_cycle": float(rows.duty_cycle[index]) if window else None,
        "mean_on_power_w": float(rows.mean_on_power_w[index]) if rows.has_on[index] else None,
        "energy_wh": float(rows.energy_wh[index]),
    }


def _record(number: int, name: str, time_ms: int, power_w: float, observed_s: float) -> Record:
    house = HouseId(dataset="redd", house=str(number // 5))
    return {
        "event_time_ms": time_ms,
        "source_time_ms": time_ms,
        "dataset": "redd",
        "region": f"region-{number % 3}",
        "feeder": "feeder-1",
        "house_id": str(house),
        "appliance_id": str(house.series(str(number % 5 + 1))),
        "appliance": name,
        "power_w": float(power_w),
        "observed_s": observed_s,
    }
