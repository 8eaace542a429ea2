"""Explains in plain words why Kafka refuses a client, or does not let it do something."""

from __future__ import annotations

import logging
import os
import time
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from gridflex.adapters.kafka.security import librdkafka_security
from gridflex.config import KAFKA_LOGIN, Kafka
from gridflex.errors import ServiceError

DENIED = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    }
)
"""What Kafka answers when no ACL allows a call."""
_TLS = KafkaError._SSL
_LOGIN = {KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED, KafkaError.UNSUPPORTED_SASL_MECHANISM}
_SUMMARY = KafkaError._ALL_BROKERS_DOWN
_HUNG_UP = "Disconnected"
_INFO = 6
_ATTEMPTS = 3
_ATTEMPT_S = 5.0
_LOOK_S = 0.3
_PAUSE_S = 0.3


def connection_error(kafka: Kafka) -> ServiceError | None:
    """What keeps a client of these settings out, asked by one of its own; nothing when it is let in or none answers.

    A server that is just being killed may cut a connection too: only what comes three times in a row is a refusal.
    Raises ``ServiceError`` for missing credentials.
    """
    reason: KafkaError | None = None
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(_PAUSE_S)
        reason = _attempt(kafka)
        if reason is None or not _refuses(reason):
            return None
    return None if reason is None else ServiceError(_explained(kafka, reason))


def authorization_error(kafka: Kafka, what: str, error: KafkaError) -> ServiceError:
    """No ACL lets this user do it. ``what``: the user's call and its resource, in a few words."""
    return ServiceError(
        f"Kafka at {kafka.bootstrap_servers} does not let {_who(kafka)} {what}: {error.str()} "
        "(granted is what `gridflex deploy kafka-access acls` prints)"
    )


def _attempt(kafka: Kafka) -> KafkaError | None:
    """What keeps a new connection from working; nothing if it works, or if nobody answers."""
    noted: list[KafkaError] = []
    hang_ups = _HangUps()
    settings: dict[str, Any] = {
        **librdkafka_security(kafka),
        "bootstrap.servers": kafka.bootstrap_servers,
        "error_cb": noted.append,
        # librdkafka tells only its log that a broker hung up.
        "logger": hang_ups.logger,
        "log_level": _INFO,
        "log.connection.close": True,
    }
    client = AdminClient(settings)
    deadline = time.monotonic() + _ATTEMPT_S
    while time.monotonic() < deadline:
        try:
            client.list_topics(timeout=_LOOK_S)
        except KafkaException:
            client.poll(0)
        else:
            return None
        told = sorted((error for error in noted if error.code() != _SUMMARY), key=_refuses, reverse=True)
        told += [KafkaError(KafkaError._TRANSPORT, text) for text in hang_ups.texts]
        if told:
            return told[0]
    return None


class _HangUps(logging.Handler):
    """Keeps the lines of a client's log in which a broker closed the connection."""

    def __init__(self) -> None:
        super().__init__()
        self.logger = logging.Logger(__name__)
        self.logger.addHandler(self)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """See ``logging.Handler``."""
        text = record.getMessage()
        if _HUNG_UP in text:
            self.texts.append(text.partition("]: ")[2] or text)


def _refuses(error: KafkaError) -> bool:
    """Whether somebody was there and said no, or hung up."""
    return error.code() in _LOGIN or error.code() == _TLS or _HUNG_UP in error.str()


def _explained(kafka: Kafka, error: KafkaError) -> str:
    where, reason = f"Kafka at {kafka.bootstrap_servers}", error.str()
    if error.code() == _TLS and "certificate verify failed" in reason:
        trusted = kafka.ca_file or "the system's authorities"
        return f"{where} is not trusted: {trusted} did not sign its certificate for this name (kafka.ca_file): {reason}"
    if error.code() in _LOGIN:
        return (
            f"{where} refused {_who(kafka)}: {' and '.join(KAFKA_LOGIN)} of the environment did not sign in by "
            f"{kafka.sasl_mechanism}: {reason}"
        )
    asked = f"kafka.security_protocol {kafka.security_protocol}"
    return f"{where} refused {_who(kafka)}: {asked} is not what it uses: {reason}"


def _who(kafka: Kafka) -> str:
    name = os.environ.get(KAFKA_LOGIN[0]) if kafka.security_protocol == "SASL_SSL" else None
    return f"user {name}" if name else "a client without user"
