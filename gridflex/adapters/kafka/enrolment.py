"""Writes, reads and follows the topic of enrolments."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from gridflex.adapters.avro import decode, encode_dicts
from gridflex.adapters.kafka.client import client_settings, own_reader_settings, refuse_at_once
from gridflex.adapters.kafka.connection_errors import DENIED, authorization_error
from gridflex.adapters.kafka.feed_topics import topic_of
from gridflex.adapters.kafka.reader import Topic
from gridflex.config import Kafka
from gridflex.contracts.feeds import feed
from gridflex.contracts.schemas import Schema, accepted_schemas, written_schema
from gridflex.domain.enrolment import Changes, Enrolment, Participation
from gridflex.errors import SchemaError, ServiceError

logger = logging.getLogger(__name__)

_FEED = "enrolment"
_DELIVERY_S = 30.0
_START_S = 60.0
_POLL_S = 0.2
_LOOK_EVERY_S = 2.0
_LOOK_S = 2.0
_MOST = 10_000
_NO_GROUP = KafkaError.GROUP_AUTHORIZATION_FAILED
"""Kafka's client looks for its group's coordinator, whatever it is used for. Nothing here needs a group."""
_WRONG_PLACE = {
    KafkaError._AUTO_OFFSET_RESET,
    KafkaError.OFFSET_OUT_OF_RANGE,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_PARTITION,
    KafkaError._UNKNOWN_TOPIC,
}
"""The topic was deleted or made anew: what was read of it counts no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentState:
    """Everything that the topic said up to an offset."""

    participation: Participation = field(default_factory=Participation)
    offset: int = 0
    """One past the last message read; of several partitions the sum."""
    unreadable: tuple[str, ...] = ()
    """Messages that say nothing: where each one is, and what was found."""

    def after(self, messages: Sequence[Message]) -> EnrolmentState:
        """What it is after these messages, too. The offset stays."""
        changes, unreadable = _changes(messages)
        return EnrolmentState(
            participation=self.participation.after(changes),
            offset=self.offset,
            unreadable=self.unreadable + unreadable,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentMark:
    """A place in the topic, of several partitions summed up."""

    offset: int
    """One past the last message."""
    changes: int
    """Messages before it, from some instant on; those that compaction removed count."""


def enrolment_topic(kafka: Kafka) -> str:
    """The topic's name."""
    return topic_of(kafka, feed(_FEED))


def publish(kafka: Kafka, enrolments: Iterable[Enrolment]) -> int:
    """Write enrolments, in their order, and wait until every replica in sync has them; how many there were.

    Raises ``ServiceError`` that says how many are written; to write all of them once more does no harm.
    """
    rows = list(enrolments)
    refuse_at_once(kafka)
    settings = {"enable.idempotence": True, "acks": "all", "message.timeout.ms": round(_DELIVERY_S * 1000)}
    producer = Producer({**client_settings(kafka), **settings, "partitioner": "murmur2_random"})
    topic, problems, done = enrolment_topic(kafka), list[KafkaError](), list[int]()

    def note(problem: KafkaError | None, message: Message) -> None:
        """Called for each message, once."""
        if problem is None:
            done.append(message.offset() or 0)
        else:
            problems.append(problem)

    for one, value in zip(rows, encode_dicts(written_schema(feed(_FEED)), [_record(one) for one in rows]), strict=True):
        while True:
            try:
                producer.produce(topic, value, one.key.encode(), on_delivery=note)
            except BufferError:
                producer.poll(_POLL_S)
            else:
                break
        producer.poll(0)
    producer.flush(2 * _DELIVERY_S)
    if len(done) == len(rows):
        return len(rows)
    reason = problems[0] if problems else KafkaError(KafkaError._TIMED_OUT)
    if reason.code() in DENIED:
        raise authorization_error(kafka, f"write to topic {topic}", reason)
    raise ServiceError(
        f"Kafka at {kafka.bootstrap_servers}: {len(done):,} of {len(rows):,} rows are written to topic {topic}, then: "
        f"{reason.str()}; the same command again writes all of them"
    )


def read_enrolment(kafka: Kafka) -> EnrolmentState:
    """All that the topic says now. Raises ``ServiceError``."""
    topic = Topic(kafka, enrolment_topic(kafka))
    start, end = topic.first_offsets(), topic.end_offsets()
    state = EnrolmentState(offset=sum(end.values()))
    return state.after(list(topic.messages(start, end)))


def enrolment_mark(kafka: Kafka, since_ms: int) -> EnrolmentMark:
    """How far the topic goes now, and how much of it came from an instant on, UTC epoch. Raises ``ServiceError``."""
    topic = Topic(kafka, enrolment_topic(kafka))
    since, end = topic.offsets_at(since_ms), topic.end_offsets()
    return EnrolmentMark(offset=sum(end.values()), changes=sum(end[number] - since[number] for number in since))


def follow_enrolment(kafka: Kafka, initial: Participation | None = None) -> EnrolmentFollower:
    """Read the topic to its end, then keep up with it until ``close``.

    ``initial``: what holds for those of whom the topic says nothing. Raises ``ServiceError`` if it cannot be read.
    """
    follower = EnrolmentFollower(kafka, initial or Participation())
    try:
        follower.wait()
    except BaseException:
        follower.close()
        raise
    return follower


class EnrolmentFollower:
    """Keeps who takes part current, by a thread of its own and without a consumer group.

    While Kafka is away the last state stays, and ``problem`` says why; the first look after its return clears it.
    """

    def __init__(self, kafka: Kafka, initial: Participation) -> None:
        refuse_at_once(kafka)
        self._kafka = kafka
        self._topic = enrolment_topic(kafka)
        self._empty = EnrolmentState(participation=initial)
        self._state = self._empty
        self._read = self._empty
        """What is read so far; it becomes the state once every partition was read to its end."""
        self._position: dict[int, int] = {}
        self._behind: set[int] = set()
        self._heard = 0.0
        self._stop, self._caught_up = threading.Event(), threading.Event()
        self.problem: ServiceError | None = None
        """Why nothing was heard at the last look; ``None``: it is current."""
        self._consumer = Consumer(
            {
                **own_reader_settings(kafka),
                "enable.partition.eof": True,
                "auto.offset.reset": "error",
                "reconnect.backoff.max.ms": 1000,
                "log_level": 0,
            }
        )
        self._thread = threading.Thread(target=self._follow, name="enrolment", daemon=True)
        self._thread.start()

    def __enter__(self) -> EnrolmentFollower:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def participation(self) -> Participation:
        """Who takes part, as far as the topic was heard; another object after each change."""
        return self._state.participation

    @property
    def offset(self) -> int:
        """One past the last message that is in ``participation``; of several partitions the sum."""
        return self._state.offset

    def wait(self, timeout_s: float = _START_S) -> None:
        """Until the topic was read to its end once. Raises ``ServiceError``, at once if there is no such topic."""
        deadline = time.monotonic() + timeout_s
        while not self._caught_up.wait(_POLL_S):
            problem = self.problem
            if problem is not None and (time.monotonic() > deadline or isinstance(problem, _FinalError)):
                raise ServiceError(str(problem))
            if time.monotonic() > deadline:
                raise ServiceError(f"Kafka at {self._kafka.bootstrap_servers}: {self._topic} was not read in time")

    def close(self) -> None:
        """Stop; what was heard stays."""
        self._stop.set()
        self._thread.join()

    def _follow(self) -> None:
        try:
            while not self._stop.is_set():
                if time.monotonic() - self._heard > _LOOK_EVERY_S:
                    self._look()
                if not self._position:
                    self._stop.wait(_POLL_S)
                    continue
                messages = self._consumer.consume(_MOST, _POLL_S)
                if messages:
                    self._take(messages)
        finally:
            self._consumer.close()

    def _look(self) -> None:
        """Ask whether Kafka and the topic are there, and begin anew if it has other partitions than were read."""
        try:
            found = self._consumer.list_topics(self._topic, _LOOK_S).topics[self._topic]
        except KafkaException as problem:
            self._lost(problem.args[0])
            return
        if found.error is not None:
            self._lost(found.error)
            return
        if set(found.partitions) != set(self._position):
            self._begin(found.partitions)
        elif isinstance(self.problem, _FinalError):
            self._heard = time.monotonic()
            return  # only a message that may be read ends it
        self._hear()

    def _begin(self, partitions: Iterable[int]) -> None:
        self._read = self._empty
        self._position = dict.fromkeys(partitions, 0)
        self._behind = set(self._position)
        self._consumer.assign([TopicPartition(self._topic, number, OFFSET_BEGINNING) for number in self._position])

    def _take(self, messages: Sequence[Message]) -> None:
        told = []
        for message in messages:
            problem, partition, offset = message.error(), message.partition(), message.offset()
            if problem is None:
                told.append(message)
                self._position[partition or 0] = (offset or 0) + 1
            elif problem.code() == KafkaError._PARTITION_EOF:
                self._behind.discard(partition or 0)
                self._position[partition or 0] = max(self._position[partition or 0], offset or 0)
            elif problem.code() != _NO_GROUP:
                self._lost(problem)
                if problem.code() in _WRONG_PLACE:
                    self._position = {}  # the next look begins anew
                    return
        read = self._read.after(told)
        self._read = EnrolmentState(participation=read.participation, offset=sum(self._position.values()))
        for one in read.unreadable:
            logger.warning("enrolment=ignored %s", one)
        if not self._behind:
            self._state = self._read
            self._hear()
            self._caught_up.set()

    def _hear(self) -> None:
        self._heard = time.monotonic()
        if self.problem is not None:
            logger.info("enrolment=followed topic=%s again=true", self._topic)
            self.problem = None

    def _lost(self, error: KafkaError) -> None:
        self._heard = time.monotonic()
        if self.problem is None:
            logger.warning("enrolment=lost topic=%s reason=%s", self._topic, error.str())
        if error.code() in DENIED:
            self.problem = _FinalError(str(authorization_error(self._kafka, f"read topic {self._topic}", error)))
        else:
            kind = _FinalError if error.code() in _WRONG_PLACE else ServiceError
            self.problem = kind(f"Kafka at {self._kafka.bootstrap_servers}, topic {self._topic}: {error.str()}")


class _FinalError(ServiceError):
    """To wait is of no use."""


def _changes(messages: Iterable[Message]) -> tuple[Changes, tuple[str, ...]]:
    schemas = {schema.schema_id: schema for schema in accepted_schemas(feed(_FEED))}
    found: list[tuple[str, Enrolment | None]] = []
    unreadable: list[str] = []
    for message in messages:
        try:
            found.append(_change(message.key(), message.value(), schemas))
        except (SchemaError, ValueError) as problem:
            unreadable.append(f"{message.topic()}/{message.partition()}/{message.offset()}: {problem}")
    return found, tuple(unreadable)


def _change(
    key: str | bytes | None, value: str | bytes | None, schemas: Mapping[int, Schema]
) -> tuple[str, Enrolment | None]:
    name = key.decode() if isinstance(key, bytes) else key
    if not name:
        raise ValueError("no key; allowed: an appliance_id or a house_id")
    if value is None:
        return name, None
    one = Enrolment(**decode(value if isinstance(value, bytes) else value.encode(), schemas))
    if one.key != name:
        raise ValueError(f"the key {name[:80]!r} with a record of {one.key[:80]!r}; allowed: the same")
    return name, one


def _record(one: Enrolment) -> dict[str, object]:
    return {name: getattr(one, name) for name in Enrolment.__slots__}
