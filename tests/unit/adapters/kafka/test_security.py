from __future__ import annotations

import json
from pathlib import Path

import pytest

from gridflex.adapters.druid.specs import supervisor_specs
from gridflex.adapters.kafka.security import druid_security, java_security, librdkafka_security, login
from gridflex.config import Config, Kafka, load_config
from gridflex.errors import ConfigError, ServiceError

ENVIRON = {"GRIDFLEX_KAFKA_USERNAME": "replay", "GRIDFLEX_KAFKA_PASSWORD": "pass-word-1"}
PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


@pytest.fixture
def ca_file(tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    path.write_text(PEM)
    return str(path)


@pytest.fixture
def secure(ca_file: str) -> Kafka:
    return Kafka(bootstrap_servers="one:9096", security_protocol="SASL_SSL", ca_file=ca_file)


def test_settings__of_a_plaintext_broker_are_none() -> None:
    assert librdkafka_security(Kafka(), ENVIRON) == java_security(Kafka(), ENVIRON) == druid_security(Kafka()) == {}


def test_settings__sign_in_with_the_environments_user(secure: Kafka, ca_file: str) -> None:
    assert librdkafka_security(secure, ENVIRON) == {
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": ca_file,
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "replay",
        "sasl.password": "pass-word-1",
    }
    java = java_security(secure, ENVIRON)
    assert (java["ssl.truststore.type"], java["ssl.truststore.certificates"]) == ("PEM", PEM)
    assert java["sasl.jaas.config"].endswith('ScramLoginModule required username="replay" password="pass-word-1";')


def test_settings__by_tls_alone_need_no_user(ca_file: str) -> None:
    kafka = Kafka(security_protocol="SSL", ca_file=ca_file)
    assert librdkafka_security(kafka, {}) == {"security.protocol": "SSL", "ssl.ca.location": ca_file}
    assert not [name for name in java_security(kafka, {}) if name.startswith("sasl")]


def test_settings__trust_the_system_where_no_authority_is_named() -> None:
    kafka = Kafka(security_protocol="SASL_SSL")
    assert "ssl.ca.location" not in librdkafka_security(kafka, ENVIRON)
    assert not [name for name in java_security(kafka, ENVIRON) if name.startswith("ssl.truststore")]


@pytest.mark.parametrize("lacking", sorted(ENVIRON))
def test_login__names_what_the_environment_lacks(secure: Kafka, lacking: str) -> None:
    environ = {name: value for name, value in ENVIRON.items() if name != lacking}
    with pytest.raises(
        ServiceError, match=f"Kafka at one:9096 requires user and password .*: {lacking} missing in the environment"
    ):
        librdkafka_security(secure, environ)
    with pytest.raises(ServiceError, match=lacking):
        java_security(secure, environ)


def test_login__shows_no_password(secure: Kafka) -> None:
    assert "pass-word-1" not in repr(login(secure, ENVIRON))


def test_supervisors__hold_no_secret_and_no_user(secure: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    for spec in supervisor_specs(Config(kafka=secure)).values():
        consumer = spec["spec"]["ioConfig"]["consumerProperties"]
        assert consumer["security.protocol"] == "SASL_SSL"
        assert consumer["isolation.level"] == "read_committed"
        assert 'password="${env:GRIDFLEX_KAFKA_PASSWORD}"' in consumer["sasl.jaas.config"]
        assert "pass-word-1" not in json.dumps(spec)


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"GRIDFLEX_KAFKA_CA_FILE": "ca.pem"}, "kafka.ca_file: found 'ca.pem': .*PLAINTEXT checks no certificate"),
        ({"GRIDFLEX_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT"}, "security_protocol: found 'SASL_PLAINTEXT'.*SASL_SSL"),
        ({"GRIDFLEX_KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "GRIDFLEX_KAFKA_SASL_MECHANISM": "PLAIN"}, "SCRAM-SHA-512"),
        (ENVIRON, "GRIDFLEX_KAFKA_USERNAME and GRIDFLEX_KAFKA_PASSWORD in the environment.* is PLAINTEXT, which"),
        ({**ENVIRON, "GRIDFLEX_KAFKA_SECURITY_PROTOCOL": "SSL"}, "security_protocol is SSL, which does not use them"),
    ],
)
def test_config__refuses_what_does_not_go_together(environ: dict[str, str], message: str, tmp_path: Path) -> None:
    (tmp_path / "config.ini").touch()
    with pytest.raises(ConfigError, match=message) as problem:
        load_config(tmp_path / "config.ini", environ)
    assert "pass-word-1" not in str(problem.value)


def test_config__has_no_place_for_a_password_and_does_not_repeat_it(tmp_path: Path) -> None:
    file = tmp_path / "config.ini"
    file.write_text("[kafka]\npassword = pass-word-1\n")
    with pytest.raises(ConfigError, match=r"kafka\.password: unknown") as problem:
        load_config(file, {})
    assert "pass-word-1" not in str(problem.value)


@pytest.mark.parametrize(("text", "message"), [(None, "no file"), ("no PEM", "holds no certificate")])
def test_authorities__have_to_be_a_file_of_certificates(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "other.pem"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match=f"kafka.ca_file: .*{message}"):
        java_security(Kafka(security_protocol="SASL_SSL", ca_file=str(path)), ENVIRON)
