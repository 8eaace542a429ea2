"""Waits for the answers of Kafka's admin client, which come as futures."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any


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
