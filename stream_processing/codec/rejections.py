"""Encodes bad messages and late readings as dead letters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gridflex import config
from gridflex.adapters.avro import encode_dicts
from gridflex.contracts.schemas import FRAME_LENGTH, Schema
from gridflex.domain.duty_cycle import Late
from gridflex.domain.readings import EARLIEST_EVENT_MS, MAX_OBSERVED_S, REASONS, Reason
from stream_processing.codec.identity import identify, known
from stream_processing.codec.message_batch import MessageBatch
from stream_processing.codec.messages import Messages


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetters:
    """Encodes dead letters. It is sent to the executors with all that it needs."""

    schema: Schema
    topic: str
    """Where the readings come from."""
    limits: config.Readings
    spark: config.Spark
    known_ids: tuple[int, ...]

    def of_bad(self, bad: MessageBatch) -> Messages:
        """Dead letters of messages that are not valid readings, with their bytes."""
        return self._encode(
            bad,
            reasons=[REASONS[code - 1] for code in bad.reason.tolist()],
            details=[self._detail(bad, index, raw) for index, raw in enumerate(bad.raw)],
            datasets=[None] * len(bad),
            raws=bad.raw,
        )

    def of_late(self, readings: MessageBatch, late: Late) -> Messages:
        """Dead letters of readings that are not newer than an earlier one of their appliance, without their bytes."""
        lost = readings.take(late.reading)
        identities = [known(payload) for payload in lost.raw]
        details = [
            f"appliance_id={identity.appliance_id} event_time_ms={time_ms} power_w={power_w!r} "
            f"observed_s={observed_s!r}; allowed: after {newest}, its newest reading"
            for identity, time_ms, power_w, observed_s, newest in zip(
                identities,
                lost.time_ms.tolist(),
                lost.power_w.tolist(),
                lost.observed_s.tolist(),
                late.newest_ms.tolist(),
                strict=True,
            )
        ]
        return self._encode(
            lost,
            reasons=[Reason.LATE] * len(lost),
            details=details,
            datasets=[identity.dataset for identity in identities],
            raws=[b""] * len(lost),
        )

    def of_refused(self, refused: MessageBatch) -> Messages:
        """Dead letters of readings of new series beyond the limits, without their bytes."""
        identities = [identify(payload) for payload in refused.raw]  # not by the cache: others need their place in it
        found = [identity for identity in identities if identity is not None]
        allowed = (
            f"allowed: {self.spark.new_series_per_min} new ones a minute (spark.new_series_per_min), "
            f"{self.spark.max_series} in all (spark.max_series)"
        )
        return self._encode(
            refused,
            reasons=[Reason.TOO_MANY_SERIES] * len(refused),
            details=[f"appliance_id={one.appliance_id} appliance={one.appliance} is new; {allowed}" for one in found],
            datasets=[one.dataset for one in found],
            raws=[b""] * len(refused),
        )

    def _encode(
        self,
        found: MessageBatch,
        *,
        reasons: list[Reason],
        details: list[str],
        datasets: Sequence[str | None],
        raws: list[bytes],
    ) -> Messages:
        columns = (found.kafka_ms.tolist(), found.partition.tolist(), found.offset.tolist())
        records = [
            {
                "event_time_ms": kafka_ms,
                "stage": "stream",
                "reason": reason.value,
                "dataset": dataset,
                "source": self.topic,
                "position": f"{self.topic}/{partition}/{offset}",
                "kafka_partition": partition,
                "kafka_offset": offset,
                "count": 1,
                "detail": detail,
                "raw": raw,
            }
            for kafka_ms, partition, offset, reason, detail, dataset, raw in zip(
                *columns, reasons, details, datasets, raws, strict=True
            )
        ]
        keys = [str(record["position"]).encode() for record in records]
        return Messages(key=keys, value=encode_dicts(self.schema, records))

    def _detail(self, bad: MessageBatch, index: int, raw: bytes) -> str:
        reason = REASONS[int(bad.reason[index]) - 1]
        if reason is Reason.UNKNOWN_SCHEMA:
            known = ", ".join(f"{number:08x}" for number in self.known_ids)
            return f"frame={raw[:FRAME_LENGTH].hex()}; allowed: 01 and one of the schema ids {known}"
        if reason is Reason.UNDECODABLE:
            return f"{len(raw)} bytes that are not of the schema their frame names"
        if reason in {Reason.NOT_FINITE, Reason.NEGATIVE_POWER, Reason.ABSURD_POWER}:
            return f"power_w={float(bad.power_w[index])!r}; allowed: 0..{self.limits.max_power_w:g}"
        if reason is Reason.BAD_OBSERVED:
            return f"observed_s={float(bad.observed_s[index])!r}; allowed: 0..{MAX_OBSERVED_S}"
        time_ms, kafka_ms = int(bad.time_ms[index]), int(bad.kafka_ms[index])
        ahead_ms = round(self.limits.max_future_s * 1000)
        return (
            f"event_time_ms={time_ms}; allowed: {EARLIEST_EVENT_MS}..{kafka_ms + ahead_ms}, "
            f"{ahead_ms} ms after the message's time stamp"
        )
