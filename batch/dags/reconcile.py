"""Every hour: does Druid hold every good reading of Kafka once? A red run is an alarm; its log explains."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from batch.dags.command import batch
from batch.dags.schedule import every

with DAG("reconcile", doc_md=__doc__, tags=["gridflex"], **every("5 * * * *", timedelta(hours=1), "UTC")):
    batch("reconcile", retries=1)
