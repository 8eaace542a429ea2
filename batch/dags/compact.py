"""Every day at 03:00 UTC: merge the segments, which are UTC days, of the day that the stream has left behind."""

from __future__ import annotations

import os
from datetime import timedelta

from airflow.sdk import DAG

from batch.dags.command import batch
from batch.dags.schedule import every

_BACK = int(os.environ.get("GRIDFLEX_BATCH_COMPACT_AFTER_DAYS", "1"))
_SPAN = " ".join(
    f"--{option} '{{{{ ({moment} - macros.timedelta(days={_BACK})) | ts }}}}'"
    for option, moment in (("from", "data_interval_start"), ("to", "data_interval_end"))
)

with DAG("compact", doc_md=__doc__, tags=["gridflex"], **every("0 3 * * *", timedelta(days=1), "UTC")):
    batch("compact", span=_SPAN)
