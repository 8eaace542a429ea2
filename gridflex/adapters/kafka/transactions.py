"""Repeats calls of transactional producers while Kafka is out of reach, and gives up in the end."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from gridflex import config
from gridflex.adapters.kafka.client import client_settings, refuse_at_once
from gridflex.adapters.kafka.connection_errors import DENIED, authorization_error
from gridflex.errors import ServiceError

logger = logging.getLogger(__name__)

Message = tuple[bytes, bytes]
"""Key and value."""

CALL_S = 10.0
STUCK_S = 45.0
"""librdkafka's transaction calls may outlive their own time limit after a broker was killed: then they are given up."""
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
_CHUNK = 10_000


class StuckError(ServiceError):
    """A call into librdkafka that does not come back."""

    def __init__(self) -> None:
        super().__init__(f"Kafka's client did not come back within {STUCK_S:g} s")


def producer_settings(kafka: config.Kafka, name: str) -> dict[str, Any]:
    """Settings of a producer whose transactions have this name. Raises ``ServiceError`` for missing credentials."""
    return {
        **client_settings(kafka),
        "transactional.id": name,
        "transaction.timeout.ms": int(kafka.transaction_timeout_s * 1000),
        "acks": "all",
        "compression.type": "lz4",
        "partitioner": "murmur2_random",
    }


def is_fenced(error: KafkaError) -> bool:
    """Whether a later producer of the same name took over, or Kafka gave up this one's transaction."""
    return error.code() in _FENCED or (error.fatal() and "fenced" in error.str().lower())


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """Calls of one producer, or of a client beside it."""

    kafka: config.Kafka
    name: str
    """Of its transactions."""
    outage_s: float
    """How long Kafka may be out of reach."""

    def retry(self, call: Callable[[], Any], what: str, final: Callable[[KafkaError], Exception]) -> None:
        """Call until it goes through. ``final``: makes what is raised for an error that stays.

        Raises ``KafkaException`` if the transaction must be aborted, ``StuckError`` if the call does not come back,
        ``ServiceError`` after an outage, and what ``final`` makes of every other error.
        """
        started = time.monotonic()
        while True:
            try:
                bounded(call)
            except KafkaException as problem:
                error = problem.args[0]
                if error.fatal() or error.code() in _FENCED:
                    raise final(error) from None
                if error.txn_requires_abort() and what != "abort":
                    raise
                if not (error.retriable() or error.code() in _PASSING):
                    raise final(error) from None
                if time.monotonic() - started > self.outage_s:
                    raise ServiceError(f"Kafka did not answer {self.name} ({what}): {error.str()}") from None
                if self.kafka.security_protocol != "PLAINTEXT":
                    refuse_at_once(self.kafka)
                logger.warning("kafka=retry writer=%s call=%s reason=%s", self.name, what, error.str())
                time.sleep(_PAUSE_S)
            else:
                return


def send(producer: Producer, topic: str, batch: Sequence[Message]) -> None:
    """Put messages of any number into the transaction. Raises ``KafkaException`` for one that is not taken."""
    for start in range(0, len(batch), _CHUNK):
        waiting: list[Any] = [{"key": key, "value": value} for key, value in batch[start : start + _CHUNK]]
        while waiting:
            if producer.produce_batch(topic, waiting) == len(waiting):
                break
            waiting = [message for message in waiting if "_error" in message]
            problem = waiting[0]["_error"]
            if problem.code() != KafkaError._QUEUE_FULL:
                raise KafkaException(problem)
            waiting = [{"key": message["key"], "value": message["value"]} for message in waiting]
            producer.poll(0.1)
        producer.poll(0)


def denied(kafka: config.Kafka, producer: Producer, topics: Iterable[str]) -> ServiceError | None:
    """The refusal, when an ACL of one of the topics is why a transaction had to be aborted."""
    if kafka.security_protocol == "PLAINTEXT":
        return None
    for topic in topics:
        try:
            told = producer.list_topics(topic, CALL_S).topics[topic].error
        except KafkaException:
            continue
        if told is not None and told.code() in DENIED:
            return authorization_error(kafka, f"write to topic {topic}", told)
    return None


def bounded(call: Callable[[], Any]) -> None:
    """Run a call that should have a time limit of its own. Raises ``StuckError`` when it does not come back."""
    problems: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except BaseException as problem:  # handed to the caller's thread
            problems.append(problem)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(STUCK_S)
    if thread.is_alive():
        raise StuckError
    if problems:
        raise problems[0]
