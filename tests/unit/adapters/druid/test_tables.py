"""Tables without a row yet."""

from gridflex.adapters.druid.tables import empty_table, table_specs


def test_table_specs__hold_every_table_once() -> None:
    assert {"powerraw", "dutycycle", "deadletter", "history", "outlook", "forecast", "reconciliation"} <= set(
        table_specs()
    )
    assert "last_event_time_ms" in [metric["name"] for metric in table_specs()["powerraw"]["metricsSpec"]]


def test_empty_table__has_the_tables_columns_and_counts_nothing() -> None:
    for name, schema in table_specs().items():
        made = empty_table(schema)["spec"]["dataSchema"]
        assert made["dataSource"] == name
        assert made["dimensionsSpec"] == schema["dimensionsSpec"]
        wanted = [metric.get("aggregator", metric)["name"] for metric in schema.get("metricsSpec", ())]
        assert [metric["name"] for metric in made["metricsSpec"]] == wanted
        assert "count" not in {metric["type"] for metric in made["metricsSpec"]}
