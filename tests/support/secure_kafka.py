"""A broker as on a cluster: TLS, SCRAM, no access without an ACL; own authority, own users, own state folder."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from gridflex.adapters.kafka.access import USERS, Grant, grants
from gridflex.adapters.kafka.client import client_settings
from gridflex.config import KAFKA_LOGIN, Config
from gridflex.operations.local import process
from gridflex.operations.local.health import listens
from gridflex.operations.local.kafka_service import kafka_service
from gridflex.operations.local.services import Service
from gridflex.operations.local.topics import create_topics
from tests.support.certificates import make_authority, make_certificate
from tests.support.stack import own_config, wait_until

ADMIN = "admin"
_BROKER = """
listener.security.protocol.map=BROKER:SASL_SSL,CONTROLLER:SSL
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
ssl.keystore.type=PEM
ssl.keystore.location={folder}/broker.pem
ssl.truststore.type=PEM
ssl.truststore.location={folder}/ca.pem
listener.name.controller.ssl.client.auth=required
listener.name.broker.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \
username="{admin}" password="{password}";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:{admin};User:CN=broker
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecureKafka:
    """The broker: its settings, its users' passwords, and an authority that it does not come from."""

    config: Config
    passwords: dict[str, str]
    other_ca: Path
    pid: int

    def environ(self, user: str, password: str | None = None) -> dict[str, str]:
        """What makes a process of its own a client that signs in as the user."""
        kafka = self.config.kafka
        folder = self.config.state_dir.parent
        return os.environ | {
            "GRIDFLEX_CONFIG": str(folder / "config.ini"),
            "GRIDFLEX_LAUNCHER_STATE_DIR": str(self.config.state_dir),
            "GRIDFLEX_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "GRIDFLEX_KAFKA_SECURITY_PROTOCOL": kafka.security_protocol,
            "GRIDFLEX_KAFKA_CA_FILE": kafka.ca_file,
            **dict(zip(KAFKA_LOGIN, (user, password or self.passwords[user]), strict=True)),
        }

    @contextmanager
    def signed_in(self, user: str, password: str | None = None) -> Iterator[None]:
        """Clients of this process sign in as the user."""
        named = {name: self.environ(user, password)[name] for name in KAFKA_LOGIN}
        with patch.dict(os.environ, named):
            yield


@contextmanager
def secure_kafka(folder: Path) -> Iterator[SecureKafka]:
    """Such a broker with the topics, users and ACLs of a cluster; afterwards it is gone."""
    folder.mkdir(parents=True, exist_ok=True)
    make_authority(folder, "ca")
    make_authority(folder, "other")
    make_certificate(folder, "broker")
    passwords = {user: secrets.token_hex(20) for user in (*USERS, ADMIN)}
    config = own_config(folder, kafka_security_protocol="SASL_SSL", kafka_ca_file=folder / "ca.pem")
    service = _service(config, folder, passwords[ADMIN])
    runtime = process.Runtime(state_dir=config.state_dir)
    pid = process.start(runtime, service)
    running = SecureKafka(config=config, passwords=passwords, other_ca=folder / "other.pem", pid=pid)
    try:
        with running.signed_in(ADMIN):
            wait_until(lambda: _answers(config, pid), what=str(runtime.log_file(service)))
            create_topics(config)
            _make_users(config, passwords)
        yield running
    finally:
        process.stop(runtime, service)


def _service(config: Config, folder: Path, password: str) -> Service:
    service = kafka_service(config)
    ((path, text),) = service.files.items()
    first = service.first_start
    assert first is not None
    scram = ("--add-scram", f"SCRAM-SHA-512=[name={ADMIN},password={password}]")
    return replace(
        service,
        files={path: text + _BROKER.format(folder=folder, admin=ADMIN, password=password)},
        first_start=replace(first, argv=(*first.argv, *scram)),
    )


def _answers(config: Config, pid: int) -> bool:
    assert process.exit_code(pid) is None, "the broker died"
    if not listens(pid, config.launcher.kafka_port):
        return False
    try:
        return bool(_admin(config).list_topics(timeout=2).brokers)
    except KafkaException:
        return False


def _make_users(config: Config, passwords: dict[str, str]) -> None:
    admin = _admin(config)
    strength = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
    users = [UserScramCredentialUpsertion(user, strength, passwords[user].encode()) for user in USERS]
    for made in (
        *admin.alter_user_scram_credentials(users).values(),
        *admin.create_acls([binding for grant in grants(config.kafka) for binding in _bindings(grant)]).values(),
    ):
        made.result(30)


def _bindings(grant: Grant) -> list[AclBinding]:
    pattern = ResourcePatternType.PREFIXED if grant.prefixed else ResourcePatternType.LITERAL
    resource = {
        "topic": ResourceType.TOPIC,
        "group": ResourceType.GROUP,
        "transactional-id": ResourceType.TRANSACTIONAL_ID,
    }[grant.resource]
    allow, user = AclPermissionType.ALLOW, f"User:{grant.user}"
    return [
        AclBinding(resource, grant.name, pattern, user, "*", AclOperation[operation.upper()], allow)
        for operation in grant.operations
    ]


def _admin(config: Config) -> AdminClient:
    return AdminClient({**client_settings(config.kafka), "log_level": 0})
