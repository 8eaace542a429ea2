from gridflex.adapters.druid_specs import supervisor_specs
from gridflex.deploy.metrics import druid_metrics
from gridflex.launcher.stack import Stack


def test_metrics__tell_lag_of_every_supervisor_and_failed_tasks(stack: Stack) -> None:
    told = druid_metrics(stack.config)
    lags = {one["Dimensions"][0]["Value"]: one["Value"] for one in told if one["MetricName"] == "SupervisorLag"}
    assert lags.keys() == supervisor_specs(stack.config).keys()
    assert all(lag >= 0 for lag in lags.values())
    (failed,) = [one["Value"] for one in told if one["MetricName"] == "FailedTasks"]
    assert failed >= 0
