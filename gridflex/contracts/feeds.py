"""Reads the registry of feeds, ``feeds.json``: one row for each kind of message that goes through Kafka.

Topics, grants, supervisors, empty tables, merging of segments, metrics, alarms and checks derive from these rows. The
rows are JSON because Terraform and Superset, which do not import this package, read them too (docs/adr/0028).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, model_validator

from gridflex.errors import SchemaError

TABLE: Traversable = files("gridflex.contracts") / "feeds.json"

KafkaUser = Literal["replay", "spark", "druid", "batch", "check", "events"]
"""Kafka's users; Terraform makes a password for each."""


class Feed(BaseModel):
    """One kind of message. Its fields, dimensions and units are those of its schema."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    summary: str
    schemas: tuple[str, ...]
    """Names of files in ``schemas/`` with which messages may be written; the first is written today."""
    topic: str
    """Its topic's name, unless ``topic_setting`` says otherwise."""
    topic_setting: str | None = None
    """The key of the section ``kafka`` that names the topic in this installation."""
    key: str
    """The field whose value is each message's key, or several, joined by ``|``: messages with the same key stay in
    order."""
    partitions: int | None = None
    """``None``: ``kafka.partitions``."""
    retention_h: float | Literal["forever"] | None = None
    """How long Kafka keeps messages; ``None``: as the brokers are set."""
    cleanup: Literal["delete", "compact"] = "delete"
    """What Kafka does with old messages: delete them, or keep the last one of each key."""
    max_message_bytes: int | None = None
    """The largest batch of messages that its topic takes; ``None``: as the brokers are set."""
    holds_positions: bool = False
    """Transactional writers note their positions as offsets of this feed's topic; exactly one feed says so."""
    writers: tuple[KafkaUser, ...]
    readers: tuple[KafkaUser, ...]
    transform: str | None = None
    """The module of the streaming job that reads it as a stream."""
    data_source: str | None = None
    """Its table in Druid, made by ``database/druid_specs/<data_source>.json``; ``None``: Druid does not read it."""
    tasks: int | Literal["configured"] = 1
    """How many of Druid's tasks read it; ``configured``: ``druid.task_count``."""
    service: str | None = None
    """The launcher's service without which nothing is written to it: on one machine its supervisor runs only beside
    that service. ``None``: it always runs."""
    merges_segments: bool = False
    """Whether ``gridflex batch compact`` merges the segments of its past days."""
    reconciled: bool = False
    """Whether ``gridflex batch reconcile`` compares Druid with its topic."""
    freshness_limit_s: float | None = None
    """Age of the newest row from which on an alarm is raised; ``None``: its age is not watched."""
    why_every_region: str = ""
    """Why operators of one region may see all of its rows; empty if each row has a region."""

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if not self.schemas:
            raise ValueError("schemas: found none; the first is the one that is written")
        if self.transform is not None and "spark" not in self.readers:
            raise ValueError("transform: only if spark is among the readers")
        if (self.data_source is None) == ("druid" in self.readers):
            raise ValueError("data_source: needed if, and only if, druid is among the readers")
        of_a_table = (
            self.merges_segments,
            self.reconciled,
            self.freshness_limit_s is not None,
            self.service is not None,
        )
        if self.data_source is None and any(of_a_table):
            raise ValueError("merges_segments, reconciled, freshness_limit_s, service: only with a data_source")
        return self

    @property
    def table(self) -> str:
        """Its data source. Raises ``SchemaError`` if Druid does not read it."""
        if self.data_source is None:
            raise SchemaError(f"feed {self.name} has no data source")
        return self.data_source


def feeds() -> tuple[Feed, ...]:
    """Every feed, in the order of the rows. Raises ``SchemaError`` that says all that is wrong with them."""
    return parse_feeds(TABLE.read_text(encoding="utf-8"))


def feed(name: str) -> Feed:
    """The feed of this name. Raises ``SchemaError`` that lists the known ones."""
    for found in feeds():
        if found.name == name:
            return found
    raise SchemaError(f"no feed {name!r}; known: {', '.join(known.name for known in feeds())}")


def stored_feeds() -> tuple[Feed, ...]:
    """The feeds that Druid reads."""
    return tuple(found for found in feeds() if found.data_source is not None)


def table_feed(table: str) -> Feed:
    """The feed of this data source. Raises ``SchemaError`` that lists the known ones."""
    for found in stored_feeds():
        if found.table == table:
            return found
    raise SchemaError(f"no feed of data source {table!r}; known: {', '.join(known.table for known in stored_feeds())}")


def transformed_feed(transform: str) -> Feed:
    """The feed that a module of the streaming job reads. Raises ``SchemaError`` unless exactly one names it."""
    found = [one for one in feeds() if one.transform == transform]
    if len(found) != 1:
        names = ", ".join(one.name for one in found) or "none"
        raise SchemaError(f"{TABLE.name}: feeds with the transform {transform}: found {names}; needed: exactly one")
    return found[0]


def readings_table() -> str:
    """The data source of the feed ``readings``."""
    return feed("readings").table


def position_feed() -> Feed:
    """The feed with whose topic's offsets transactional writers note their positions."""
    (found,) = (found for found in feeds() if found.holds_positions)
    return found


def reconciled_feed() -> Feed:
    """The feed that is compared with Druid, message by message."""
    (found,) = (found for found in feeds() if found.reconciled)
    return found


@cache
def parse_feeds(text: str) -> tuple[Feed, ...]:
    """Parse the rows' JSON. Raises ``SchemaError`` that says all that is wrong with it."""
    try:
        found = TypeAdapter(tuple[Feed, ...]).validate_json(text)
    except ValidationError as problem:
        wrong = (f"row {'.'.join(map(str, one['loc']))}: {one['msg']}" for one in problem.errors())
        raise SchemaError(f"{TABLE.name}: {'; '.join(wrong)}") from None
    for what, names in (
        ("name", [one.name for one in found]),
        ("topic", [one.topic for one in found]),
        ("topic_setting", [one.topic_setting for one in found if one.topic_setting is not None]),
        ("data_source", [one.data_source for one in found if one.data_source is not None]),
    ):
        if twice := sorted(_repeated(names)):
            raise SchemaError(f"{TABLE.name}: {what} {', '.join(twice)} found more than once; allowed: once")
    for what, number in (
        ("holds_positions", sum(one.holds_positions for one in found)),
        ("reconciled", sum(one.reconciled for one in found)),
    ):
        if number != 1:
            raise SchemaError(f"{TABLE.name}: {number} feeds have {what}; allowed: exactly one")
    return found


def _repeated(names: Iterable[str]) -> set[str]:
    seen: set[str] = set()
    return {name for name in names if name in seen or seen.add(name)}  # type: ignore[func-returns-value]
