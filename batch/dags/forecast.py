"""After local midnight: the day's baseline, its demand by region with quantiles, and how good forecasts have been."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from batch.dags.command import batch, gate
from batch.dags.schedule import every

with DAG("forecast", doc_md=__doc__, tags=["gridflex"], **every("40 0 * * *", timedelta(days=1))):
    gate() >> [batch("outlook"), batch("forecast"), batch("forecast_score")]
