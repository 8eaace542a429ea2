"""Compares Druid with Kafka: is every good reading there exactly once? Each difference is explained, or it is an alarm.

    committed messages = good readings + bad ones (by reason)
    good readings before Druid's offsets = SUM("count") in Druid
    bad ones before Spark's offsets      = dead letters of the stream

Each hour of Kafka's time is counted message by message, by the same rule of validity as Druid's and Spark's, and
persisted in the table ``reconciliation``; what no persisted hour covers is counted again. Offsets alone would not do:
the end marks of transactions have offsets too.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import pyarrow as pa

from batch.reconciliation.validity import GOOD, Validity
from batch.rollup import DruidSql, sql_time
from gridflex.adapters.druid.batch import DruidBatch
from gridflex.adapters.druid.client import Druid
from gridflex.adapters.druid.progress import await_offsets, await_read
from gridflex.adapters.kafka.feed_topics import topic_of
from gridflex.adapters.kafka.reader import Offsets, Topic
from gridflex.config import Config
from gridflex.contracts.feeds import feed, reconciled_feed
from gridflex.domain.interval import Interval
from gridflex.domain.readings import REASONS
from gridflex.errors import DataQualityError

log = logging.getLogger(__name__)

TABLE = "reconciliation"
_POLL_S = 1.0
_MESSAGES_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Counts of the messages of one partition in ``[start, end)`` by outcome."""

    partition: int
    start: int
    end: int
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconciliationResult:
    """The counts that were compared: messages and readings."""

    good_before: int
    """Good readings that Druid had read when it was asked."""
    good_after: int
    """The same a moment later: between the two lies what was in flight."""
    in_druid: int
    bad: Mapping[str, int]
    """By reason."""
    dead_letters: int
    """Written by the stream, for these reasons."""
    unread: int
    """Committed messages that Druid has not read."""
    deleted: int = 0
    """Offsets that Kafka deleted before they were counted: so many readings of Druid's at most are in no topic."""

    @property
    def unexplained(self) -> int:
        """Readings that Druid is missing (below 0) or has more than once (above 0)."""
        if self.in_druid < self.good_before:
            return self.in_druid - self.good_before
        return max(0, self.in_druid - self.good_after - self.deleted)

    def summary(self) -> str:
        """The result in one line."""
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(self.bad.items())) or "none"
        messages = self.good_after + sum(self.bad.values())
        moved = self.good_before != self.good_after
        asked = f" (asked after {self.good_before:,} and before {self.good_after:,})" if moved else ""
        return (
            f"{messages:,} messages read = {self.good_after:,} good + {sum(self.bad.values()):,} bad ({reasons}); "
            f"Druid counts {self.in_druid:,}{asked}; "
            f"{self.dead_letters:,} dead letters; {self.unread:,} messages in flight"
            + (f"; up to {self.deleted:,} deleted by Kafka before they were counted" if self.deleted else "")
        )


def reconcile(config: Config, hours: Sequence[Interval]) -> ReconciliationResult:
    """Count the hours' messages, write the counts to ``reconciliation``, and compare Druid with all of Kafka.

    Raises ``DataQualityError`` when readings are lost or doubled, or the topic is another one; ``ServiceError`` when it
    is not done within ``batch.reconcile_timeout_s``.
    """
    deadline = time.monotonic() + config.batch.reconcile_timeout_s
    topic, sql = Topic(config.kafka, topic_of(config.kafka, reconciled_feed()), deadline), DruidSql(config)
    validity = Validity(config.readings)
    rows = []
    for hour in hours:
        counted = count(topic, topic.offsets_at(hour.start_ms), topic.offsets_at(hour.end_ms), validity)
        rows.append(
            _rows(topic.name, hour, unshortened(_persisted(sql, topic.name, hour), counted, topic.first_offsets()))
        )
    span = Interval(start_ms=hours[0].start_ms, end_ms=hours[-1].end_ms)
    DruidBatch(config).overwrite(TABLE, span, pa.concat_tables(rows))
    persisted = _persisted(sql, topic.name)
    refuse_another_topic(topic.name, persisted, topic.end_offsets())
    result = compare(config, topic, persisted, validity)
    settled_by = min(time.monotonic() + config.batch.settle_timeout_s, deadline)
    while result.unexplained and time.monotonic() < settled_by:  # segments may be changing hands
        time.sleep(_POLL_S)
        result = compare(config, topic, persisted, validity)
    log.info("reconciliation topic=%s %s", topic.name, result.summary())
    _check(result)
    return result


def compare(config: Config, topic: Topic, persisted: list[Range], validity: Validity) -> ReconciliationResult:
    """Compare Druid's sum with the messages before and after it was asked. New counts are added to ``persisted``."""
    druid, sql = Druid(config.druid), DruidSql(config)
    table, rejected = reconciled_feed().table, feed("dead_letters").table
    end = topic.end_offsets()
    settle_s = max(0.0, min(config.batch.settle_timeout_s, topic.deadline - time.monotonic()))
    before = await_offsets(druid, table, end, settle_s)
    in_druid = _number(sql, table, f'SELECT SUM("count") AS n FROM {table}')  # noqa: S608
    after = await_read(druid, table, topic, settle_s)
    reasons = ", ".join(f"'{reason}'" for reason in REASONS)
    dead_letters = _number(
        sql,
        rejected,
        f"SELECT SUM(\"count\") AS n FROM {rejected} WHERE stage = 'stream' AND source = '{topic.name}' "  # noqa: S608
        f"AND reason IN ({reasons})",
    )
    first = topic.first_offsets()
    deleted = sum(stop - start for partition, at in first.items() for start, stop in gaps(persisted, partition, 0, at))
    earlier = _all_before(topic, persisted, first, before, validity)
    later = earlier.copy()
    for one in count(topic, before, after, validity):
        later.update(one.counts)
    return ReconciliationResult(
        good_before=earlier[GOOD],
        good_after=later[GOOD],
        in_druid=in_druid,
        bad={reason: number for reason, number in later.items() if reason != GOOD and number},
        dead_letters=dead_letters,
        unread=topic.count(after, topic.end_offsets()),
        deleted=deleted,
    )


def unshortened(persisted: Sequence[Range], counted: Sequence[Range], first: Mapping[int, int]) -> list[Range]:
    """An hour's ranges as counted now, or as persisted earlier where Kafka has deleted some of their messages since.

    >>> earlier = [Range(partition=0, start=10, end=20, counts={GOOD: 10})]
    >>> [one.counts for one in unshortened(earlier, [Range(partition=0, start=15, end=20, counts={GOOD: 5})], {0: 15})]
    [{'good': 10}]
    """
    whole = {one.partition: one for one in persisted if one.start < first.get(one.partition, 0)}
    return [*whole.values(), *(one for one in counted if one.partition not in whole)]


def refuse_another_topic(name: str, persisted: Sequence[Range], end: Mapping[int, int]) -> None:
    """Raises ``DataQualityError`` if the topic is not the one that was counted: it never had the offsets of persisted
    ranges.
    """
    for one in persisted:
        if one.end > end.get(one.partition, 0):
            raise DataQualityError(
                f"ALARM: {name} was deleted and created again: partition {one.partition} was counted up to offset "
                f"{one.end:,}, and ends at {end.get(one.partition, 0):,}. What Druid holds of the earlier topic is in "
                f"none any more; the hours in table {TABLE} are the earlier topic's"
            )


def count(topic: Topic, start: Offsets, end: Offsets, validity: Validity) -> list[Range]:
    """The outcomes on every committed message of a range."""
    counts: dict[int, Counter[str]] = {partition: Counter({GOOD: 0}) for partition in start}
    messages = topic.messages(start, end)
    while block := list(islice(messages, _MESSAGES_AT_ONCE)):
        outcomes = validity.outcomes(
            [message.value() for message in block], [message.timestamp()[1] for message in block]
        )
        for message, verdict in zip(block, outcomes, strict=True):
            partition = message.partition()
            if partition is not None:
                counts[partition][verdict] += 1
    return [
        Range(partition=partition, start=start[partition], end=end[partition], counts=counts[partition])
        for partition in start
        if start[partition] < end[partition]
    ]


def gaps(persisted: Sequence[Range], partition: int, first: int, end: int) -> list[tuple[int, int]]:
    """The parts of ``[first, end)`` that no persisted range covers. Kept ranges do not overlap.

    >>> hour = Range(partition=0, start=10, end=20, counts={})
    >>> gaps([hour], 0, 5, 30), gaps([hour], 1, 0, 3), gaps([hour], 0, 12, 15)
    ([(5, 10), (20, 30)], [(0, 3)], [])
    """
    found, at = [], first
    for one in sorted((one for one in persisted if one.partition == partition), key=lambda one: one.start):
        if one.start > at:
            found.append((at, min(one.start, end)))
        at = max(at, one.end)
    if at < end:
        found.append((at, end))
    return [(start, stop) for start, stop in found if start < stop]


def _all_before(topic: Topic, persisted: list[Range], first: Offsets, end: Offsets, validity: Validity) -> Counter[str]:
    """The outcomes of everything before ``end``: persisted ranges, and what they do not cover, counted now."""
    total: Counter[str] = Counter({GOOD: 0})
    for partition, stop in end.items():
        for start, until in gaps(persisted, partition, first.get(partition, 0), stop):
            persisted += count(topic, {partition: start}, {partition: until}, validity)
    for one in persisted:
        stop = end.get(one.partition, 0)
        if one.start < stop:
            total.update(one.counts)
            total.subtract(_outcomes(topic, one.partition, stop, one.end, validity))
    return total


def _outcomes(topic: Topic, partition: int, start: int, end: int, validity: Validity) -> Counter[str]:
    found = count(topic, {partition: start}, {partition: end}, validity)
    return Counter(found[0].counts) if found else Counter()


def _check(result: ReconciliationResult) -> None:
    bad = sum(result.bad.values())
    if result.unexplained:
        what = "is missing" if result.unexplained < 0 else "counts too often"
        raise DataQualityError(f"ALARM: Druid {what} {abs(result.unexplained):,} readings: {result.summary()}")
    if result.dead_letters > bad + result.deleted:
        raise DataQualityError(f"ALARM: more dead letters than bad messages: {result.summary()}")
    if result.dead_letters < bad:
        log.warning(
            "dead_letters=%d bad=%d: the streaming job has not reported all of them yet", result.dead_letters, bad
        )


def _rows(topic: str, hour: Interval, counted: Sequence[Range]) -> pa.Table:
    found = [(one, verdict, number) for one in counted for verdict, number in sorted(one.counts.items())]
    return pa.table(
        {
            "time_ms": pa.array([hour.start_ms] * len(found), pa.int64()),
            "topic": pa.array([topic] * len(found), pa.string()),
            "verdict": pa.array([verdict for _, verdict, _ in found], pa.string()),
            "partition": pa.array([one.partition for one, _, _ in found], pa.int64()),
            "from_offset": pa.array([one.start for one, _, _ in found], pa.int64()),
            "to_offset": pa.array([one.end for one, _, _ in found], pa.int64()),
            "messages": pa.array([number for _, _, number in found], pa.int64()),
        }
    )


def _persisted(sql: DruidSql, topic: str, hour: Interval | None = None) -> list[Range]:
    """The ranges that were counted earlier, of one hour or of all."""
    within = f" AND __time = {sql_time(hour.start_ms)}" if hour else ""
    rows = sql.rows(
        f'SELECT "partition", from_offset, to_offset, verdict, SUM(messages) AS messages FROM {TABLE} '  # noqa: S608
        f"WHERE topic = '{topic}'{within} GROUP BY 1, 2, 3, 4",
        table=TABLE,
    )
    counts: dict[tuple[int, int, int], dict[str, int]] = {}
    for row in rows:
        counts.setdefault((row.partition, row.from_offset, row.to_offset), {})[row.verdict] = row.messages
    return [
        Range(partition=partition, start=start, end=end, counts=found)
        for (partition, start, end), found in counts.items()
    ]


def _number(sql: DruidSql, table: str, query: str) -> int:
    return next((int(row.n or 0) for row in sql.rows(query, table=table)), 0)
