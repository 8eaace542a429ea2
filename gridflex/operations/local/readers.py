"""Who reads the topics of the local stack, how far, and what each has lost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridflex.adapters.druid.ingestion import read_positions
from gridflex.adapters.kafka.feed_topics import topic_of
from gridflex.adapters.kafka.positions import Loss, find_loss
from gridflex.adapters.kafka.topics import Held, held_topics
from gridflex.config import Config
from gridflex.contracts.feeds import stored_feeds
from gridflex.errors import ServiceError
from gridflex.files import write_atomically
from gridflex.operations.local.spark_checkpoint import SPARK, checkpoint_folder, next_positions
from gridflex.operations.local.state_folder import TOPICS_FILE

Json = dict[str, Any]


class LostPlaceError(ServiceError):
    """A reader of Kafka stands where it cannot read on, and will not before somebody sets it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Something that reads a topic to its end, again and again, and keeps its place itself."""

    name: str
    """A supervisor's data source, or ``spark``."""
    topic: str
    positions: Mapping[int, int]
    """The offset by partition that it wants next; empty before it has begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a reader stands in its topic."""

    reader: Reader
    lag: int
    """Messages that it has not read."""
    loss: Loss | None


def topics_read(config: Config) -> dict[str, str]:
    """The topic of every reader, by the reader's name: a supervisor has its data source's name."""
    topics = {feed.table: topic_of(config.kafka, feed) for feed in stored_feeds()}
    return topics | {SPARK: config.kafka.topic_readings}


def spark_reader(config: Config) -> Reader:
    """The streaming job, as its checkpoint has it."""
    topic = config.kafka.topic_readings
    return Reader(name=SPARK, topic=topic, positions=next_positions(checkpoint_folder(config), topic))


def supervisor_reader(config: Config, name: str, status: Json) -> Reader:
    """A supervisor, as Druid has it."""
    return Reader(name=name, topic=topics_read(config)[name], positions=read_positions(status))


def find_places(config: Config, readers: list[Reader], timeout_s: float) -> dict[str, Place]:
    """Where the readers stand, by name; one whose topic is missing is left out.

    Raises ``ServiceError`` when Kafka does not answer in time.
    """
    # The ends are asked for after the positions, so that a position beyond an end is one.
    held = held_topics(config.kafka, sorted({reader.topic for reader in readers}), timeout_s) if readers else {}
    known = _known(config)
    return {
        reader.name: _place(reader, held[reader.topic], known.get(reader.name))
        for reader in readers
        if reader.topic in held
    }


def remember_topics(config: Config, *, anew: tuple[str, ...] = ()) -> None:
    """Note for each reader which topic it begins to read, if it is not noted yet, and for those of ``anew`` again."""
    topics = topics_read(config)
    known = {name: identity for name, identity in _known(config).items() if name not in anew}
    if topics.keys() <= known.keys():
        return
    held = held_topics(config.kafka, sorted(set(topics.values())), timeout_s=10)
    known = {name: held[topic].identity for name, topic in topics.items() if topic in held} | known
    write_atomically(_file(config), json.dumps(known))


def refuse_lost_spark(config: Config) -> None:
    """Raise ``ServiceError`` if the streaming job cannot go on where it stopped: it would die as soon as it starts."""
    place = find_places(config, [spark_reader(config)], timeout_s=10).get(SPARK)
    if place is not None and place.loss is not None:
        raise ServiceError(f"{SPARK} is not started: {place.loss.text()}; do: {way_out(place.loss)}")


def refuse_lost_supervisor(config: Config, name: str, status: Json) -> None:
    """Raise ``ServiceError`` if the supervisor cannot go on where it stopped: it would try for ever."""
    place = find_places(config, [supervisor_reader(config, name, status)], timeout_s=10).get(name)
    if place is not None and place.loss is not None:
        raise LostPlaceError(f"supervisor {name}: {place.loss.text()}; do: {way_out(place.loss)}")


def way_out(loss: Loss) -> str:
    """What to do about a loss."""
    return f"`gridflex recover {loss.reader}` continues with the messages that exist (docs/runbook.md)"


def _place(reader: Reader, held: Held, identity: str | None) -> Place:
    made_anew = identity is not None and bool(reader.positions) and identity != held.identity
    loss = find_loss(reader.name, reader.topic, reader.positions, held.begin, held.end, made_anew=made_anew)
    lag = 0
    for number, end in held.end.items():
        begin, position = held.begin[number], reader.positions.get(number, held.begin[number])
        lag += end - (begin if position > end else max(position, begin))
    return Place(reader=reader, lag=lag, loss=loss)


def _known(config: Config) -> dict[str, str]:
    file = _file(config)
    found: dict[str, str] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return found


def _file(config: Config) -> Path:
    return config.state_dir / TOPICS_FILE
