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


def _with(environ: dict[str, str]) -> Config:
    return load_config(ROOT / "config.ini.example", environ=environ)


def test_ven__never_follows_the_program_of_our_own_events_at_the_same_vtn() -> None:
    ours = {"GRIDFLEX_OPENADR_VEN_PROGRAMS": "utility, gridflex-curtailment"}
    with pytest.raises(ConfigError, match=r"openadr_ven\.programs: found 'gridflex-curtailment'"):
        _with(ours)
    other = ours | {"GRIDFLEX_OPENADR_VEN_URL": "https://vtn.example"}
    assert _with(other).openadr_ven.program_names == (
        "utility",
        "gridflex-curtailment",
    )
    same = other | {"GRIDFLEX_OPENADR_URL": "https://vtn.example"}
    with pytest.raises(ConfigError, match="where our own events go"):
        _with(same)


def test_ven__knows_places_by_the_vtns_names() -> None:
    config = load_config(
        ROOT / "config.ini.example", environ={"GRIDFLEX_OPENADR_VEN_TARGETS": "south:Sfax, s-7 : Le Kef/F 1"}
    )
    assert config.openadr_ven.places == {"south": ("Sfax", ""), "s-7": ("Le Kef", "F 1")}
    for wrong in ("south", "south:", "so uth:Sfax", "a:Sfax/", "a:X, a:Y"):
        with pytest.raises(ConfigError, match=r"allowed: name:Region or name:Region/Feeder"):
            _with({"GRIDFLEX_OPENADR_VEN_TARGETS": wrong})
