"""Reads a topic's offsets, and every committed message of a range of them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import islice

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from gridflex.adapters.kafka.answers import answer, once_led
from gridflex.adapters.kafka.client import client_settings, own_reader_settings, refuse_at_once
from gridflex.adapters.kafka.connection_errors import DENIED, authorization_error
from gridflex.config import Kafka
from gridflex.errors import ServiceError

Offsets = dict[int, int]
"""By partition."""
_CALL_S = 30.0
_SILENCE_S = 60.0
_PAUSE_S = 0.1
_CHUNK = 10_000
_NO_MESSAGE = -1


class Topic:
    """Reads a topic as ``read_committed`` does, without a consumer group. Raises ``ServiceError``.

    Between committed messages lie offsets that nobody reads: end marks of transactions, aborted transactions, what
    compaction took away. What Kafka has deleted at the start is not there to be read.
    """

    def __init__(self, kafka: Kafka, name: str, deadline: float = math.inf) -> None:
        """``deadline``: by the monotonic clock; reading that is not done by then fails."""
        self.name = name
        self.deadline = deadline
        self._kafka = kafka
        self._admin = AdminClient(client_settings(kafka))
        refuse_at_once(kafka)

    def first_offsets(self) -> Offsets:
        """The oldest offset that Kafka still keeps."""
        return self._offsets(OffsetSpec.earliest())  # type: ignore[no-untyped-call]

    def end_offsets(self) -> Offsets:
        """The offset after the last committed message; end marks of transactions count."""
        return self._offsets(OffsetSpec.latest())  # type: ignore[no-untyped-call]

    def written_offsets(self) -> Offsets:
        """The offset after the last message, whether its transaction is finished or not."""
        return self._offsets(OffsetSpec.latest(), IsolationLevel.READ_UNCOMMITTED)  # type: ignore[no-untyped-call]

    def offsets_at(self, time_ms: int) -> Offsets:
        """The first offset whose message has this Kafka time stamp or a later one; the end if there is none."""
        end = self.end_offsets()
        found = self._offsets(OffsetSpec.for_timestamp(time_ms))
        return {partition: end[partition] if at == _NO_MESSAGE else at for partition, at in found.items()}

    def visit(self, start: Mapping[int, int], end: Mapping[int, int], visit: Callable[[Message], None]) -> None:
        """Call ``visit`` with every committed message of ``[start, end)`` of each partition, in its order."""
        for message in self.messages(start, end):
            visit(message)

    def count(self, start: Mapping[int, int], end: Mapping[int, int], limit: int | None = None) -> int:
        """Committed messages of ``[start, end)`` over all partitions; no further than to ``limit``."""
        return sum(1 for _ in islice(self.messages(start, end), limit))

    def messages(self, start: Mapping[int, int], end: Mapping[int, int]) -> Iterator[Message]:
        """The committed messages of ``[start, end)``, of each partition in its order.

        A partition is done at its first message from ``end`` on, or where Kafka says that there is no more; one that
        says nothing at all for a minute fails the reading, whatever the others say.
        """
        first = self.first_offsets()
        begin = {partition: max(at, first.get(partition, at)) for partition, at in start.items()}
        open_ends = {partition: end[partition] for partition in begin if begin[partition] < end[partition]}
        if not open_ends:
            return
        consumer = Consumer(
            {
                **own_reader_settings(self._kafka),
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",  # what was deleted a moment ago is gone; what comes after it is not
                "fetch.wait.max.ms": 50,
            }
        )
        try:
            consumer.assign([TopicPartition(self.name, partition, begin[partition]) for partition in open_ends])
            yield from self._read(consumer, begin, open_ends)
        finally:
            consumer.close()

    def _read(self, consumer: Consumer, begin: Offsets, open_ends: Offsets) -> Iterator[Message]:
        heard = time.monotonic()
        while open_ends:
            for message in consumer.consume(_CHUNK, _PAUSE_S):
                partition, problem = message.partition(), message.error()
                if problem is not None and problem.code() != KafkaError._PARTITION_EOF:
                    raise self._refused(problem)
                if partition is None or partition not in open_ends:
                    continue
                heard, offset = time.monotonic(), message.offset()
                if problem is None and offset is not None and begin[partition] <= offset < open_ends[partition]:
                    yield message
                if problem is not None or offset is None or offset >= open_ends[partition] - 1:
                    del open_ends[partition]
                    consumer.pause([TopicPartition(self.name, partition)])  # else it would be read on and on
            now = time.monotonic()
            if open_ends and now - heard > _SILENCE_S:
                raise ServiceError(f"Kafka sent nothing of {self.name} for {_SILENCE_S:.0f} s; missing {open_ends}")
            if open_ends and now > self.deadline:
                raise ServiceError(f"Kafka, topic {self.name}: the time limit was reached; not read: {open_ends}")

    def _refused(self, problem: KafkaError) -> ServiceError:
        if problem.code() in DENIED:
            return authorization_error(self._kafka, f"read topic {self.name}", problem)
        return ServiceError(f"Kafka, topic {self.name}: {problem.str()}")

    def _offsets(self, spec: OffsetSpec, isolation: IsolationLevel = IsolationLevel.READ_COMMITTED) -> Offsets:
        def ask() -> Offsets:
            known = self._admin.list_topics(self.name, _CALL_S).topics[self.name]
            if known.error is not None:
                raise self._refused(known.error)
            asked = {TopicPartition(self.name, partition): spec for partition in known.partitions}
            futures = self._admin.list_offsets(asked, isolation_level=isolation, request_timeout=_CALL_S)
            return {where.partition: answer(future).offset for where, future in sorted(futures.items())}

        try:
            return once_led(ask, _CALL_S)
        except KafkaException as problem:
            if problem.args[0].code() in DENIED:
                raise self._refused(problem.args[0]) from None
            raise ServiceError(f"Kafka at {self._kafka.bootstrap_servers}: {problem.args[0].str()}") from None
