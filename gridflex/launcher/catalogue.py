"""All services of the local stack, in the order in which they start."""

from __future__ import annotations

from gridflex.config import Config
from gridflex.launcher.airflow_service import airflow_services
from gridflex.launcher.druid_services import druid_services, zookeeper_service
from gridflex.launcher.kafka_service import kafka_service
from gridflex.launcher.replay_service import replay_service
from gridflex.launcher.services import Service
from gridflex.launcher.spark_service import spark_service
from gridflex.launcher.superset_service import superset_service


def all_services(config: Config) -> tuple[Service, ...]:
    """Describe every service of the stack."""
    return (
        zookeeper_service(config),
        kafka_service(config),
        *druid_services(config),
        spark_service(config),
        replay_service(config),
        *airflow_services(config),
        superset_service(config),
    )
