"""Waits for the answers of Kafka's admin client, which come as futures."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException

_Answer = TypeVar("_Answer")
_AGAIN_S = 0.5
_PASSING = {
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.OFFSET_NOT_AVAILABLE,
}
"""What is answered until the brokers and the client know a partition's new leader, and it knows its log's end."""


def answer(future: Future[Any], timeout_s: float | None = None) -> Any:
    """The result of a future of the admin client. Raises its exception, a ``KafkaException``, or ``TimeoutError``.

    ``Future.result`` would tie the exception that the future keeps to its caller's frame, and so to the client in it,
    in a cycle. Such a client is freed by the garbage collector, in whatever thread that runs; in the client's own one
    librdkafka aborts the process. A copy of the exception ties nothing.
    """
    problem = future.exception(timeout_s)
    if problem is not None:
        raise type(problem)(*problem.args)
    return future.result()


def once_led(ask: Callable[[], _Answer], timeout_s: float) -> _Answer:
    """What ``ask`` gives; it is called again for ``timeout_s`` while a partition's leader is not known everywhere.

    Raises what ``ask`` raises, its last ``KafkaException`` after that time.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return ask()
        except KafkaException as problem:
            if problem.args[0].code() not in _PASSING or time.monotonic() > deadline:
                raise
        time.sleep(_AGAIN_S)
