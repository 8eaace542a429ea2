"""Encodes slices of a schedule as Kafka messages: readings and rejections."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from gridflex.adapters.avro import Coded, StringTable, encode_columns, encode_dicts
from gridflex.adapters.kafka.transactions import Message
from gridflex.contracts.schemas import reading_schema, rejection_schema
from gridflex.domain.readings import IDENTITY_FIELDS, HouseId, Rejection, SourceSeries
from ingestion.premises import Premises
from ingestion.replay.schedule import Slice
from ingestion.responding.appliances import Appliance


class Encoder:
    """Encodes readings and rejections for the virtual houses of one replay."""

    def __init__(self, dataset: str, appliances: Sequence[Appliance], replay: str) -> None:
        """``appliances``: by the series of slices."""
        self._table = StringTable([[getattr(one, name) for name in IDENTITY_FIELDS] for one in appliances])
        self._keys = np.array([one.appliance_id.encode() for one in appliances], dtype=object)
        self._dataset = dataset
        self._replay = replay

    def readings(self, played: Slice) -> list[Message]:
        """One message for each reading, keyed by appliance."""
        values = encode_columns(
            reading_schema(),
            {
                "event_time_ms": played.event_time_ms,
                "source_time_ms": played.source_time_ms,
                IDENTITY_FIELDS: Coded(codes=played.series, table=self._table),
                "power_w": played.power_w,
                "observed_s": played.observed_s,
            },
        )
        return list(zip(self._keys[played.series].tolist(), values, strict=True))

    def rejections(self, rejections: Sequence[tuple[Rejection, int]]) -> list[Message]:
        """One message for each rejection, keyed by its position."""
        now_ms = time.time_ns() // 1_000_000
        records = [
            {
                "event_time_ms": now_ms,
                "stage": "replay",
                "reason": rejection.reason.value,
                "dataset": self._dataset,
                "source": self._replay,
                "position": rejection.position,
                "kafka_partition": None,
                "kafka_offset": None,
                "count": rejection.count * houses,
                "detail": rejection.detail,
                "raw": rejection.raw,
            }
            for rejection, houses in rejections
        ]
        keys = [rejection.position.encode() for rejection, _ in rejections]
        return list(zip(keys, encode_dicts(rejection_schema(), records), strict=True))


def appliances_of(
    dataset: str, series: Sequence[SourceSeries], shifts: Sequence[int], premises: Premises
) -> list[Appliance]:
    """Every virtual appliance, in the order of the series of slices."""
    return [_appliance(dataset, source, shift, premises) for shift in shifts for source in series]


def _appliance(dataset: str, source: SourceSeries, shift: int, premises: Premises) -> Appliance:
    house_id = HouseId(dataset=dataset, house=source.house, shift=shift)
    place = premises.place(dataset, source.house, shift)
    return Appliance(
        dataset=dataset,
        region=place.region,
        feeder=place.feeder,
        house_id=str(house_id),
        appliance_id=str(house_id.series(source.channel)),
        appliance=source.appliance,
    )
