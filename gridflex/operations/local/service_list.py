"""Lists all services of the local stack, in the order in which they start."""

from __future__ import annotations

from gridflex.config import Config
from gridflex.operations.local.airflow_service import airflow_services
from gridflex.operations.local.druid_services import druid_services, zookeeper_service
from gridflex.operations.local.events_service import events_service
from gridflex.operations.local.kafka_service import kafka_service
from gridflex.operations.local.openadr_service import openadr_services
from gridflex.operations.local.replay_service import replay_service
from gridflex.operations.local.services import Service
from gridflex.operations.local.spark_service import spark_service
from gridflex.operations.local.superset_service import superset_service


def all_services(config: Config) -> tuple[Service, ...]:
    """Describe every service of the stack."""
    return (
        zookeeper_service(config),
        kafka_service(config),
        *druid_services(config),
        spark_service(config),
        replay_service(config),
        events_service(config),
        *openadr_services(config),
        *airflow_services(config),
        superset_service(config),
    )
