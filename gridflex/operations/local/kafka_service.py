"""The Kafka broker of the local stack: one node, broker and controller at once."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import md5

from gridflex.config import Config
from gridflex.operations.local.health import KafkaProbe
from gridflex.operations.local.jars import LOCAL, STACK
from gridflex.operations.local.java import java_program
from gridflex.operations.local.services import FirstStart, Service, render

KAFKA = "kafka"
_HEAP_MB = 384


def kafka_service(config: Config) -> Service:
    """Describe the broker."""
    ports = config.launcher
    folder = config.state_dir / "kafka"
    properties = folder / "server.properties"
    values = {
        "host": ports.host,
        "port": ports.kafka_port,
        "controller_port": ports.kafka_controller_port,
        "log_dir": folder / "log",
    }
    java = (
        *(java_program(), f"-Xmx{_HEAP_MB}m", "-XX:+UseG1GC", "-XX:+ExitOnOutOfMemoryError"),
        *(f"-Dlog4j2.configurationFile={LOCAL / 'log4j2.properties'}", "-cp", str(STACK / KAFKA / "*")),
    )
    tool = ("kafka.tools.StorageTool", "format", "--cluster-id", _cluster_id(config), "--config", str(properties))
    return Service(
        name=KAFKA,
        argv=(*java, "kafka.Kafka", str(properties)),
        probe=KafkaProbe(host=ports.host, port=ports.kafka_port),
        port=ports.kafka_port,
        other_ports=(ports.kafka_controller_port,),
        files={properties: render("kafka/server.properties", values)},
        folders=(folder,),
        first_start=FirstStart(argv=(*java, *tool), made=folder / "log" / "meta.properties"),
        jars=(KAFKA,),
        stop_timeout_s=60,
    )


def _cluster_id(config: Config) -> str:
    """22 characters, the same for the same state folder."""
    digest = md5(str(config.state_dir).encode(), usedforsecurity=False).digest()
    return urlsafe_b64encode(b"\x00" + digest[1:]).decode().rstrip("=")
