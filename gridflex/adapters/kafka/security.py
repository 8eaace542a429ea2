"""Configures encryption and sign-in of Kafka's clients: librdkafka, Java's client and Druid, from one configuration.

User and password come from the environment alone and get no further than a client's memory (docs/security.md).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from gridflex.adapters.login import Login
from gridflex.config import KAFKA_LOGIN, ROOT, Kafka
from gridflex.errors import ConfigError, ServiceError

_JAAS = "org.apache.kafka.common.security.scram.ScramLoginModule required"
_FROM_ENVIRONMENT = "org.apache.kafka.common.config.provider.EnvVarConfigProvider"


def login(kafka: Kafka, environ: Mapping[str, str] | None = None) -> Login | None:
    """Who signs in, if the protocol asks for it. Raises ``ServiceError`` when the environment lacks half of it."""
    if kafka.security_protocol != "SASL_SSL":
        return None
    environ = os.environ if environ is None else environ
    missing = [name for name in KAFKA_LOGIN if not environ.get(name)]
    if missing:
        raise ServiceError(
            f"Kafka at {kafka.bootstrap_servers} requires user and password (kafka.security_protocol is "
            f"SASL_SSL): {' and '.join(missing)} missing in the environment"
        )
    username, password = (environ[name] for name in KAFKA_LOGIN)
    return Login(username=username, password=password)


def librdkafka_security(kafka: Kafka, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Settings of librdkafka's clients.

    Raises ``ServiceError`` for missing credentials, ``ConfigError`` for a missing ``ca_file``.
    """
    if kafka.security_protocol == "PLAINTEXT":
        return {}
    settings: dict[str, str] = {"security.protocol": kafka.security_protocol}
    if kafka.ca_file:
        settings["ssl.ca.location"] = str(_ca_path(kafka))
    user = login(kafka, environ)
    if user is not None:
        settings |= {
            "sasl.mechanism": kafka.sasl_mechanism,
            "sasl.username": user.username,
            "sasl.password": user.password,
        }
    return settings


def java_security(kafka: Kafka, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Settings of Java's clients, such as Spark's; they need no file on the machine. Raises as above."""
    user = login(kafka, environ)
    return _java(kafka) | ({"sasl.jaas.config": jaas(user)} if user is not None else {})


def jaas(user: Login) -> str:
    """What Java's client signs in with.

    >>> jaas(Login(username="replay", password='a"b'))
    'org.apache.kafka.common.security.scram.ScramLoginModule required username="replay" password="a\\\\"b";'
    """
    return f"{_JAAS} username={_quoted(user.username)} password={_quoted(user.password)};"


def druid_security(kafka: Kafka) -> dict[str, str]:
    """Consumer properties of a supervisor: Druid's machines put in user and password from their own environment."""
    settings = _java(kafka)
    if kafka.security_protocol == "SASL_SSL":
        username, password = (f"${{env:{name}}}" for name in KAFKA_LOGIN)
        settings |= {
            "config.providers": "env",
            "config.providers.env.class": _FROM_ENVIRONMENT,
            "config.providers.env.param.allowlist.pattern": "|".join(KAFKA_LOGIN),
            "sasl.jaas.config": f'{_JAAS} username="{username}" password="{password}";',
        }
    return settings


def _java(kafka: Kafka) -> dict[str, str]:
    if kafka.security_protocol == "PLAINTEXT":
        return {}
    settings: dict[str, str] = {"security.protocol": kafka.security_protocol}
    if kafka.security_protocol == "SASL_SSL":
        settings["sasl.mechanism"] = kafka.sasl_mechanism
    if kafka.ca_file:
        settings |= {"ssl.truststore.type": "PEM", "ssl.truststore.certificates": _certificates(kafka)}
    return settings


def _ca_path(kafka: Kafka) -> Path:
    path = (ROOT / kafka.ca_file).resolve()
    if not path.is_file():
        raise ConfigError(f"kafka.ca_file: no file {path}; expected the brokers' authorities as PEM")
    return path


def _certificates(kafka: Kafka) -> str:
    path = _ca_path(kafka)
    text = path.read_text(encoding="utf-8", errors="replace")
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise ConfigError(f"kafka.ca_file: {path} holds no certificate; expected PEM")
    return text


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
