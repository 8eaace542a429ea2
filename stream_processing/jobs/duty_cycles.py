"""Defines the duty-cycle job: readings in, duty cycles, flexibility and dead letters out. Wiring only."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass

from pyspark.errors import StreamingQueryException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from gridflex import config
from gridflex.adapters.kafka.connection_errors import connection_error
from gridflex.adapters.kafka.enrolment import EnrolmentFollower
from gridflex.adapters.kafka.feed_topics import topic_of
from gridflex.adapters.kafka.security import java_security
from gridflex.config.enrolment_table import load_participation
from gridflex.contracts.feeds import Feed, feed, transformed_feed
from gridflex.contracts.flexibility import load_rules
from gridflex.contracts.profiles import load_profiles
from gridflex.contracts.schemas import (
    Schema,
    accepted_schemas,
    duty_cycle_schema,
    flexibility_schema,
    reading_schema,
    rejection_schema,
)
from gridflex.domain.duty_cycle import Detector
from gridflex.domain.flexibility import Forecaster
from gridflex.errors import ConfigError, ServiceError
from stream_processing.codec.decoder import Decoder
from stream_processing.codec.rejections import DeadLetters
from stream_processing.sink import KafkaSink
from stream_processing.state.bucket import (
    FLEXIBILITY,
    OUTPUT,
    OUTPUT_FEEDS,
    Bucket,
    BucketProcessor,
)
from stream_processing.state.flexible import FlexibilityEncoder
from stream_processing.state.roster import Bounds
from stream_processing.status import Status
from stream_processing.transforms import readings
from stream_processing.transforms.enrolment import EnrolmentFilter

logger = logging.getLogger(__name__)

_FETCH_WAIT_MS = 20
"""A micro-batch ends with a transaction's marker; in each partition the consumer waits that long for more after it."""
_POLL_S = 1
_LATE_WORKER = "Python worker failed to connect back"
"""Spark waits 10 s for some of its Python workers, which cannot be set; on a busy machine their imports take longer."""
_MOST_RESTARTS = 5
_SLIDE_S = 60


def read_messages(session: SparkSession, settings: config.Config, begin: str = "earliest") -> DataFrame:
    """The readings' topic, committed transactions only. ``begin``: where a new checkpoint begins, as Spark's
    ``startingOffsets``. Raises ``ServiceError`` for missing credentials."""
    security = {f"kafka.{name}": value for name, value in java_security(settings.kafka).items()}
    return (
        session.readStream.format("kafka")
        .options(**security)
        .option("kafka.bootstrap.servers", settings.kafka.bootstrap_servers)
        .option("kafka.isolation.level", "read_committed")
        .option("kafka.fetch.max.wait.ms", str(_FETCH_WAIT_MS))
        .option("subscribe", topic_of(settings.kafka, _input()))
        .option("startingOffsets", begin)
        .option("maxOffsetsPerTrigger", str(settings.spark.max_offsets_per_trigger))
        .load()
    )


def detect(messages: DataFrame, settings: config.Config, writers: tuple[Schema, ...]) -> DataFrame:
    """Kafka messages -> messages to write: ``topic`` (a code), ``key``, ``value``."""
    profiles = load_profiles()
    decoder = Decoder(reader=reading_schema(), writers=writers, limits=settings.readings, profiles=profiles)
    duty = settings.duty_cycle
    if duty.slide_s != _SLIDE_S:
        raise ConfigError(f"duty_cycle.slide_s: found {duty.slide_s}; flexibility is computed every minute: {_SLIDE_S}")
    bucket = Bucket(
        detector=Detector(profiles, settings.readings.max_gap_s, duty.window_s, duty.slide_s),
        schema=duty_cycle_schema(),
        dead_letters=DeadLetters(
            schema=rejection_schema(),
            topic=topic_of(settings.kafka, _input()),
            limits=settings.readings,
            spark=settings.spark,
            known_ids=tuple(writer.schema_id for writer in writers),
        ),
        flexibility=FlexibilityEncoder(forecaster=Forecaster(load_rules()), schema=flexibility_schema()),
        bounds=_bounds(settings.spark),
    )
    blocks = readings.into_blocks(messages, decoder, settings.spark.buckets, settings.spark.shuffle_partitions)
    return blocks.groupBy("bucket").transformWithStateInPandas(
        statefulProcessor=BucketProcessor(bucket, settings.spark.buckets),
        outputStructType=OUTPUT,
        outputMode="Append",
        timeMode="None",
    )


def _bounds(spark: config.Spark) -> Bounds:
    """The limits of each bucket."""
    bounds = Bounds(forget_after_s=spark.forget_after_s, new_per_min=spark.new_series_per_min, most=spark.max_series)
    return bounds.share(spark.buckets)


def start(messages: DataFrame, settings: config.Config, checkpoint: str, *, until_caught_up: bool = False) -> Job:
    """Start the query. With ``until_caught_up`` it ends by itself when it has read what was there at its start.

    Raises ``ServiceError`` when Kafka does not let it write; what it has read by then is read again by the next start.
    """
    opening: Future[KafkaSink] = Future()

    def write(rows: DataFrame, batch_id: int) -> None:
        """Write a micro-batch. It may come before the sink is open; if the sink does not open it fails, so that Spark
        repeats it.
        """
        opening.result().write(rows, batch_id)

    initial = load_participation(settings.flexibility.participation)
    told = detect(messages, settings, accepted_schemas(_input()))
    writer = told.writeStream.foreachBatch(write).outputMode("append").option("checkpointLocation", checkpoint)
    pace = {"availableNow": True} if until_caught_up else {"processingTime": f"{settings.spark.trigger_s:g} seconds"}
    begin = writer.trigger(**pace).start
    query = begin()
    opened = ExitStack()
    try:
        enrolment = opened.enter_context(EnrolmentFollower(settings.kafka, initial))
        sink = opened.enter_context(_open_sink(settings.kafka, f"stream-{query.id}", enrolment))
        enrolment.wait()
    except BaseException as problem:
        opening.set_exception(problem)  # first: a micro-batch that waits for the sink would keep the query from ending
        query.stop()
        opened.close()
        raise
    opening.set_result(sink)
    return Job(begin=begin, query=query, sink=sink, enrolment=enrolment, kafka=settings.kafka)


def _open_sink(kafka: config.Kafka, name: str, enrolment: EnrolmentFollower) -> KafkaSink:
    edits = {FLEXIBILITY: EnrolmentFilter(flexibility_schema(), lambda: enrolment.participation)}
    return KafkaSink(kafka, name, _topics(kafka), edits)


def _topics(kafka: config.Kafka) -> dict[int, str]:
    return {code: topic_of(kafka, feed(name)) for code, name in OUTPUT_FEEDS.items()}


def _input() -> Feed:
    return transformed_feed(readings.__name__)


def follow(job: Job, status: Status, stop: threading.Event) -> None:
    """Wait for the end, or for ``stop``, and keep the status file up to date.

    Raises ``ReplayFencedError`` when another job took the checkpoint over, ``ServiceError`` when the query died.
    """
    try:
        while not stop.is_set() and not job.has_ended(_POLL_S):
            status.follow(job.query, job.sink.refused)
    except StreamingQueryException as problem:
        died = ServiceError(f"the Spark job died: {last_words(str(problem))}")
        raise job.sink.problem or connection_error(job.kafka) or died from None
    finally:
        job.query.stop()
        job.sink.close()
        job.enrolment.close()


def last_words(trace: str) -> str:
    """The line of a stack trace that names the error: the last error or cause in it, else its first line.

    >>> last_words("boom\\nTraceback:\\n  File x\\nValueError: two\\n\\tat org.apache")
    'ValueError: two'
    >>> last_words("boom\\n\\tat org.apache\\nCaused by: a.b.DeniedException: no")
    'a.b.DeniedException: no'
    >>> last_words("boom\\n\\tat org.apache")
    'boom'
    """
    lines = [line.removeprefix("Caused by: ") for line in trace.splitlines() if line.strip()] or [""]
    errors = [line for line in lines if line.split(":")[0].endswith(("Error", "Exception")) and line[0] != "\t"]
    return (errors or lines[:1])[-1].strip()


@dataclass(slots=True, kw_only=True)
class Job:
    """A running query with its sink and the enrolments that it applies."""

    begin: Callable[[], StreamingQuery]
    """Starts the query on its checkpoint."""
    query: StreamingQuery
    sink: KafkaSink
    enrolment: EnrolmentFollower
    kafka: config.Kafka
    restarts: int = 0
    """Of the query, since a micro-batch went through."""

    def has_ended(self, within_s: int) -> bool:
        """Whether the query ends by itself within some seconds. Raises ``StreamingQueryException`` when it fails.

        One that fails because Spark waited in vain for a Python worker is started again, a few times between two
        micro-batches that go through: it goes on from the state and the place of its checkpoint.
        """
        try:
            return bool(self.query.awaitTermination(within_s))
        except StreamingQueryException as problem:
            if self.query.lastProgress is not None:
                self.restarts = 0
            if _LATE_WORKER not in str(problem) or self.restarts == _MOST_RESTARTS:
                raise
        self.restarts += 1
        logger.warning("query=failed reason=late_python_worker action=restart restarts=%d", self.restarts)
        self.query = self.begin()
        return False
