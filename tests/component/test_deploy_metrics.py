from gridflex.adapters.druid import Druid
from gridflex.adapters.druid_specs import supervisor_specs
from gridflex.deploy.metrics import druid_metrics
from gridflex.launcher.stack import Stack
from tests.stack import wait_until


def test_metrics__tell_lag_of_every_supervisor_and_failed_tasks(stack: Stack) -> None:
    told = druid_metrics(stack.config)
    lags = {one["Dimensions"][0]["Value"]: one["Value"] for one in told if one["MetricName"] == "SupervisorLag"}
    assert lags.keys() == supervisor_specs(stack.config).keys()
    assert all(lag >= 0 for lag in lags.values())
    (failed,) = [one["Value"] for one in told if one["MetricName"] == "FailedTasks"]
    assert failed >= 0


def test_metrics__count_a_task_that_failed(stack: Stack, druid: Druid) -> None:
    before = failed_tasks(stack)
    druid.stop_task(druid.submit_task({"type": "noop", "dataSource": "nothing", "runTime": 600_000}))
    wait_until(lambda: failed_tasks(stack) == before + 1, what="one more failed task")


def failed_tasks(stack: Stack) -> float:
    (failed,) = [one["Value"] for one in druid_metrics(stack.config) if one["MetricName"] == "FailedTasks"]
    return float(failed)
