"""How often the query is started again after Spark waited in vain for a Python worker."""

from typing import Any, cast

import pytest
from pyspark.errors import StreamingQueryException

from gridflex.config import Kafka
from stream_processing.jobs.duty_cycles import Job

LATE = "Caused by: org.apache.spark.SparkException: Python worker failed to connect back."


class Query:
    """A query that fails at once. ``lastProgress``: of the micro-batch before, if one went through."""

    def __init__(self, progress: object, problem: str = LATE) -> None:
        self.lastProgress = progress
        self.problem = problem

    def awaitTermination(self, timeout: float) -> bool:  # noqa: N802
        """Fail."""
        raise StreamingQueryException(self.problem)


def job_of(*queries: Query) -> Job:
    first, *later = cast("list[Any]", queries)
    unused = cast("Any", None)
    return Job(begin=iter(later).__next__, query=first, sink=unused, enrolment=unused, kafka=Kafka())


def test_job__is_started_again_as_long_as_micro_batches_go_through() -> None:
    job = job_of(*(Query({"batchId": number}) for number in range(20)), Query(None))
    assert not any(job.has_ended(1) for _ in range(20))


def test_job__fails_at_the_sixth_late_worker_without_a_micro_batch() -> None:
    job = job_of(*(Query(None) for _ in range(7)))
    assert not any(job.has_ended(1) for _ in range(5))
    with pytest.raises(StreamingQueryException, match="connect back"):
        job.has_ended(1)


def test_job__is_not_started_again_after_another_failure() -> None:
    with pytest.raises(StreamingQueryException, match="disk"):
        job_of(Query({"batchId": 1}, "no space on disk"), Query(None)).has_ended(1)
