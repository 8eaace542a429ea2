"""Writes each micro-batch to Kafka exactly once, in one transaction together with its number."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame

from gridflex import config
from gridflex.adapters.kafka.transactions import Message
from gridflex.adapters.kafka.writer import TransactionalWriter
from gridflex.errors import GridflexError
from stream_processing.state.bucket import REFUSED

logger = logging.getLogger(__name__)

Edit = Callable[[list[bytes]], list[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Counts readings of new appliances beyond the limits since the job's start."""

    readings: int
    last_ms: int
    """When the last of them was refused, by the wall clock; 0: none was."""


class KafkaSink:
    """Writes a micro-batch once, however often Spark runs it; its ``write`` is for ``foreachBatch``.

    ``name`` belongs to the checkpoint: it fences off an earlier job on the same checkpoint, and carries the number of
    the micro-batch committed last. ``topics``: by the code in the ``topic`` column. ``edits``: by the same code, what
    makes of a micro-batch's values those that are written, as many.
    """

    def __init__(
        self, kafka: config.Kafka, name: str, topics: Mapping[int, str], edits: Mapping[int, Edit] | None = None
    ) -> None:
        self._writer = TransactionalWriter(kafka, name)
        self._name = name
        self._topics = topics
        self._edits = edits or {}
        self.problem: GridflexError | None = None
        """Why the last micro-batch could not be written."""
        self.refused = Refused(readings=0, last_ms=0)

    def __enter__(self) -> KafkaSink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the writer; uncommitted messages are dropped."""
        self._writer.__exit__(None, None, None)

    def write(self, rows: DataFrame, batch_id: int) -> None:
        """Write one micro-batch. A repeated one is still computed, since that advances Spark's state."""
        table = rows.toArrow()
        if batch_id <= self._committed():
            logger.info("batch=%d rows=%d skipped=already_committed writer=%s", batch_id, len(table), self._name)
            return
        try:
            self._writer.commit(self._messages(table), json.dumps({"batch_id": batch_id}))
        except GridflexError as problem:
            self.problem = problem
            raise
        self._count_refused(table)

    def _count_refused(self, table: pa.Table) -> None:
        refused = pc.sum(pc.equal(table["topic"], REFUSED)).as_py() or 0
        if refused:
            last_ms = time.time_ns() // 1_000_000
            self.refused = Refused(readings=self.refused.readings + refused, last_ms=last_ms)
            logger.warning("readings=%d rejected=too_many_series writer=%s", refused, self._name)

    def _committed(self) -> int:
        position = self._writer.position
        return int(json.loads(position)["batch_id"]) if position else -1

    def _messages(self, table: pa.Table) -> dict[str, list[Message]]:
        messages: dict[str, list[Message]] = {}
        for code, topic in self._topics.items():
            chosen = table.filter(pc.equal(table["topic"], code))
            if len(chosen):
                key, value = (chosen[name].to_numpy(zero_copy_only=False).tolist() for name in ("key", "value"))
                value = self._edits[code](value) if code in self._edits else value
                messages.setdefault(topic, []).extend(zip(key, value, strict=True))
        return messages
