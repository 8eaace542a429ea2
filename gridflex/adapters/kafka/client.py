"""Configures Kafka's clients, and checks at once whether Kafka accepts them."""

from __future__ import annotations

import logging
from typing import Any

from gridflex import config
from gridflex.adapters.kafka.connection_errors import connection_error
from gridflex.adapters.kafka.security import librdkafka_security

logger = logging.getLogger(__name__)


def refuse_at_once(kafka: config.Kafka) -> None:
    """Raise ``ServiceError`` if Kafka is there and refuses these settings: clients would try again for ever."""
    problem = connection_error(kafka)
    if problem is not None:
        raise problem


def client_settings(kafka: config.Kafka) -> dict[str, Any]:
    """The settings that every client of the cluster needs. Raises ``ServiceError`` for missing credentials."""
    return {
        **librdkafka_security(kafka),
        "bootstrap.servers": kafka.bootstrap_servers,
        "log.connection.close": False,
        "logger": logger,
    }


def own_reader_settings(kafka: config.Kafka) -> dict[str, Any]:
    """The settings of a consumer that keeps its place itself and reads committed messages alone.

    Such a consumer joins no group, but Kafka's client looks for the coordinator of the one that it names: it is one
    that the access rules let every reader of the platform name. Raises ``ServiceError`` for missing credentials.
    """
    return {
        **client_settings(kafka),
        "group.id": "gridflex-batch",
        "enable.auto.commit": False,
        "isolation.level": "read_committed",
    }
