"""Reads what Kafka's topics hold now: their identity, and the range of offsets of each partition."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from gridflex import config
from gridflex.adapters.kafka.answers import answer, once_led
from gridflex.adapters.kafka.client import client_settings
from gridflex.errors import ServiceError

_EARLIEST = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
_LATEST = OffsetSpec.latest()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A topic as it is now; offsets by partition."""

    identity: str
    """Another one after the topic was deleted and created again."""
    begin: Mapping[int, int]
    end: Mapping[int, int]
    """One past the last message of a finished transaction: as far as a read_committed reader may read."""
    fresh: Mapping[int, int] = field(default_factory=dict)
    """The first message that is younger than the time asked for; ``end`` if there is none."""

    def overdue(self, positions: Mapping[int, int]) -> int:
        """How many messages in front of ``fresh`` a reader that stands at ``positions`` has not read."""
        return sum(max(0, self.fresh[number] - positions.get(number, self.begin[number])) for number in self.fresh)


def held_topics(
    kafka: config.Kafka, names: Sequence[str], timeout_s: float, fresh_s: float | None = None
) -> dict[str, Held]:
    """The topics of these names that there are. With ``fresh_s`` also where their messages of that age begin.

    Asks again for ``timeout_s`` while a partition has no leader yet. Raises ``ServiceError`` when Kafka does not answer
    in time, or refuses.
    """
    where = f"Kafka at {kafka.bootstrap_servers}"
    try:
        return once_led(lambda: _held(kafka, names, timeout_s, fresh_s), timeout_s)
    except KafkaException as problem:
        raise ServiceError(f"{where} has no offsets: {problem.args[0].str()}") from None
    except TimeoutError:
        raise ServiceError(f"{where} returned no offsets within {timeout_s:g} s") from None


def _held(kafka: config.Kafka, names: Sequence[str], timeout_s: float, fresh_s: float | None) -> dict[str, Held]:
    client = AdminClient({**client_settings(kafka), "log_level": 0})
    described = _described(client, names, timeout_s)
    parts = [TopicPartition(name, one.id) for name, found in described.items() for one in found.partitions]
    specs = [_EARLIEST, _LATEST]
    if fresh_s is not None:
        specs.append(OffsetSpec.for_timestamp(time.time_ns() // 1_000_000 - int(fresh_s * 1000)))
    asked = [_offsets(client, parts, spec, timeout_s) for spec in specs]
    begin, end, *rest = [_by_topic(futures, timeout_s) for futures in asked]
    fresh = rest[0] if rest else {}
    return {
        name: Held(
            identity=str(found.topic_id),
            begin=begin.get(name, {}),
            end=end.get(name, {}),
            fresh={
                number: min(offset, end[name][number]) if offset >= 0 else end[name][number]
                for number, offset in fresh.get(name, {}).items()
            },
        )
        for name, found in described.items()
    }


def _described(client: AdminClient, names: Sequence[str], timeout_s: float) -> dict[str, Any]:
    found = {}
    for name, future in client.describe_topics(TopicCollection(list(names)), request_timeout=timeout_s).items():
        try:
            found[name] = answer(future, timeout_s)
        except KafkaException as problem:
            if problem.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise
    return found


def _offsets(client: AdminClient, parts: Sequence[TopicPartition], spec: OffsetSpec, timeout_s: float) -> Any:
    if not parts:
        return {}
    return client.list_offsets(
        dict.fromkeys(parts, spec), isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=timeout_s
    )


def _by_topic(futures: Mapping[TopicPartition, Any], timeout_s: float) -> dict[str, dict[int, int]]:
    found: dict[str, dict[int, int]] = {}
    for part, future in futures.items():
        found.setdefault(part.topic, {})[part.partition] = answer(future, timeout_s).offset
    return found
