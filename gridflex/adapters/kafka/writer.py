"""Writes to Kafka in transactions that contain the writer's position, too.

The position is the metadata of a committed group offset, so it is atomic with the messages, survives the writer, and
needs no topic of its own (docs/adr/0003).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from gridflex import config
from gridflex.adapters.kafka.client import client_settings, refuse_at_once
from gridflex.adapters.kafka.connection_errors import DENIED, authorization_error
from gridflex.adapters.kafka.feed_topics import position_topic
from gridflex.adapters.kafka.transactions import (
    CALL_S,
    Calls,
    Message,
    StuckError,
    denied,
    is_fenced,
    producer_settings,
    send,
)
from gridflex.errors import ReplayFencedError, ServiceError

logger = logging.getLogger(__name__)

_OUTAGE_S = 300.0


class TransactionalWriter:
    """Writes batches of messages, each in one transaction with the position that follows it.

    Starting one with a name aborts what an earlier writer of that name left open and fences it off. While Kafka is out
    of reach it retries for five minutes. Raises ``ReplayFencedError`` when a later writer of the name took over,
    ``ServiceError`` when Kafka refuses for good: the login, the certificate, or a topic that no ACL allows.
    """

    def __init__(self, kafka: config.Kafka, name: str) -> None:
        self._name = name
        self._kafka = kafka
        self._topic = position_topic(kafka)
        common = client_settings(kafka)
        refuse_at_once(kafka)
        self._consumer = Consumer(
            {**common, "group.id": name, "enable.auto.commit": False, "isolation.level": "read_committed"}
        )
        self._stuck = False
        self._abandoned: list[Producer] = []
        """Never collected: destroying a producer waits for the call that is stuck in it."""
        self._late = 0
        """Calls that were given up. Each may go through after all, and so fence a later producer of our own off."""
        self._settings = {
            **producer_settings(kafka, name),
            "linger.ms": 20,
            "batch.size": 1_000_000,
            "queue.buffering.max.messages": 1_000_000,
            "queue.buffering.max.kbytes": 512 * 1024,
        }
        self._calls = Calls(kafka=kafka, name=name, outage_s=_OUTAGE_S)
        self._producer = Producer(self._settings)
        self._retry(lambda: self._producer.init_transactions(CALL_S), "init")
        self._sequence, self.position = self._committed()

    def __enter__(self) -> TransactionalWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()

    def commit(self, messages: Mapping[str, Sequence[Message]], position: str) -> None:
        """Write ``{topic: [(key, value)]}`` and the position: all of it becomes visible at once, or nothing."""
        started = time.monotonic()
        while not self._written(messages, position):
            if time.monotonic() - started > _OUTAGE_S:
                raise ServiceError(f"Kafka took no transaction of {self._name} for {_OUTAGE_S:.0f} s; see its log")
        self._sequence += 1
        self.position = position

    def _written(self, messages: Mapping[str, Sequence[Message]], position: str) -> bool:
        try:
            return (self._stuck and self._start_over(position)) or self._attempt(messages, position)
        except StuckError:
            self._stuck = True
            return False

    def _attempt(self, messages: Mapping[str, Sequence[Message]], position: str) -> bool:
        try:
            self._producer.begin_transaction()
            for topic, batch in messages.items():
                send(self._producer, topic, batch)
            offset = TopicPartition(self._topic, 0, self._sequence + 1, position)
            group = self._consumer.consumer_group_metadata()
            self._retry(lambda: self._producer.send_offsets_to_transaction([offset], group, CALL_S), "position")
            self._retry(lambda: self._producer.commit_transaction(CALL_S), "commit")
        except KafkaException as problem:
            error = problem.args[0]
            if not error.txn_requires_abort():
                raise self._final(error) from None
            logger.warning("transaction=aborted writer=%s reason=%s", self._name, error.str())
            self._retry(lambda: self._producer.abort_transaction(CALL_S), "abort")
            if error.code() in DENIED:
                raise self._final(error) from None
            if refusal := denied(self._kafka, self._producer, messages):
                raise refusal from None
            return False
        return True

    def _start_over(self, position: str) -> bool:
        """Leave a producer that is stuck and fence it off with a new one; whether its transaction is committed.

        Raises ``ReplayFencedError`` when what is committed is another process's.
        """
        logger.warning("kafka=stuck writer=%s action=new_producer", self._name)
        self._abandoned.append(self._producer)
        self._producer = Producer(self._settings)
        self._retry(lambda: self._producer.init_transactions(CALL_S), "init")
        committed = self._committed()
        if committed not in ((self._sequence, self.position), (self._sequence + 1, position)):
            raise self._taken_over()
        self._stuck = False
        return committed[0] > self._sequence

    def _retry(self, call: Callable[[], Any], what: str) -> None:
        try:
            self._calls.retry(call, what, self._final)
        except StuckError:
            self._late += 1
            raise

    def _committed(self) -> tuple[int, str | None]:
        found: list[TopicPartition] = []
        where = [TopicPartition(self._topic, 0)]
        self._retry(lambda: found.extend(self._consumer.committed(where, timeout=CALL_S)), "read position")
        offset = found[0]
        if offset.error is not None:
            raise ServiceError(f"cannot read the position of {self._name}: {offset.error.str()}")
        return (offset.offset, offset.metadata or None) if offset.offset >= 0 else (0, None)

    def _final(self, error: KafkaError) -> Exception:
        if is_fenced(error):
            if self._late:  # by ourselves, or by another process: a new producer's look at the position tells
                self._late -= 1
                return StuckError()
            return self._taken_over()
        if error.code() in DENIED:
            return authorization_error(self._kafka, f"write as {self._name}", error)
        return ServiceError(f"Kafka refused {self._name}: {error.str()}")

    def _taken_over(self) -> ReplayFencedError:
        return ReplayFencedError(f"{self._name} is run by another process, which took over; this one stops")
