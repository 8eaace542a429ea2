"""The streaming job on a real Kafka against the pure detector."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer
from pyspark.sql import SparkSession

from gridflex.adapters.avro import encode_dicts
from gridflex.adapters.kafka.enrolment import enrolment_topic
from gridflex.adapters.kafka.enrolment import publish as write_enrolments
from gridflex.config import Config
from gridflex.config.enrolment_table import load_participation
from gridflex.contracts.schemas import reading_schema
from gridflex.domain.enrolment import Enrolment, Participation
from gridflex.errors import ConfigError, ReplayFencedError, ServiceError
from gridflex.operations.local.stack import Stack
from stream_processing.jobs.duty_cycles import follow, read_messages, start
from stream_processing.sink import KafkaSink
from stream_processing.status import Status
from tests.spark.conftest import OwnTopics
from tests.support.spark.gate import Gate, gate
from tests.support.spark.samples import (
    bad_values,
    in_order,
    late_positions,
    publish,
    readings,
    told_by_detector,
    told_by_forecaster,
    written,
    written_flexibility,
)
from tests.support.stack import wait_until
from tests.support.topics import read_records

pytestmark = [
    pytest.mark.spark,
    pytest.mark.component,
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),  # py4j leaves its own to the collector
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def _run(spark: SparkSession, settings: Config) -> None:
    """Run the job until it has read everything."""
    checkpoint = str(settings.state_dir / "checkpoint")
    job = start(read_messages(spark, settings), settings, checkpoint, until_caught_up=True)
    follow(job, Status(settings.state_dir / "status.json"), threading.Event())


@pytest.mark.parametrize(("micro_batch", "buckets"), [(100_000, 4), (700, 3)])
def test_job__tells_what_the_pure_detector_tells_whatever_the_micro_batches(
    spark: SparkSession, own_topics: OwnTopics, micro_batch: int, buckets: int
) -> None:
    settings = own_topics(max_offsets_per_trigger=micro_batch, buckets=buckets)
    sent = readings()
    publish(settings.kafka, sent)

    _run(spark, settings)

    expected = told_by_detector(sent, settings)
    assert {row["status"] for row in expected} == {"closed", "confirmed", "ended", "retracted"}
    assert written(settings.kafka) == expected
    flexible = told_by_forecaster(sent, settings)
    assert sum(row["flex_15_w"] > 0 for row in flexible) > 100
    assert {row["appliance"] for row in flexible} == {"fridge", "washing_machine"}
    assert written_flexibility(settings.kafka) == flexible


def test_job__calls_on_nobody_who_opted_out_or_is_out_of_reach(
    spark: SparkSession, own_topics: OwnTopics, tmp_path: Path
) -> None:
    table = tmp_path / "participation.csv"
    table.write_text("house_id,appliance_id,reachable,opted_out\nredd-1,,,1\nredd-2-0,redd-2-0-5,0,\n")
    participation = load_participation(str(table))
    settings = own_topics()
    chosen = settings.flexibility.model_copy(update={"participation": str(table)})
    settings = settings.model_copy(update={"flexibility": chosen})
    sent = readings()
    publish(settings.kafka, sent)

    _run(spark, settings)

    told = written_flexibility(settings.kafka)
    assert told == told_by_forecaster(sent, settings, participation)
    out = {row["appliance_id"] for row in told if row["fresh"] and not row["callable"]}
    assert out == {"redd-1-0-3", "redd-2-0-5"}
    assert sum(row["flex_60_w"] for row in told if row["appliance_id"] in out) == 0


@pytest.fixture
def enrol(kafka_stack: Stack) -> Iterator[Callable[[Enrolment], None]]:
    """Writes an enrolment to the topic that all tests have; afterwards nothing is known any more."""
    kafka, keys = kafka_stack.config.kafka, set()

    def write(one: Enrolment) -> None:
        keys.add(one.key)
        write_enrolments(kafka, [one])

    yield write
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    for key in keys:
        producer.produce(enrolment_topic(kafka), None, key.encode())
    assert producer.flush(30) == 0


def test_job__sees_an_opt_out_while_it_runs_and_takes_it_back_when_it_is_over(
    spark: SparkSession, own_topics: OwnTopics, enrol: Callable[[Enrolment], None]
) -> None:
    settings, sent = own_topics(trigger_s=0), readings()
    first, second = _halves(sent)
    fridge = ("redd-1-0", "redd-1-0-3")
    over_ms = int(str(second[len(second) // 2]["event_time_ms"])) // 60_000 * 60_000
    out = Enrolment(house_id="redd-1", opted_out=True, until_ms=over_ms)
    job = start(read_messages(spark, settings), settings, str(settings.state_dir / "checkpoint"))
    stop = threading.Event()
    try:
        publish(settings.kafka, first)
        job.query.processAllAvailable()
        before = {(row["appliance_id"], row["event_time_ms"]) for row in written_flexibility(settings.kafka)}
        enrol(out)
        wait_until(lambda: not job.enrolment.participation.callable(*fridge, at_ms=0), 5, "the opt-out in the job")
        publish(settings.kafka, second, name="more")
        job.query.processAllAvailable()
    finally:
        stop.set()
        follow(job, Status(settings.state_dir / "status.json"), stop)

    told = written_flexibility(settings.kafka)
    of_all = told_by_forecaster(sent, settings)
    without = told_by_forecaster(sent, settings, Participation().after([(out.key, out)]))
    assert told == in_order(
        [row for row in of_all if (row["appliance_id"], row["event_time_ms"]) in before]
        + [row for row in without if (row["appliance_id"], row["event_time_ms"]) not in before]
    )
    late = [
        row for row in told
        if row["appliance_id"] == fridge[1] and row["fresh"] and (fridge[1], row["event_time_ms"]) not in before
    ]  # fmt: skip
    assert {row["callable"] for row in late if row["event_time_ms"] < over_ms} == {0}
    assert {row["callable"] for row in late if row["event_time_ms"] >= over_ms} == {1}


def test_job__refuses_windows_that_do_not_slide_by_the_minute(spark: SparkSession, own_topics: OwnTopics) -> None:
    settings = own_topics()
    changed = settings.model_copy(update={"duty_cycle": settings.duty_cycle.model_copy(update={"slide_s": 30})})

    with pytest.raises(ConfigError, match="found 30; flexibility is computed every minute: 60"):
        _run(spark, changed)


def test_job__puts_every_bad_message_in_dead_letters_and_goes_on(spark: SparkSession, own_topics: OwnTopics) -> None:
    settings = own_topics(max_offsets_per_trigger=500)
    sent, bad = readings(appliances=7, steps=80), bad_values()
    publish(settings.kafka, sent, [*bad.values()])

    _run(spark, settings)

    letters = read_records(settings.kafka.bootstrap_servers, settings.kafka.topic_dead_letters)
    late = late_positions(sent)
    assert late > 0
    assert Counter(letter["reason"] for letter in letters) == Counter([*bad, *["late"] * late])
    for letter in letters:
        topic, partition, offset = letter["position"].rsplit("/", 2)
        assert (letter["source"], letter["stage"]) == (topic, "stream") == (settings.kafka.topic_readings, "stream")
        assert (letter["kafka_partition"], letter["kafka_offset"]) == (int(partition), int(offset))
        assert letter["raw"] == bad.get(letter["reason"], b"")
        assert "allowed" in letter["detail"] or letter["reason"] == "undecodable"
    assert written(settings.kafka) == told_by_detector(sent, settings)


def test_job__writes_a_micro_batch_once_though_spark_runs_it_again(
    spark: SparkSession, own_topics: OwnTopics, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    settings = own_topics(max_offsets_per_trigger=600)
    first, second = _halves(readings())
    publish(settings.kafka, first)
    _run(spark, settings)
    _forget_last_commit(settings.state_dir / "checkpoint")
    publish(settings.kafka, second, name="more")

    _run(spark, settings)

    assert "skipped=already_committed" in caplog.text
    assert written(settings.kafka) == told_by_detector(first + second, settings)
    assert written_flexibility(settings.kafka) == told_by_forecaster(first + second, settings)


def test_job__stops_with_a_clear_error_when_another_job_takes_its_checkpoint(
    spark: SparkSession, own_topics: OwnTopics
) -> None:
    settings = own_topics()
    job = start(read_messages(spark, settings), settings, str(settings.state_dir / "checkpoint"))
    usurper = KafkaSink(settings.kafka, f"stream-{job.query.id}", {})
    publish(settings.kafka, readings(appliances=2, steps=40))

    with pytest.raises(ReplayFencedError, match=r"stream-.* is run by another process"):
        follow(job, Status(settings.state_dir / "status.json"), threading.Event())
    usurper.close()


def test_job__refuses_a_checkpoint_of_another_number_of_buckets(spark: SparkSession, own_topics: OwnTopics) -> None:
    settings = own_topics(buckets=4)
    first, second = _halves(readings(appliances=12, steps=20))
    publish(settings.kafka, first)
    _run(spark, settings)
    publish(settings.kafka, second, name="more")
    changed = settings.model_copy(update={"spark": settings.spark.model_copy(update={"buckets": 5})})

    with pytest.raises(ServiceError, match=r"written with spark.buckets=4, the configuration says 5"):
        _run(spark, changed)


def test_job__forgets_silent_appliances_and_refuses_a_flood_of_new_ones(
    spark: SparkSession, own_topics: OwnTopics
) -> None:
    settings = own_topics(buckets=1, forget_after_s=3600, new_series_per_min=40)
    sent, now_ms = readings(appliances=9, steps=40), time.time_ns() // 1_000_000
    _publish_at(settings, sent, now_ms - 4_000_000)
    _run(spark, settings)
    flood = [
        {**sent[0], "house_id": f"once-{number}", "appliance_id": f"once-{number}-1", "event_time_ms": now_ms}
        for number in range(100)
    ]
    _publish_at(settings, flood, now_ms)

    _run(spark, settings)
    _publish_at(settings, flood, now_ms)
    _run(spark, settings)

    late = late_positions(sent)
    letters = read_records(settings.kafka.bootstrap_servers, settings.kafka.topic_dead_letters)
    assert Counter(letter["reason"] for letter in letters) == {"too_many_series": 120, "late": late + 40}
    newest = {record["appliance_id"]: record for record in sent}
    back = [{**one, "event_time_ms": now_ms + 10**9, "power_w": 0.0, "observed_s": 0.0} for one in newest.values()]
    expected = told_by_detector(sent + back, settings)
    assert len(expected) > len(told_by_detector(sent, settings))
    assert written(settings.kafka) == expected
    assert written_flexibility(settings.kafka) == told_by_forecaster(sent + back, settings)


def _publish_at(settings: Config, records: list[dict[str, object]], kafka_ms: int) -> None:
    """Write readings whose messages have this time stamp."""
    producer = Producer({"bootstrap.servers": settings.kafka.bootstrap_servers})
    for record, value in zip(records, encode_dicts(reading_schema(), records), strict=True):
        key = str(record["appliance_id"]).encode()
        producer.produce(settings.kafka.topic_readings, value, key, timestamp=kafka_ms)
    assert producer.flush(30) == 0


@pytest.mark.timeout(600, func_only=True)
def test_start__keeps_the_micro_batch_that_came_before_the_sink_failed_to_open(
    spark: SparkSession, own_topics: OwnTopics
) -> None:
    settings, sent = own_topics(), readings(appliances=4, steps=40)
    publish(settings.kafka, sent)
    checkpoint = settings.state_dir / "checkpoint"
    with gate(settings.kafka.bootstrap_servers) as door:
        refused = settings.kafka.model_copy(  # no broker allows transactions of an hour
            update={"bootstrap_servers": door.address, "transaction_timeout_s": 3600}
        )
        threading.Thread(target=_open_at_first_batch, args=(spark, door), daemon=True).start()
        with pytest.raises(ServiceError, match=r"Kafka refused stream-.*timeout"):
            start(read_messages(spark, settings), settings.model_copy(update={"kafka": refused}), str(checkpoint))
    assert not spark.streams.active
    assert (checkpoint / "offsets" / "0").exists()
    assert not (checkpoint / "commits" / "0").exists()

    _run(spark, settings)

    assert written(settings.kafka) == told_by_detector(sent, settings)


@pytest.mark.timeout(600, func_only=True)
def test_job__goes_on_when_a_python_worker_starts_too_late_for_spark(
    spark: SparkSession, own_topics: OwnTopics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, sent = own_topics(), readings(appliances=4, steps=40)
    publish(settings.kafka, sent)
    slow_once = tmp_path / "python"
    slow_once.write_text(
        "#!/bin/sh\n"
        f'case "$*" in *driver_worker*) mkdir {tmp_path}/late 2>/dev/null && sleep 12;; esac\n'
        f'exec {sys.executable} "$@"\n',
        encoding="utf-8",
    )
    slow_once.chmod(0o700)
    monkeypatch.setattr(spark.sparkContext, "pythonExec", str(slow_once))

    job = start(read_messages(spark, settings), settings, str(settings.state_dir / "checkpoint"), until_caught_up=True)
    follow(job, Status(settings.state_dir / "status.json"), threading.Event())

    assert (tmp_path / "late").is_dir()
    assert job.restarts == 1
    assert written(settings.kafka) == told_by_detector(sent, settings)


def _open_at_first_batch(spark: SparkSession, door: Gate) -> None:
    while not any(query.status["message"] == "Processing new data" for query in spark.streams.active):
        time.sleep(0.05)
    door.open()


def _halves(records: list[dict[str, object]]) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    return records[: len(records) // 2], records[len(records) // 2 :]


def _forget_last_commit(checkpoint: Path) -> None:
    """As if Spark had died after Kafka's commit of the last micro-batch and before its own."""
    commits = checkpoint / "commits"
    last = max(int(file.name) for file in commits.iterdir() if file.name.isdigit())
    (commits / str(last)).unlink()
    (commits / f".{last}.crc").unlink(missing_ok=True)
