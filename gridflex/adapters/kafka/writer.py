"""A transactional writer to Kafka that keeps its position in the same transaction as its messages.

The position is the metadata of a committed group offset, so it is atomic with the messages, survives the writer, and
needs no topic of its own (docs/adr/0003).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from gridflex import config
from gridflex.adapters.kafka.client import client_settings, refuse_at_once
from gridflex.adapters.kafka.feed_topics import position_topic
from gridflex.adapters.kafka.refusals import DENIED, denial
from gridflex.errors import ReplayFencedError, ServiceError

logger = logging.getLogger(__name__)

Message = tuple[bytes, bytes]
"""Key and value."""

_FENCED = {KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH, KafkaError.PRODUCER_FENCED}
_PASSING = {
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.UNSTABLE_OFFSET_COMMIT,
    KafkaError.REQUEST_TIMED_OUT,
    KafkaError.NETWORK_EXCEPTION,
    KafkaError._TRANSPORT,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._TIMED_OUT,
    KafkaError._WAIT_COORD,
}
_PAUSE_S = 0.2
_CALL_S = 10.0
_CHUNK = 10_000
_OUTAGE_S = 300.0
_STUCK_S = 45.0
"""librdkafka's transaction calls may outlive their own time limit after a broker was killed: then they are given up."""


class _StuckError(ServiceError):
    """A call into librdkafka that does not come back."""

    def __init__(self) -> None:
        super().__init__(f"Kafka's client did not come back within {_STUCK_S:g} s")


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
            **common,
            "transactional.id": name,
            "transaction.timeout.ms": int(kafka.transaction_timeout_s * 1000),
            "acks": "all",
            "compression.type": "lz4",
            "partitioner": "murmur2_random",
            "linger.ms": 20,
            "batch.size": 1_000_000,
            "queue.buffering.max.messages": 1_000_000,
            "queue.buffering.max.kbytes": 512 * 1024,
        }
        self._producer = Producer(self._settings)
        self._retry(lambda: self._producer.init_transactions(_CALL_S), "init")
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
        except _StuckError:
            self._stuck = True
            return False

    def _attempt(self, messages: Mapping[str, Sequence[Message]], position: str) -> bool:
        try:
            self._producer.begin_transaction()
            for topic, batch in messages.items():
                self._produce(topic, batch)
            offset = TopicPartition(self._topic, 0, self._sequence + 1, position)
            group = self._consumer.consumer_group_metadata()
            self._retry(lambda: self._producer.send_offsets_to_transaction([offset], group, _CALL_S), "position")
            self._retry(lambda: self._producer.commit_transaction(_CALL_S), "commit")
        except KafkaException as problem:
            error = problem.args[0]
            if not error.txn_requires_abort():
                raise self._final(error) from None
            logger.warning("transaction=aborted writer=%s reason=%s", self._name, error.str())
            self._retry(lambda: self._producer.abort_transaction(_CALL_S), "abort")
            self._raise_if_denied(messages, error)
            return False
        return True

    def _raise_if_denied(self, messages: Mapping[str, Sequence[Message]], error: KafkaError) -> None:
        """Raise ``ServiceError`` when an ACL is why a transaction had to be aborted."""
        if error.code() in DENIED:
            raise self._final(error)
        if self._kafka.security_protocol == "PLAINTEXT":
            return
        for topic in messages:
            try:
                told = self._producer.list_topics(topic, _CALL_S).topics[topic].error
            except KafkaException:
                continue
            if told is not None and told.code() in DENIED:
                raise denial(self._kafka, f"write to topic {topic}", told)

    def _start_over(self, position: str) -> bool:
        """Leave a producer that is stuck and fence it off with a new one; whether its transaction is committed.

        Raises ``ReplayFencedError`` when what is committed is another process's.
        """
        logger.warning("kafka=stuck writer=%s action=new_producer", self._name)
        self._abandoned.append(self._producer)
        self._producer = Producer(self._settings)
        self._retry(lambda: self._producer.init_transactions(_CALL_S), "init")
        committed = self._committed()
        if committed not in ((self._sequence, self.position), (self._sequence + 1, position)):
            raise self._taken_over()
        self._stuck = False
        return committed[0] > self._sequence

    def _produce(self, topic: str, batch: Sequence[Message]) -> None:
        for start in range(0, len(batch), _CHUNK):
            waiting: list[Any] = [{"key": key, "value": value} for key, value in batch[start : start + _CHUNK]]
            while waiting:
                if self._producer.produce_batch(topic, waiting) == len(waiting):
                    break
                waiting = [message for message in waiting if "_error" in message]
                problem = waiting[0]["_error"]
                if problem.code() != KafkaError._QUEUE_FULL:
                    raise KafkaException(problem)
                waiting = [{"key": message["key"], "value": message["value"]} for message in waiting]
                self._producer.poll(0.1)
            self._producer.poll(0)

    def _retry(self, call: Callable[[], Any], what: str) -> None:
        started = time.monotonic()
        while True:
            try:
                _bounded(call)
            except _StuckError:
                self._late += 1
                raise
            except KafkaException as problem:
                error = problem.args[0]
                if error.fatal() or error.code() in _FENCED:
                    raise self._final(error) from None
                if error.txn_requires_abort() and what != "abort":
                    raise
                if not (error.retriable() or error.code() in _PASSING):
                    raise self._final(error) from None
                if time.monotonic() - started > _OUTAGE_S:
                    raise ServiceError(f"Kafka did not answer {self._name} ({what}): {error.str()}") from None
                if self._kafka.security_protocol != "PLAINTEXT":
                    refuse_at_once(self._kafka)
                logger.warning("kafka=retry writer=%s call=%s reason=%s", self._name, what, error.str())
                time.sleep(_PAUSE_S)
            else:
                return

    def _committed(self) -> tuple[int, str | None]:
        found: list[TopicPartition] = []
        where = [TopicPartition(self._topic, 0)]
        self._retry(lambda: found.extend(self._consumer.committed(where, timeout=_CALL_S)), "read position")
        offset = found[0]
        if offset.error is not None:
            raise ServiceError(f"cannot read the position of {self._name}: {offset.error.str()}")
        return (offset.offset, offset.metadata or None) if offset.offset >= 0 else (0, None)

    def _final(self, error: KafkaError) -> Exception:
        if error.code() in _FENCED or (error.fatal() and "fenced" in error.str().lower()):
            if self._late:  # by ourselves, or by another process: a new producer's look at the position tells
                self._late -= 1
                return _StuckError()
            return self._taken_over()
        if error.code() in DENIED:
            return denial(self._kafka, f"write as {self._name}", error)
        return ServiceError(f"Kafka refused {self._name}: {error.str()}")

    def _taken_over(self) -> ReplayFencedError:
        return ReplayFencedError(f"{self._name} is run by another process, which took over; this one stops")


def _bounded(call: Callable[[], Any]) -> None:
    """Run a call that should have a time limit of its own. Raises ``_StuckError`` when it does not come back."""
    problems: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except BaseException as problem:  # handed to the caller's thread
            problems.append(problem)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(_STUCK_S)
    if thread.is_alive():
        raise _StuckError
    if problems:
        raise problems[0]
