"""Every half-hour: the rest of the day's demand by region, from its hours so far."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from batch.dags.command import batch
from batch.dags.schedule import every

with DAG("forecast_today", doc_md=__doc__, tags=["gridflex"], **every("5,35 * * * *", timedelta(minutes=30))):
    batch("forecast_today", "--at '{{ data_interval_end | ts }}'", retries=1)
