"""Groups Kafka messages into blocks of decoded readings, one per bucket of appliances.

Spark moves a few big rows instead of many small ones: decoding, validation and the choice of a bucket all happen on the
Arrow batch that Spark hands over, and only blocks of columns cross the shuffle.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812
from pyspark.sql.types import BinaryType, IntegerType, StructField, StructType

from stream_processing.codec.decoder import Decoder
from stream_processing.codec.message_batch import OFFSET_BITS, split
from stream_processing.worker import prepare_worker

BLOCKS = StructType(
    [StructField("bucket", IntegerType(), nullable=False), StructField("block", BinaryType(), nullable=False)]
)


def into_blocks(messages: DataFrame, decoder: Decoder, buckets: int, tasks: int) -> DataFrame:
    """Decode messages into blocks, one per bucket; every message is in a block, invalid ones with their reason.
    ``messages``: Kafka's columns.

    At most ``tasks`` tasks read them, each some partitions one after the other: a task costs more than a partition.
    """

    def decode(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        prepare_worker()
        for batch in batches:
            if batch.num_rows:
                yield _blocks(batch, decoder, buckets)

    position = F.shiftleft(F.col("partition").cast("long"), OFFSET_BITS).bitwiseOR(F.col("offset"))
    narrow = messages.select("value", position.alias("position"), F.unix_millis("timestamp").alias("kafka_ms"))
    return narrow.coalesce(tasks).mapInArrow(decode, BLOCKS)


def _blocks(batch: pa.RecordBatch, decoder: Decoder, buckets: int) -> pa.RecordBatch:
    decoded = decoder.decode(batch["value"], batch["position"].to_numpy(), batch["kafka_ms"].to_numpy())
    bucket, block = zip(*split(decoded, buckets), strict=True)
    return pa.RecordBatch.from_arrays([pa.array(bucket, pa.int32()), pa.array(block, pa.binary())], ["bucket", "block"])
