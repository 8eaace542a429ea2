import configparser
from pathlib import Path

import pytest

from gridflex.config import ROOT, Config, load_config
from gridflex.errors import ConfigError


def test_example__names_every_field_with_its_default() -> None:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "config.ini.example")
    named = {section: set(parser[section]) for section in parser.sections()}
    assert named == {name: set(field.annotation.model_fields) for name, field in Config.model_fields.items()}
    assert load_config(ROOT / "config.ini.example", environ={}) == Config()


def test_load_config__lists_all_problems_in_one_message(tmp_path: Path) -> None:
    path = tmp_path / "config.ini"
    path.write_text("[kafka]\npartitions = many\ntopics = x\n[kafak]\na = b\n")
    with pytest.raises(ConfigError) as problem:
        load_config(path, environ={})
    message = str(problem.value)
    assert "3 problem(s)" in message
    assert "kafka.partitions: found 'many'" in message
    assert "kafka.topics: unknown; allowed: bootstrap_servers" in message
    assert "kafak: unknown; allowed: " in message


def test_load_config__environment_overrides_the_file(tmp_path: Path) -> None:
    path = tmp_path / "config.ini"
    path.write_text("[kafka]\npartitions = 3\n")
    config = load_config(path, environ={"GRIDFLEX_KAFKA_PARTITIONS": "12", "GRIDFLEX_READINGS_MAX_GAP_S": "90"})
    assert (config.kafka.partitions, config.readings.max_gap_s) == (12, 90)


def test_load_config__a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not found"):
        load_config(tmp_path / "none.ini", environ={})


def test_load_config__names_the_file_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "config.ini"
    path.write_text("no section\n")
    with pytest.raises(ConfigError, match=r"config\.ini"):
        load_config(path, environ={})
