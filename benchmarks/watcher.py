"""When a message with a key can be read from Kafka by a reader of committed ones."""

from __future__ import annotations

import threading
import time
from types import TracebackType

from confluent_kafka import Consumer, TopicPartition

from gridflex.adapters.kafka.client import client_settings
from gridflex.config import Kafka

_WAIT_MS = 10
_POLL_S = 0.05


class Watcher:
    """Follows the ends of topics in a thread of its own, and keeps one key's messages with the instant they came."""

    def __init__(self, kafka: Kafka, topics: tuple[str, ...], key: bytes) -> None:
        self._key = key
        self._seen: dict[str, list[tuple[float, bytes]]] = {topic: [] for topic in topics}
        self._stop = threading.Event()
        self._consumer = Consumer(
            {
                **client_settings(kafka),
                "group.id": "watcher",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": _WAIT_MS,
            }
        )
        places = [
            TopicPartition(topic, partition)
            for topic in topics
            for partition in self._consumer.list_topics(topic, 10).topics[topic].partitions
        ]
        for place in places:  # now, not when the consumer gets to it: the first message may be written by then
            place.offset = self._consumer.get_watermark_offsets(place, timeout=10)[1]
        self._consumer.assign(places)
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._consumer.close()

    def seen(self, topic: str) -> list[tuple[float, bytes]]:
        """The instant, by the monotonic clock, and the value of each message of the key, in order."""
        return list(self._seen[topic])

    def _follow(self) -> None:
        """A topic in which the key was met is followed in that partition alone."""
        met: set[str] = set()
        while not self._stop.is_set():
            for message in self._consumer.consume(1000, _POLL_S):
                topic, value = message.topic(), message.value()
                if message.error() is not None or topic is None or value is None or message.key() != self._key:
                    continue
                self._seen[topic].append((time.monotonic(), value))
                if topic not in met:
                    met.add(topic)
                    others = [place for place in self._consumer.assignment() if place.topic == topic]
                    self._consumer.incremental_unassign(
                        [place for place in others if place.partition != message.partition()]
                    )
