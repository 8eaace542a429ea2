"""The exactly-once way out: each micro-batch in one Kafka transaction together with its number."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame

from gridflex import config
from gridflex.adapters.kafka import Message, TransactionalWriter
from gridflex.errors import GridflexError

logger = logging.getLogger(__name__)


class KafkaSink:
    """For ``foreachBatch``. Writes a micro-batch once, however often Spark runs it.

    ``name`` belongs to the checkpoint: it fences off an earlier job on the same checkpoint, and carries the number of
    the micro-batch committed last. ``topics``: by the code in the ``topic`` column.
    """

    def __init__(self, kafka: config.Kafka, name: str, topics: Mapping[int, str]) -> None:
        self._writer = TransactionalWriter(kafka, name)
        self._name = name
        self._topics = topics
        self.problem: GridflexError | None = None
        """Why the last micro-batch could not be written."""

    def close(self) -> None:
        """Leave Kafka; what was not committed is not there."""
        self._writer.__exit__(None, None, None)

    def write(self, rows: DataFrame, batch_id: int) -> None:
        """Write one micro-batch. A repeated one is still computed, since that is what brings Spark's state forward."""
        table = rows.toArrow()
        if batch_id <= self._committed():
            logger.info("batch=%d rows=%d skipped=already_committed writer=%s", batch_id, len(table), self._name)
            return
        try:
            self._writer.commit(self._messages(table), json.dumps({"batch_id": batch_id}))
        except GridflexError as problem:
            self.problem = problem
            raise

    def _committed(self) -> int:
        position = self._writer.position
        return int(json.loads(position)["batch_id"]) if position else -1

    def _messages(self, table: pa.Table) -> dict[str, list[Message]]:
        messages = {}
        for code, topic in self._topics.items():
            chosen = table.filter(pc.equal(table["topic"], code))
            if len(chosen):
                key, value = (chosen[name].to_numpy(zero_copy_only=False).tolist() for name in ("key", "value"))
                messages[topic] = list(zip(key, value, strict=True))
        return messages
