"""Updates the state of one bucket of appliances with its messages; Spark runs it on the executors."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyspark.sql.streaming.stateful_processor import StatefulProcessor, StatefulProcessorHandle
from pyspark.sql.types import BinaryType, ByteType, IntegerType, StructField, StructType

from gridflex.contracts.schemas import Schema
from gridflex.domain.duty_cycle import Detector, find
from gridflex.domain.flexibility import without
from gridflex.domain.readings import MS_PER_S, Ints
from stream_processing.codec.identity import Identities
from stream_processing.codec.message_batch import MessageBatch, as_batch, join, starts_of
from stream_processing.codec.messages import Messages, duty_cycles
from stream_processing.codec.rejections import DeadLetters
from stream_processing.state.flexible import FlexibilityEncoder
from stream_processing.state.memory import Memory, Names, State, from_bytes, no_memory, to_bytes
from stream_processing.state.roster import UNKNOWN, Bounds
from stream_processing.worker import prepare_worker

DUTY_CYCLES, DEAD_LETTERS, FLEXIBILITY, REFUSED = range(4)
"""What a message is: the codes of the output's column ``topic``. Refused readings are dead letters that are counted."""
OUTPUT_FEEDS: Mapping[int, str] = {
    DUTY_CYCLES: "duty_cycles",
    DEAD_LETTERS: "dead_letters",
    FLEXIBILITY: "flexibility",
    REFUSED: "dead_letters",
}
"""The feed to whose topic the messages of each code are written."""
OUTPUT = StructType(
    [
        StructField("topic", ByteType(), nullable=False),
        StructField("key", BinaryType(), nullable=False),
        StructField("value", BinaryType(), nullable=False),
    ]
)
_STATE = StructType(
    [
        StructField("buckets", IntegerType(), nullable=False),
        StructField("columns", BinaryType(), nullable=False),
        StructField("flexible", BinaryType(), nullable=False),
    ]
)


_MS_PER_MIN = 60 * MS_PER_S
_NONE = np.zeros(0, dtype=np.int64)
_WRITTEN, _FEW = 2, 1000
"""Names are put together when so many times more than there are series were written; of few series, later."""
_NAMES = StructType([StructField("block", BinaryType(), nullable=False)])
Emitted = dict[int, list[Messages]]
"""Messages by topic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """The messages that a bucket emits, and its state after them."""

    emitted: Emitted
    state: State
    new_names: bytes | None
    """Beside those that are kept."""
    all_names: bytes | None
    """In place of those that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """Updates one bucket's state, given as bytes, with its messages; independent of Spark."""

    detector: Detector
    schema: Schema
    dead_letters: DeadLetters
    flexibility: FlexibilityEncoder
    bounds: Bounds
    """Of this bucket alone."""

    def fold(self, encoded: State | None, messages: MessageBatch, names: Callable[[], list[bytes]]) -> Folded:
        """Update the state with a micro-batch's messages. ``names``: gives the stored blocks of identities; it is
        called only when series are dropped.
        """
        memory = from_bytes(encoded, self.detector) if encoded else no_memory()
        before_min = memory.roster.clock_min
        readings, refused, memory = self._admit(messages.good(), memory)
        starts = starts_of(readings)
        rows, late, state = self.detector.fold(memory.detector, as_batch(readings, starts))
        who = Identities.of(readings.payloads, readings.payload[rows.cause])
        flexible, records = self.flexibility.fold(memory.flexible, rows, who)
        memory, new = _heard(replace(memory.after(state), flexible=records), readings, starts, before_min)
        emitted: Emitted = {
            DUTY_CYCLES: [duty_cycles(self.schema, rows, who)],
            DEAD_LETTERS: [self.dead_letters.of_late(readings, late), self.dead_letters.of_bad(messages.bad())],
            FLEXIBILITY: [flexible],
            REFUSED: [self.dead_letters.of_refused(refused)],
        }
        new_names = new.to_block() if len(new.key) else None
        slots = memory.roster.due(before_min, self.bounds)
        all_names = None
        if len(slots) or memory.roster.written > _WRITTEN * max(_FEW, len(memory.roster)):
            known = Names.of_blocks(names() + ([new_names] if new_names else []))
            last, memory, known = self._forget(memory, slots, known)
            emitted[DUTY_CYCLES].append(last[0])
            emitted[FLEXIBILITY].append(last[1])
            new_names, all_names = None, known.to_block()
        return Folded(emitted=emitted, state=to_bytes(memory, self.detector), new_names=new_names, all_names=all_names)

    def _admit(self, readings: MessageBatch, memory: Memory) -> tuple[MessageBatch, MessageBatch, Memory]:
        """Split readings into those within the limits and those of new series beyond them."""
        starts = starts_of(readings)
        _, remembered = find(memory.detector, readings.series[starts])
        if remembered.all():
            roster = memory.roster.at(int(readings.kafka_ms.max(initial=0)) // _MS_PER_MIN)
            return readings, readings.take(_NONE), replace(memory, roster=roster)
        number = np.where(remembered, -1, np.arange(len(starts)))
        series = np.repeat(number, np.diff(starts, append=len(readings)))
        arrived = np.argsort(readings.position, kind="stable")
        minute = readings.kafka_ms[arrived] // _MS_PER_MIN
        late, roster = memory.roster.admit(series[arrived], minute, self.bounds)
        memory = replace(memory, roster=roster)
        if not late.any():
            return readings, readings.take(_NONE), memory
        refused = np.zeros(len(readings), dtype=np.bool_)
        refused[arrived] = late
        return readings.take(~refused), readings.take(refused), memory

    def _forget(self, memory: Memory, slot: Ints, known: Names) -> tuple[tuple[Messages, Messages], Memory, Names]:
        """Drop silent series: gives their last duty cycles and flexibility, the remaining state, and the remaining
        identities.
        """
        key = memory.detector.key[slot]
        rows, state = self.detector.forget(memory.detector, slot)
        place = known.place(key)
        rows = rows.take(place[rows.cause] >= 0)
        who = Identities.of(known.identity, place[rows.cause])
        flexible, records = self.flexibility.fold(memory.flexible, rows, who)
        left = Memory(detector=state, roster=memory.roster.without(slot), flexible=without(records, key))
        return (duty_cycles(self.schema, rows, who), flexible), left, known.without(key)


def _heard(memory: Memory, readings: MessageBatch, starts: Ints, before_min: int) -> tuple[Memory, Names]:
    """Note which series have readings; gives the identities to store: of new series, and of those whose identity
    changed.
    """
    if len(starts) == 0:
        return memory, Names.of_blocks([])
    ends = np.append(starts[1:], len(readings)) - 1
    minute = np.maximum(readings.kafka_ms[ends] // _MS_PER_MIN, before_min)
    key = readings.series[starts]
    slot, _ = find(memory.detector, key)
    last = readings.payloads.take(pa.array(readings.payload[ends]))
    mark = np.fromiter(map(zlib.crc32, last.to_pylist()), np.int64, len(last))
    mark[mark == UNKNOWN] = 1
    roster, changed = memory.roster.heard(slot, minute, mark)
    return replace(memory, roster=roster), Names(key=key[changed], identity=last.take(pa.array(changed)))


class BucketProcessor(StatefulProcessor):
    """Keeps a bucket's state in Spark's state store.

    It is a list state, though there is only one entry: lists cross to the JVM as Arrow, while a value state does not
    survive a partial read of more than some 64 KB (SPARK-53870, not in 4.0.0).
    """

    def __init__(self, bucket: Bucket, buckets: int) -> None:
        self._bucket = bucket
        self._buckets = buckets
        self._state: Any = None
        self._names: Any = None

    def init(self, handle: StatefulProcessorHandle) -> None:
        """Called by Spark once per task."""
        prepare_worker()
        self._state = handle.getListState("detector", _STATE)
        self._names = handle.getListState("names", _NAMES)

    def handleInputRows(  # noqa: N802
        self,
        key: Any,
        rows: Iterable[pd.DataFrame],
        timerValues: Any,  # noqa: N803
    ) -> Iterator[pd.DataFrame]:
        """Called by Spark once per bucket and micro-batch."""
        blocks = [block for frame in rows for block in frame["block"]]
        folded = self._bucket.fold(self._load(), join(blocks), lambda: [block for (block,) in self._names.get()])
        self._state.put([(self._buckets, *folded.state)])
        if folded.all_names is not None:
            self._names.put([(folded.all_names,)])
        if folded.new_names is not None:
            self._names.appendList([(folded.new_names,)])
        for topic, batches in folded.emitted.items():
            for messages in batches:
                if len(messages):
                    code = np.full(len(messages), topic, dtype=np.int8)
                    yield pd.DataFrame({"topic": code, "key": messages.key, "value": messages.value})

    def close(self) -> None:
        """Does nothing: there is nothing to close."""

    def _load(self) -> State | None:
        encoded = None
        for buckets, *encoded in self._state.get():  # noqa: B007
            if buckets != self._buckets:
                raise ValueError(
                    f"the checkpoint was written with spark.buckets={buckets}, the configuration says {self._buckets}: "
                    "restore it or start with a fresh checkpoint"
                )
        return (encoded[0], encoded[1]) if encoded else None
