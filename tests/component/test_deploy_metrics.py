from confluent_kafka import Producer

from gridflex.adapters.avro import encode_dicts
from gridflex.adapters.druid.client import Druid
from gridflex.adapters.druid.specs import supervisor_specs
from gridflex.contracts.schemas import rejection_schema
from gridflex.operations.cluster.metrics import druid_metrics
from gridflex.operations.local.stack import Stack
from tests.support.stack import halted, wait_until

SENT = 300


def test_metrics__count_what_a_supervisor_has_not_read(stack: Stack, druid: Druid) -> None:
    """The indexer stands still, so that nobody reads; when it goes on, the lag is gone."""
    assert lags(stack).keys() == supervisor_specs(stack.config).keys()
    wait_until(lambda: druid.supervisor_status("deadletter").get("activeTasks"), what="a task that reads")
    before = wait_until(lambda: settled(stack), 90, "a lag that stays")["deadletter"]
    with halted(stack, "druid-indexer"):
        send_dead_letters(stack)
        wait_until(lambda: lags(stack)["deadletter"] == before + SENT, 90, f"a lag of {SENT} more")
    wait_until(lambda: lags(stack)["deadletter"] == before, 90, "no lag")


def test_metrics__count_a_task_that_failed(stack: Stack, druid: Druid) -> None:
    before = failed_tasks(stack)
    druid.stop_task(druid.submit_task({"type": "noop", "dataSource": "nothing", "runTime": 600_000}))
    wait_until(lambda: failed_tasks(stack) == before + 1, what="one more failed task")


def lags(stack: Stack) -> dict[str, float]:
    told = druid_metrics(stack.config)
    return {one["Dimensions"][0]["Value"]: one["Value"] for one in told if one["MetricName"] == "SupervisorLag"}


def settled(stack: Stack) -> dict[str, float] | None:
    """The lags, if two looks find the same."""
    first = lags(stack)
    return first if lags(stack) == first else None


def send_dead_letters(stack: Stack) -> None:
    rejection = {"event_time_ms": 1_700_049_600_000, "stage": "replay", "reason": "not_finite", "source": "metrics"}
    rejection |= {"dataset": "redd", "position": "file:1", "kafka_partition": None, "kafka_offset": None}
    rejection |= {"count": 1, "detail": "NaN", "raw": b""}
    producer = Producer({"bootstrap.servers": stack.config.kafka.bootstrap_servers})
    for value in encode_dicts(rejection_schema(), [rejection] * SENT):
        producer.produce(stack.config.kafka.topic_dead_letters, value=value)
    assert producer.flush(30) == 0


def failed_tasks(stack: Stack) -> float:
    (failed,) = [one["Value"] for one in druid_metrics(stack.config) if one["MetricName"] == "FailedTasks"]
    return float(failed)
