"""A data set's whole way, and what must be found at its end."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gridflex.adapters.avro import decode
from gridflex.adapters.druid.client import Druid
from gridflex.config import ROOT, Config
from gridflex.contracts.flexibility import load_rules
from gridflex.domain.duty_cycle import Rows, Status
from gridflex.domain.flexibility import HORIZONS_MIN, Forecaster, minutes_of, no_records
from gridflex.domain.readings import MS_PER_DAY, HouseId
from gridflex.errors import SchemaError, ServiceError
from ingestion.duty_cycles import activations
from ingestion.feeds import Reader, open_reader
from tests.support.topics import SCHEMAS, read_messages, read_records

GRIDFLEX = Path(sys.executable).parent / "gridflex"
WAIT_S = 480
_TABLE = re.compile(r'\bFROM "?(\w+)')
Row = tuple[Any, ...]


def gridflex(environment: dict[str, str], *arguments: str) -> Any:
    """Run a gridflex command to its end; its last line as JSON."""
    command = [str(GRIDFLEX), *arguments]
    done = subprocess.run(
        command, check=False, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=WAIT_S
    )
    assert done.returncode == 0, f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout.splitlines()[-1])


def wait_for(what: str, ask: Callable[[], Any], wanted: Any, seconds: float = WAIT_S) -> None:
    """Ask until the answer is the wanted one; an answer that stays another fails with both.

    A server that refuses meanwhile, as Druid does while it comes back from a kill, is asked again; a refusal that stays
    fails with its own words. Asking takes a third of the time, mostly.
    """
    deadline = time.monotonic() + seconds
    while True:
        found: Any
        began_s = time.monotonic()
        try:
            found = ask()
        except ServiceError as problem:
            found = problem
        if not isinstance(found, ServiceError) and found == wanted:
            return
        assert time.monotonic() < deadline, f"{what}: found {found!r} after {seconds:.0f} s, wanted {wanted!r}"
        time.sleep(max(0.5, min(2 * (time.monotonic() - began_s), 5)))


def number(druid: Druid, query: str) -> float | int:
    """The one number that a query gives; 0 while a table that it asks has no row yet.

    Raises ``ServiceError`` when Druid refuses it, or does not answer: that is no number.
    """
    if not all(druid.has_table(table) for table in _TABLE.findall(query)):
        return 0
    rows = druid.sql(query)
    return next(iter(rows[0].values())) or 0 if rows else 0


def sums_by_appliance(druid: Druid, dataset: str) -> dict[str, tuple[int, float]]:
    """Readings and energy by appliance, as Druid has them."""
    rows = druid.sql(
        'SELECT appliance_id, SUM("count") AS n, SUM(energy_wh) AS wh FROM powerraw WHERE dataset = ? GROUP BY 1',
        [{"type": "VARCHAR", "value": dataset}],
    )
    return {row["appliance_id"]: (row["n"], row["wh"]) for row in rows}


def expected_rows(
    config: Config, dataset: str, path: Path, houses: Sequence[str] | None, base_days: int
) -> Counter[Row]:
    """What the stream has to say of a data set: the pure detector's rows, moved to the replay's calendar."""
    reader = open_reader(dataset, path, houses=houses, readings=config.readings)
    told: Counter[Row] = Counter()
    blocks = list(activations(reader, config, Counter()))
    for rows in blocks[:-1]:  # the last is the batch's own end of input, which a stream does not have
        told.update(_rows(rows, names_of(reader), base_days))
    return told


def names_of(reader: Reader) -> list[str]:
    """The ids of a data set's series, unshifted."""
    return [str(HouseId(dataset=reader.dataset, house=one.house).series(one.channel)) for one in reader.series]


def _rows(rows: Rows, names: Sequence[str], base_days: int) -> list[Row]:
    shift = base_days * MS_PER_DAY
    ends = np.where(rows.has_end, rows.end_ms + shift, -1)
    return [
        (names[key], Status(status).name.lower(), start + shift, end if end >= 0 else None, on, seen, wh)
        for key, status, start, end, on, seen, wh in zip(
            rows.key.tolist(), rows.status.tolist(), rows.start_ms.tolist(), ends.tolist(),
            rows.on_s.tolist(), rows.observed_s.tolist(), rows.energy_wh.tolist(), strict=True,
        )
    ]  # fmt: skip


def told_rows(config: Config, dataset: str) -> Counter[Row]:
    """What the stream said of a data set, from the topic, as a read_committed reader sees it."""
    records = read_records(config.kafka.bootstrap_servers, config.kafka.topic_duty_cycles)
    names = ("appliance_id", "status", "start_ms", "end_ms", "on_s", "observed_s", "energy_wh")
    return Counter(tuple(r[name] for name in names) for r in records if r["dataset"] == dataset)


def expected_flexibility(
    config: Config, dataset: str, path: Path, houses: Sequence[str] | None, base_days: int
) -> Counter[Row]:
    """What the stream has to say of a data set's flexibility: the pure forecaster's, moved to the replay's calendar."""
    reader = open_reader(dataset, path, houses=houses, readings=config.readings)
    names = names_of(reader)
    rules = load_rules()
    code = np.array([rules.code(series.appliance, reader.dataset) for series in reader.series])
    forecaster, records, told = Forecaster(rules), no_records(), Counter[Row]()
    for rows in list(activations(reader, config, Counter()))[:-1]:
        _, minutes = minutes_of(rows, code[rows.key])
        flexible, records = forecaster.fold(records, minutes)
        flexible = flexible.only(flexible.fresh)
        time_ms = minutes.minute * 60_000 + base_days * MS_PER_DAY
        owners = [names[key] for key in minutes.key.tolist()]
        figures = np.concatenate((flexible.flex_w, flexible.variance_w2)).T.tolist()
        told.update(zip(owners, time_ms.tolist(), map(tuple, figures), strict=True))
    return told


def told_flexibility(config: Config, dataset: str) -> Counter[Row]:
    """What the stream said of it, from the topic, as a read_committed reader sees it."""
    records = read_records(config.kafka.bootstrap_servers, config.kafka.topic_flexibility)
    names = [
        *(f"flex_{minutes}_w" for minutes in HORIZONS_MIN),
        *(f"variance_{minutes}_w2" for minutes in HORIZONS_MIN),
    ]
    return Counter(
        (record["appliance_id"], record["event_time_ms"], tuple(record[name] for name in names))
        for record in records
        if record["dataset"] == dataset
    )


def rejections(config: Config, stage: str) -> dict[str, int]:
    """Rejected readings by reason, from the topic."""
    counts: Counter[str] = Counter()
    for record in read_records(config.kafka.bootstrap_servers, config.kafka.topic_dead_letters):
        if record["stage"] == stage:
            counts[record["reason"]] += record["count"]
    return dict(counts)


def base_days_of(config: Config, dataset: str, houses: Sequence[str] = ()) -> int:
    """By how many days the replay moved a data set, or these houses of it."""
    wanted = {str(HouseId(dataset=dataset, house=house)) for house in houses}
    for message in read_messages(config.kafka.bootstrap_servers, config.kafka.topic_readings):
        try:
            record = decode(message.value(), SCHEMAS)
        except SchemaError:
            continue
        if record["dataset"] == dataset and (not wanted or record["house_id"] in wanted):
            return int(record["event_time_ms"] - record["source_time_ms"]) // MS_PER_DAY
    raise AssertionError(f"no reading of {dataset}")
