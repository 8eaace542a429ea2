"""Kafka against Druid, on a stack that holds nothing but this package's readings."""

import datetime as dt
import itertools
import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from gridflex.adapters.druid.client import Druid
from gridflex.adapters.kafka.reader import Topic
from gridflex.config import ROOT
from gridflex.operations.local.spark_service import config_environ
from gridflex.operations.local.stack import Stack
from tests.support.airflow.client import DONE, AirflowClient
from tests.support.airflow.town import TOWN
from tests.support.batch_demand import produce_town
from tests.support.stack import wait_until

pytestmark = pytest.mark.component


def reconcile(stack: Stack, code: int = 0) -> str:
    now = dt.datetime.now(dt.UTC)
    span = ("--from", (now - dt.timedelta(hours=3)).isoformat(), "--to", (now + dt.timedelta(hours=1)).isoformat())
    environment = {**os.environ, **config_environ(stack.config), "GRIDFLEX_BATCH_SETTLE_TIMEOUT_S": "10"}
    done = subprocess.run(
        [sys.executable, "-m", "batch", "reconcile", *span],
        env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def table(druid: Druid) -> list[str]:
    return sorted(json.dumps(row) for row in druid.sql("SELECT * FROM reconciliation"))


def test_reconcile__explains_bad_messages_and_counts_each_once(stack: Stack, druid: Druid) -> None:
    readings = druid.sql('SELECT SUM("count") AS n FROM powerraw')[0]["n"]
    assert f"{readings:,} good + 0 bad (none); Druid counts {readings:,}" in reconcile(stack)
    producer = Producer({"bootstrap.servers": stack.config.kafka.bootstrap_servers})
    for _ in range(7):
        producer.produce(stack.config.kafka.topic_readings, value=b"garbage")
    assert producer.flush(30) == 0
    told = wait_until(lambda: found if "7 bad" in (found := reconcile(stack)) else None, 60, "garbage read")
    assert (
        f"{readings:,} good + 7 bad (unknown_schema 7); Druid counts {readings:,}; 0 dead letters; 0 messages" in told
    )
    once = table(druid)
    reconcile(stack)
    assert table(druid) == once


def test_reconcile__counts_what_kafka_has_deleted_since_as_it_was(stack: Stack, druid: Druid) -> None:
    """Retention takes the topic's beginning away; the hours that were counted stay."""
    reconcile(stack)
    before, kafka = table(druid), stack.config.kafka
    topic = Topic(kafka, kafka.topic_readings)
    end = topic.end_offsets()
    cut = [TopicPartition(kafka.topic_readings, partition, at // 2) for partition, at in end.items()]
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    for done in admin.delete_records(cut).values():
        done.result(30)
    assert topic.first_offsets() == {partition: at // 2 for partition, at in end.items()}
    readings = druid.sql('SELECT SUM("count") AS n FROM powerraw')[0]["n"]
    assert f"{readings:,} good + 7 bad (unknown_schema 7); Druid counts {readings:,}" in reconcile(stack)
    assert table(druid) == before


def test_reconcile__has_no_false_alarm_while_readings_flow(stack: Stack, druid: Druid) -> None:
    ended = threading.Event()

    def flow() -> None:
        for number in itertools.count():
            produce_town(stack.config, replace(TOWN, prefix=f"flow{number % 3}", days=1, homes=1))
            if ended.wait(0.2):
                return

    with ThreadPoolExecutor(1) as pool:
        flowing = pool.submit(flow)
        try:
            told = reconcile(stack)
        finally:
            ended.set()
        flowing.result()
    assert "good + 7 bad" in told


def test_reconcile__its_dag_is_run_by_the_scheduler(airflow: AirflowClient, druid: Druid) -> None:
    now = dt.datetime.now(dt.UTC)
    airflow.ask("PATCH", "/dags/reconcile", {"is_paused": False})
    body = {"dag_run_id": "by-hand", "logical_date": now.isoformat()}
    airflow.ask("POST", "/dags/reconcile/dagRuns", body)
    ended = wait_until(
        lambda: run if (run := airflow.ask("GET", "/dags/reconcile/dagRuns/by-hand"))["state"] in DONE else None, 120
    )
    assert ended["state"] == "success"
    assert "messages read = " in airflow.log("reconcile", "by-hand", "reconcile")


def test_reconcile__doubled_readings_are_an_alarm(stack: Stack, druid: Druid) -> None:
    """Last of this file: it spoils the table."""
    spec = {
        "type": "index_parallel",
        "spec": {
            "dataSchema": {
                "dataSource": "powerraw",
                "timestampSpec": {"column": "t", "format": "millis"},
                "dimensionsSpec": {"dimensions": ["house_id"]},
                "metricsSpec": [{"type": "longSum", "name": "count", "fieldName": "n"}],
                "granularitySpec": {"segmentGranularity": "DAY", "queryGranularity": "MINUTE", "rollup": True},
            },
            "ioConfig": {
                "type": "index_parallel",
                "inputSource": {"type": "inline", "data": '{"t": 946684800000, "n": 3, "house_id": "twice"}'},
                "inputFormat": {"type": "json"},
            },
            "tuningConfig": {"type": "index_parallel"},
        },
    }
    before = druid.sql('SELECT SUM("count") AS n FROM powerraw')[0]["n"]
    druid.submit_task(spec)
    wait_until(lambda: druid.sql('SELECT SUM("count") AS n FROM powerraw')[0]["n"] == before + 3, 120, "the doubles")
    assert "ALARM: Druid counts too often 3 readings" in reconcile(stack, code=1)
