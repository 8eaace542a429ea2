"""A small town's readings for batch jobs: written to Kafka as a replay would write them, one reading an interval."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
from confluent_kafka import Producer

from gridflex.adapters.avro import Coded, StringTable, encode_columns
from gridflex.config import Config
from gridflex.contracts.schemas import reading_schema
from gridflex.domain.interval import epoch_ms
from gridflex.domain.readings import Floats

CLASSES = ("fridge", "washing_machine", "electric_heat")
_STEP_S = 1800


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandTown:
    """Homes with one appliance of each class, and mains beside them, over whole UTC days."""

    prefix: str
    """Of house ids and feeders, so that several towns fit into one Druid."""
    first: dt.date
    days: int
    regions: tuple[str, ...] = ("North", "South")
    feeders: int = 2
    homes: int = 3
    """On each feeder."""
    seed: int = 1

    @property
    def last(self) -> dt.date:
        """The last day."""
        return self.first + dt.timedelta(days=self.days - 1)

    def appliances(self) -> list[tuple[str, ...]]:
        """dataset, region, feeder, house_id, appliance_id, appliance."""
        found: list[tuple[str, ...]] = []
        for region in self.regions:
            for feeder in range(self.feeders):
                for home in range(self.homes):
                    house = f"{self.prefix}-{region}-{feeder}-{home}"
                    place = ("redd", region, f"{self.prefix}-{region}-{feeder}", house)
                    found += [(*place, f"{house}-{kind}", kind) for kind in (*CLASSES, "mains")]
        return found

    def power_w(self) -> Floats:
        """Mean power of each appliance in each half-hour, shape (appliances, days x 48); mains are the house's sum."""
        random = np.random.default_rng(self.seed)
        hour = np.arange(48) / 2
        evening = 1 + 2 * np.exp(-0.5 * ((hour - 19) / 2) ** 2)
        weekend = np.array([(self.first + dt.timedelta(days=d)).weekday() >= 5 for d in range(self.days)])
        mood = np.exp(random.normal(0, 0.05, self.days)) * np.where(weekend, 1.3, 1.0)
        shape = (len(self.appliances()), self.days, 48)
        size = random.lognormal(4.5, 0.4, shape[0])
        power = size[:, None, None] * mood[None, :, None] * evening * np.exp(random.normal(0, 0.1, shape))
        kinds = [row[-1] for row in self.appliances()]
        for index, kind in enumerate(kinds):
            if kind == "mains":
                power[index] = power[index - len(CLASSES) : index].sum(axis=0)
        return np.asarray(power.reshape(shape[0], -1), dtype=np.float64)


def produce_town(config: Config, town: DemandTown) -> int:
    """Write all of the town's readings in one transaction; gives how many of them are not mains."""
    rows, power = town.appliances(), town.power_w()
    start_ms = epoch_ms(dt.datetime.combine(town.first, dt.time(), dt.UTC))
    names = ("dataset", "region", "feeder", "house_id", "appliance_id", "appliance")
    table = StringTable(rows)
    producer = Producer(
        {
            "bootstrap.servers": config.kafka.bootstrap_servers,
            "transactional.id": f"tests-{town.prefix}",
            "queue.buffering.max.messages": 2_000_000,
            "linger.ms": 20,
        }
    )
    producer.init_transactions(30)
    producer.begin_transaction()
    # A reading's power holds for the time before it; a half-hour's reading stands in its last minute.
    times = start_ms + (np.arange(power.shape[1], dtype=np.int64) + 1) * _STEP_S * 1000 - 1000
    for index, row in enumerate(rows):
        columns: dict[str | tuple[str, ...], Any] = {
            "event_time_ms": times,
            "source_time_ms": times,
            names: Coded(codes=np.full(len(times), index), table=table),
            "power_w": power[index],
            "observed_s": np.full(len(times), float(_STEP_S)),
        }
        for value in encode_columns(reading_schema(), columns):
            producer.produce(config.kafka.topic_readings, value=value, key=row[4].encode())
        producer.poll(0)
    producer.commit_transaction(60)
    return sum(row[-1] != "mains" for row in rows) * len(times)
