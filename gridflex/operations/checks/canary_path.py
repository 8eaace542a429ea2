"""Follows a canary through the platform: into Kafka, from there into Druid, and by Spark back into Kafka and Druid."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from gridflex.adapters.avro import decode, encode_dicts
from gridflex.adapters.druid.client import Druid
from gridflex.adapters.kafka.client import client_settings
from gridflex.adapters.kafka.connection_errors import DENIED, authorization_error
from gridflex.adapters.kafka.feed_topics import topic_of
from gridflex.config import Config
from gridflex.contracts.feeds import feed
from gridflex.contracts.schemas import duty_cycle_schema, reading_schema
from gridflex.operations.checks.canary import CANARY, Canary
from gridflex.operations.checks.druid import DRUID, supervisor_check
from gridflex.operations.checks.kafka import KAFKA, topic_check
from gridflex.operations.checks.runner import Check, TroubleError
from gridflex.polling import poll_until

_GROUP = "check"
_CALL_S = 10.0
_POLL_S = 0.3
_SENT, _DETECTED = "canary sent", "canary by Spark"
_WHERE = "dataset = ? AND appliance_id = ? AND __time >= MILLIS_TO_TIMESTAMP(?) AND __time <= MILLIS_TO_TIMESTAMP(?)"


class CanaryChecks:
    """The checks of the four stages that one canary passes, in order."""

    def __init__(self, config: Config, timeout_s: float) -> None:
        self._config = config
        self._timeout_s = timeout_s
        self._canary = Canary.at(time.time_ns() // 1_000_000)
        self._since: list[TopicPartition] = []
        readings, duty_cycles = feed("readings"), feed("duty_cycles")
        self._readings, self._duty_cycles = topic_of(config.kafka, readings), topic_of(config.kafka, duty_cycles)
        self._readings_table, self._duty_table = readings.table, duty_cycles.table

    def checks(self) -> list[Check]:
        """See above; a check is skipped if the one before it failed."""
        summed, kept = (f"canary in {table}" for table in (self._readings_table, self._duty_table))
        job = (
            "is the streaming job up, and does it keep up? `gridflex status`, `gridflex logs spark` here; "
            "`journalctl -u gridflex-spark` on EMR's primary machine"
        )
        lag = "does its supervisor keep up? Look at its lag above; docs/runbook.md, scale out"
        return [
            Check(name=_SENT, ask=self._send, needs=(KAFKA, topic_check(self._readings))),
            Check(name=summed, ask=self._sum, needs=(_SENT, DRUID, supervisor_check(self._readings_table)), remedy=lag),
            Check(name=_DETECTED, ask=self._detect, needs=(_SENT, topic_check(self._duty_cycles)), remedy=job),
            Check(name=kept, ask=self._keep, needs=(_DETECTED, DRUID, supervisor_check(self._duty_table)), remedy=lag),
        ]

    def _send(self) -> str:
        kafka, canary = self._config.kafka, self._canary
        self._since = self._ends()
        told: list[tuple[KafkaError | None, Message]] = []
        producer = Producer(
            {**client_settings(kafka), "acks": "all", "message.timeout.ms": int(_CALL_S * 1000), "log_level": 0}
        )
        for value in encode_dicts(reading_schema(), _records(canary)):
            producer.produce(
                self._readings,
                value=value,
                key=canary.appliance_id.encode(),
                on_delivery=lambda error, message: told.append((error, message)),
            )
        producer.flush(2 * _CALL_S)
        for error, _ in told:
            if error is not None and error.code() in DENIED:
                raise authorization_error(kafka, f"write to topic {self._readings}", error)
            if error is not None:
                raise TroubleError(f"not written to {self._readings}: {error.str()}")
        if len(told) != canary.readings:
            raise TroubleError(f"{len(told)} of {canary.readings} readings are written to {self._readings}")
        where = told[-1][1]
        return f"{canary.readings} readings of {canary.house_id}, up to offset {where.offset()} of {where.partition()}"

    def _sum(self) -> str:
        canary = self._canary
        table = self._readings_table
        query = f'SELECT SUM("count") AS n, SUM(energy_wh) AS energy_wh FROM "{table}" WHERE {_WHERE}'  # noqa: S608
        row = self._row(query, lambda row: (row["n"] or 0) >= canary.readings, table)
        found, sent = (row["n"], round(row["energy_wh"], 6)), (canary.readings, canary.energy_wh)
        if found != sent:
            raise TroubleError(f"readings and energy in Wh: found {found}, sent {sent}")
        return f"{row['n']} readings, {row['energy_wh']:g} Wh"

    def _detect(self) -> str:
        schema, consumer = duty_cycle_schema(), self._consumer()
        key, deadline = self._canary.appliance_id.encode(), time.monotonic() + self._timeout_s - _POLL_S
        try:
            consumer.assign(self._since)
            while time.monotonic() < deadline:
                message = consumer.poll(_POLL_S)
                if message is None or message.error() is not None or message.key() != key:
                    continue
                row = decode(message.value() or b"", {schema.schema_id: schema})
                if row["kind"] == "window" and row["end_ms"] == self._canary.end_ms:
                    return f"a window of {row['observed_s']:g} s with {row['on_s']:g} s on, in topic {message.topic()}"
        finally:
            consumer.close()
        raise TroubleError(f"no duty cycle of it in topic {self._duty_cycles} within {self._timeout_s:g} s")

    def _keep(self) -> str:
        query = (
            "SELECT COUNT(*) AS n, SUM(on_s) AS on_s, SUM(observed_s) AS observed_s "  # noqa: S608
            f'FROM "{self._duty_table}" '
            f"WHERE kind = 'window' AND end_ms = {self._canary.end_ms} AND {_WHERE}"
        )
        row = self._row(query, lambda row: row["n"] > 0, self._duty_table)
        if (row["n"], row["on_s"], row["observed_s"]) != (1, self._canary.on_s, self._canary.on_s):
            raise TroubleError(f"{row['n']} window(s), {row['on_s']} s on of {row['observed_s']} s; sent were 60 s on")
        return f"its window, {row['on_s']:g} s on of {row['observed_s']:g} s"

    def _row(self, query: str, enough: Callable[[dict[str, Any]], bool], table: str) -> dict[str, Any]:
        """The query's one row, once it is enough."""
        druid, canary = Druid(self._config.druid), self._canary
        named = [{"type": "VARCHAR", "value": value} for value in (CANARY, canary.appliance_id)]
        times = [{"type": "BIGINT", "value": value} for value in (canary.start_ms, canary.end_ms)]
        return poll_until(
            lambda: druid.sql(query, [*named, *times])[0] if druid.has_table(table) else {"n": 0},
            enough,
            timeout_s=self._timeout_s - 2 * _POLL_S,
            pause_s=_POLL_S,
            late=lambda row: TroubleError(f"{table} holds {row['n'] or 0} of its rows after {self._timeout_s:g} s"),
        )

    def _ends(self) -> list[TopicPartition]:
        """Where the duty cycles' topic ends now."""
        topic, consumer = self._duty_cycles, self._consumer()
        try:
            found = consumer.list_topics(topic, _CALL_S).topics[topic].partitions
            ends = {number: consumer.get_watermark_offsets(TopicPartition(topic, number), _CALL_S) for number in found}
        except KafkaException as problem:
            raise TroubleError(f"cannot look at topic {topic}: {problem.args[0].str()}") from None
        finally:
            consumer.close()
        return [TopicPartition(topic, number, high) for number, (_, high) in ends.items()]

    def _consumer(self) -> Consumer:
        return Consumer(
            {
                **client_settings(self._config.kafka),
                "group.id": _GROUP,
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "log_level": 0,
            }
        )


def _records(canary: Canary) -> list[dict[str, Any]]:
    who = dict.fromkeys(("dataset", "region", "feeder", "appliance"), CANARY)
    who |= {"house_id": canary.house_id, "appliance_id": canary.appliance_id}
    columns = zip(canary.time_ms.tolist(), canary.power_w.tolist(), canary.observed_s.tolist(), strict=True)
    return [
        {**who, "event_time_ms": time_ms, "source_time_ms": time_ms, "power_w": power_w, "observed_s": observed_s}
        for time_ms, power_w, observed_s in columns
    ]
