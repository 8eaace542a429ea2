"""After every local midnight: yesterday's baselines, the days that they were made from, and how far to trust them."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from batch.dags.command import batch, gate
from batch.dags.schedule import every

with DAG("baselines", doc_md=__doc__, tags=["gridflex"], **every("30 0 * * *", timedelta(days=1))):
    gate() >> [batch("history"), batch("candidate_day"), batch("baseline_score")]
