import pytest

from gridflex.config import Config
from gridflex.errors import UsageError
from gridflex.operations.local.service_list import all_services
from gridflex.operations.local.services import find, select
from gridflex.operations.local.spark_service import config_environ


def names(*wanted: str) -> list[str]:
    return [service.name for service in select(all_services(Config()), wanted)]


def test_select__kafka_needs_nothing_else() -> None:
    assert names("kafka") == ["kafka"]


def test_select__brings_what_a_service_depends_on_in_starting_order() -> None:
    assert names("druid-indexer") == ["zookeeper", "druid-coordinator", "druid-indexer"]


def test_select__druid_stands_for_all_its_services() -> None:
    assert names("druid") == names("druid-router")
    assert len(names("druid")) == 6


def test_select__takes_a_druid_service_without_its_prefix() -> None:
    assert names("indexer", "kafka") == names("kafka", "druid-indexer")


def test_select__nothing_named_means_all_but_the_optional_ones() -> None:
    assert names() == [service.name for service in all_services(Config()) if not service.optional]
    assert {"kafka", "druid-router", "spark"} <= set(names())


def test_select__names_what_is_allowed() -> None:
    with pytest.raises(UsageError, match=r"no service 'kafak'; allowed: zookeeper, kafka, druid-coordinator"):
        names("kafak")


def test_find__refuses_a_name_that_stands_for_several() -> None:
    with pytest.raises(UsageError, match="several services"):
        find(all_services(Config()), "druid")


def test_services__share_no_port() -> None:
    ports = [port for service in all_services(Config()) for port in service.ports]
    assert len(ports) == len(set(ports)) == 13


def test_services__listen_on_the_loopback_alone() -> None:
    texts = [text for service in all_services(Config()) for text in service.files.values()]
    joined = "\n".join(texts)
    assert "0.0.0.0" not in joined  # noqa: S104
    assert "${" not in joined
    assert "druid.bindOnHost=true" in joined
    assert "clientPortAddress=127.0.0.1" in joined


def test_config_environ__gives_a_child_the_very_same_configuration() -> None:
    from gridflex.config import load_config

    config = load_config(environ={"GRIDFLEX_LAUNCHER_KAFKA_PORT": "4711", "GRIDFLEX_READINGS_MAX_GAP_S": "90"})
    assert load_config(environ=config_environ(config)) == config


def test_druid_and_kafka__delete_what_nobody_needs() -> None:
    """Segments that were replaced, logs and records of tasks, diaries: nothing of it grows for ever."""
    files = {path.name: text for service in all_services(Config()) for path, text in service.files.items()
             if service.name in {"kafka", "druid-coordinator"}}  # fmt: skip
    settings = dict(line.split("=", 1) for text in files.values() for line in text.splitlines() if "=" in line)
    day_ms = 86_400_000
    assert settings["druid.coordinator.kill.on"] == settings["druid.indexer.logs.kill.enabled"] == "true"
    assert settings["druid.coordinator.kill.bufferPeriod"] == "P1D"
    assert day_ms <= int(settings["druid.indexer.logs.kill.durationToRetain"]) <= 7 * day_ms
    diaries = ("transaction.state.log.segment.bytes", "offsets.topic.segment.bytes", "metadata.log.segment.bytes")
    assert all(int(settings[name]) <= 16 << 20 for name in diaries)
    assert int(settings["log.retention.hours"]) <= 168
