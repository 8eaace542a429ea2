"""The stateful part: one bucket of appliances, run by Spark on the executors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql.streaming.stateful_processor import StatefulProcessor, StatefulProcessorHandle
from pyspark.sql.types import BinaryType, ByteType, IntegerType, StructField, StructType

from gridflex.contracts.schemas import Schema
from gridflex.domain.duty_cycle import Detector, empty_state
from gridflex.domain.flexibility_state import from_bytes, no_records, to_bytes
from stream_processing.state.arrivals import Arrivals, as_batch, join
from stream_processing.state.flexible import FlexibilityTeller
from stream_processing.state.identity import Identities
from stream_processing.state.messages import Messages, duty_cycles
from stream_processing.state.rejections import DeadLetters
from stream_processing.state.worker import settle

DUTY_CYCLES, DEAD_LETTERS, FLEXIBILITY = range(3)
"""Which topic a message is for."""
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


State = tuple[bytes, bytes]
"""What the detector remembers, and what is remembered of flexible appliances."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """What a bucket's messages tell, given its state as bytes: no Spark in it."""

    detector: Detector
    schema: Schema
    dead_letters: DeadLetters
    flexibility: FlexibilityTeller

    def fold(self, encoded: State | None, arrivals: Arrivals) -> tuple[dict[int, list[Messages]], State]:
        """Messages by topic, and the state as bytes after them."""
        state = self.detector.decode(encoded[0]) if encoded else empty_state()
        records = from_bytes(encoded[1]) if encoded else no_records()
        readings, starts = arrivals.good()
        rows, late, state = self.detector.fold(state, as_batch(readings, starts))
        who = Identities.of(readings.payloads, readings.payload[rows.cause])
        flexible, records = self.flexibility.fold(records, rows, who)
        told = {
            DUTY_CYCLES: [duty_cycles(self.schema, rows, who)],
            DEAD_LETTERS: [self.dead_letters.of_late(readings, late), self.dead_letters.of_bad(arrivals.bad())],
            FLEXIBILITY: [flexible],
        }
        return told, (self.detector.encode(state), to_bytes(records))


class BucketProcessor(StatefulProcessor):
    """Keeps a bucket's state in Spark's state store.

    It is a list state, though there is only one entry: lists cross to the JVM as Arrow, while a value state does not
    survive a partial read of more than some 64 KB (SPARK-53870, not in 4.0.0).
    """

    def __init__(self, bucket: Bucket, buckets: int) -> None:
        self._bucket = bucket
        self._buckets = buckets
        self._state: Any = None

    def init(self, handle: StatefulProcessorHandle) -> None:
        """Called by Spark once per task."""
        settle()
        self._state = handle.getListState("detector", _STATE)

    def handleInputRows(  # noqa: N802
        self,
        key: Any,
        rows: Iterable[pd.DataFrame],
        timerValues: Any,  # noqa: N803
    ) -> Iterator[pd.DataFrame]:
        """Called by Spark once per bucket and micro-batch."""
        blocks = [block for frame in rows for block in frame["block"]]
        told, encoded = self._bucket.fold(self._load(), join(blocks))
        self._state.put([(self._buckets, *encoded)])
        for topic, batches in told.items():
            for messages in batches:
                if len(messages):
                    code = np.full(len(messages), topic, dtype=np.int8)
                    yield pd.DataFrame({"topic": code, "key": messages.key, "value": messages.value})

    def close(self) -> None:
        """Nothing to close."""

    def _load(self) -> State | None:
        encoded = None
        for buckets, *encoded in self._state.get():  # noqa: B007
            if buckets != self._buckets:
                raise ValueError(
                    f"the checkpoint was written with spark.buckets={buckets}, the configuration says {self._buckets}: "
                    "restore it or start with a fresh checkpoint"
                )
        return (encoded[0], encoded[1]) if encoded else None
