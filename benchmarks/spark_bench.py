"""(b), (c) The streaming job against Kafka -> from_avro -> count, and against the first iGrid's sliding window."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812
from pyspark.sql.avro.functions import from_avro
from pyspark.sql.streaming.query import StreamingQuery

from benchmarks.measure import Figure, versus
from benchmarks.spark_readings import fill
from gridflex.config import Config
from gridflex.contracts.schemas import FRAME_LENGTH, reading_schema
from stream_processing.jobs.duty_cycles import follow, read_messages, start
from stream_processing.jobs.session import open_session, ship_code
from stream_processing.status import Status

READINGS = 6_000_000
_WINDOW_READINGS = 2_000_000
"""The sliding window is slow: fewer readings, in smaller micro-batches, for both sides."""
_BOUNDS = {10_000: 0.6, 100_000: 0.55}
"""Appliances, and the least share of the bare count's rate."""


def run(config: Config) -> list[Figure]:
    """On the Kafka of ``config``; both sides read the same topic, in turn, in one Spark session that is warm."""
    session = open_session(config)
    figures = []
    try:
        ship_code(session, config.state_dir / "spark-bench")
        for appliances, bound in _BOUNDS.items():
            settings = _on_topic(config, f"bench-{appliances}")
            fill(settings.kafka, settings.kafka.topic_readings, appliances=appliances, readings=READINGS)
            figures += against_count(session, settings, appliances, bound)
        settings = _on_topic(config, "bench-window")
        fill(settings.kafka, settings.kafka.topic_readings, appliances=min(_BOUNDS), readings=_WINDOW_READINGS)
        figures += against_sliding_window(session, settings)
    finally:
        session.stop()
    return figures


def against_count(session: SparkSession, settings: Config, appliances: int, bound: float) -> list[Figure]:
    """(b) The job / the bare count, readings a second."""
    ours, peer = _job(session, settings), _plain(session, settings, count_readings, "complete")
    ours(), peer()
    rate, peer_rate, ratio = versus(ours, peer)
    return [
        Figure(name=f"duty-cycle job, {appliances:,} appliances", value=rate, unit="readings/s"),
        Figure(name=f"Kafka -> from_avro -> count, {appliances:,} appliances", value=peer_rate, unit="readings/s"),
        Figure(name=f"job / count, {appliances:,} appliances", value=ratio, unit="", at_least=bound),
    ]


def against_sliding_window(session: SparkSession, settings: Config) -> list[Figure]:
    """(c) The job / the first iGrid's way, readings a second."""
    at_once = settings.spark.model_copy(update={"max_offsets_per_trigger": _WINDOW_READINGS // 4})
    settings = settings.model_copy(update={"spark": at_once})
    ours, peer = _job(session, settings), _plain(session, settings, sliding_window, "update")
    _, peer_rate, ratio = versus(ours, peer)
    return [
        Figure(name="first iGrid's sliding window, 25 s by 5 s", value=peer_rate, unit="readings/s"),
        Figure(name="job / first iGrid's sliding window", value=ratio, unit="", at_least=1.5),
    ]


def count_readings(messages: DataFrame) -> DataFrame:
    """The bare minimum: decode every reading, count and add up."""
    reading = _decoded(messages)
    return reading.agg(F.count("event_time_ms"), F.sum("power_w"))


def sliding_window(messages: DataFrame) -> DataFrame:
    """The share of readings above 5 W in each window of each appliance."""
    reading = _decoded(messages).withColumn("event_time", F.timestamp_millis("event_time_ms"))
    window = F.window("event_time", "25 seconds", "5 seconds")
    grouped = reading.withWatermark("event_time", "1 minute").groupBy("appliance_id", window)
    return grouped.agg((F.count(F.when(F.col("power_w") > 5, 1)) / F.count("*")).alias("duty_cycle"))


def _decoded(messages: DataFrame) -> DataFrame:
    body = F.expr(f"substring(value, {FRAME_LENGTH + 1})")
    return messages.select(from_avro(body, reading_schema().text, {"mode": "PERMISSIVE"}).alias("r")).select("r.*")


def _job(session: SparkSession, settings: Config) -> Callable[[], float]:
    def once() -> float:
        with tempfile.TemporaryDirectory() as checkpoint:
            job = start(read_messages(session, settings), settings, checkpoint, until_caught_up=True)
            follow(job, Status(Path(checkpoint) / "status.json"), threading.Event())
            return _rate(job.query)

    return once


def _plain(
    session: SparkSession, settings: Config, query: Callable[[DataFrame], DataFrame], mode: str
) -> Callable[[], float]:
    def once() -> float:
        with tempfile.TemporaryDirectory() as checkpoint:
            told = query(read_messages(session, settings)).writeStream.format("noop").outputMode(mode)
            running = told.option("checkpointLocation", checkpoint).trigger(availableNow=True).start()
            running.awaitTermination()
            return _rate(running)

    return once


def _rate(query: StreamingQuery) -> float:
    """Readings a second over the full micro-batches after the first, in which Spark compiles and starts Python."""
    done = [(p["numInputRows"], p["durationMs"]["triggerExecution"]) for p in query.recentProgress]
    full = [batch for batch in done[1:] if batch[0] > done[0][0] / 2]
    return sum(rows for rows, _ in full) / sum(ms for _, ms in full) * 1000


def _on_topic(config: Config, topic: str) -> Config:
    """All appliances are new at once, and more than the default takes in within a minute."""
    return config.model_copy(
        update={
            "kafka": config.kafka.model_copy(update={"topic_readings": topic}),
            "spark": config.spark.model_copy(update={"new_series_per_min": READINGS}),
        }
    )
