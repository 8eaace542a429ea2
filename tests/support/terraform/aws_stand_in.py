"""A stand-in for AWS on the loopback: moto's server, and the few calls of ours that it lacks.

Run by the tools' environment: ``python aws_stand_in.py`` prints its address and serves until it is ended. It proves
that references, types, order and the provider's calls are right; it does not prove that AWS would accept them.
"""

from __future__ import annotations

import json
import os
import sys
import uuid
from typing import Any
from urllib.parse import unquote

os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"

from moto.backup import urls as backup_urls
from moto.backup.responses import BackupResponse
from moto.core.responses import ActionResult, BaseResponse
from moto.ec2.models.security_groups import SecurityGroupRule
from moto.ec2.responses import EC2Response
from moto.emr.responses import ElasticMapReduceResponse
from moto.iam.access_control import PermissionResult
from moto.kafka import urls as kafka_urls
from moto.kafka.models import FakeKafkaCluster, KafkaBackend
from moto.kafka.responses import KafkaResponse
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.route53.responses import Route53
from moto.s3.models import FakeBucket
from werkzeug.serving import make_server

Json = dict[str, Any]

_configurations: dict[str, Json] = {}
_scram_secrets: dict[str, list[str]] = {}
_selections: dict[str, Json] = {}
_REGION, _ACCOUNT = "eu-west-1", "123456789012"
_RUN_JOB_FLOW = ElasticMapReduceResponse.run_job_flow
_NOW = "2026-01-01T00:00:00.000Z"


class Kafka:
    """Calls of MSK that moto lacks."""

    def create_configuration(self: Any) -> str:
        """A configuration's first revision."""
        arn = f"arn:aws:kafka:{_REGION}:{_ACCOUNT}:configuration/{self._get_param('name')}/{uuid.uuid4()}"
        _configurations[arn] = {
            "arn": arn,
            "name": self._get_param("name"),
            "description": "",
            "kafkaVersions": self._get_param("kafkaVersions"),
            "state": "ACTIVE",
            "creationTime": _NOW,
            "latestRevision": {"revision": 1, "creationTime": _NOW, "description": ""},
            "serverProperties": self._get_param("serverProperties"),
        }
        return json.dumps(_configurations[arn])

    def describe_configuration(self: Any) -> Any:
        """What was created, or 404."""
        return _found(_configurations.get(_arn(self, "configurations")))

    def describe_configuration_revision(self: Any) -> Any:
        """The only revision."""
        return _found(_configurations.get(_arn(self, "configurations").rsplit("/revisions/", 1)[0]))

    def delete_configuration(self: Any) -> str:
        """Forget it."""
        arn = _arn(self, "configurations")
        _configurations.pop(arn, None)
        return json.dumps({"arn": arn, "state": "DELETING"})

    def get_bootstrap_brokers(self: Any) -> str:
        """Three brokers' names at each of the ports that are open."""
        names = [f"b-{number}.gridflex.kafka.{_REGION}.amazonaws.com" for number in (1, 2, 3)]
        return json.dumps(
            {
                "bootstrapBrokerStringSaslScram": ",".join(f"{name}:9096" for name in names),
                "bootstrapBrokerStringSaslIam": ",".join(f"{name}:9098" for name in names),
            }
        )

    def batch_associate_scram_secret(self: Any) -> str:
        """Make secrets known to a cluster."""
        arn = _arn(self, "clusters").removesuffix("/scram-secrets")
        _scram_secrets[arn] = sorted({*_scram_secrets.get(arn, []), *self._get_param("secretArnList")})
        return json.dumps({"clusterArn": arn, "unprocessedScramSecrets": []})

    def batch_disassociate_scram_secret(self: Any) -> str:
        """The opposite."""
        arn = _arn(self, "clusters").removesuffix("/scram-secrets")
        _scram_secrets[arn] = [one for one in _scram_secrets[arn] if one not in self._get_param("secretArnList")]
        return json.dumps({"clusterArn": arn, "unprocessedScramSecrets": []})

    def list_scram_secrets(self: Any) -> str:
        """What is known."""
        arn = _arn(self, "clusters").removesuffix("/scram-secrets")
        return json.dumps({"secretArnList": _scram_secrets.get(arn, [])})


class Backup:
    """AWS Backup's selections, which moto lacks, and tags, which it looks for at an older address."""

    def list_tags(self: Any) -> str:
        """Of a vault or a plan."""
        arn = unquote(self.path.split("/tags/")[1].rstrip("/"))
        return json.dumps({"Tags": self.backup_backend.list_tags(resource_arn=arn)})

    def create_backup_selection(self: Any) -> str:
        """What a plan copies."""
        made, plan = str(uuid.uuid4()), self.path.split("/plans/")[1].split("/")[0]
        _selections[made] = {
            "SelectionId": made,
            "BackupPlanId": plan,
            "CreationDate": 0,
            "BackupSelection": json.loads(self.body)["BackupSelection"],
        }
        return json.dumps(_selections[made])

    def get_backup_selection(self: Any) -> Any:
        """What was created, or 404."""
        return _found(_selections.get(self.path.rstrip("/").rsplit("/", 1)[1]))

    def list_recovery_points_by_backup_vault(self: Any) -> str:
        """Nothing was ever copied."""
        return json.dumps({"RecoveryPoints": []})

    def delete_backup_selection(self: Any) -> str:
        """Forget it."""
        _selections.pop(self.path.rstrip("/").rsplit("/", 1)[1], None)
        return "{}"


class Zones:
    """A zone that is made within a network is private, whether it says so or not."""

    def _get_bool_param(self: Any, name: str, default: bool | None = None) -> bool | None:
        if name == "HostedZoneConfig.PrivateZone":
            return self._get_param("VPC.VPCId") is not None
        told: bool | None = BaseResponse._get_bool_param(self, name, default)
        return told


class Ec2:
    """Detailed monitoring, which moto knows at the start of a machine alone."""

    def monitor_instances(self: Any) -> ActionResult:
        """Switch it on."""
        watched = self._get_param("InstanceIds", [])
        for instance in watched:
            self.ec2_backend.get_instance(instance).monitoring_state = "enabled"
        told = [{"InstanceId": instance, "Monitoring": {"State": "enabled"}} for instance in watched]
        return ActionResult({"InstanceMonitorings": told})


class Buckets:
    """moto knows no conditions in a policy: it would refuse everything where we refuse what comes without TLS."""

    def get_permission(self: Any, action: str, resource: str) -> Any:
        """No opinion."""
        return PermissionResult.NEUTRAL

    def _log_permissions_enabled_policy(self: Any, **what: Any) -> bool:
        """The log bucket's policy lets S3 write."""
        return True


class Rules:
    """moto tells a rule's description only if the rule is about addresses."""

    @property
    def description(self: Any) -> str | None:
        """As it was given."""
        told: str | None = {**(self.source_group or {}), **(self.ip_range or {})}.get("Description")
        return told


class Emr:
    """Questions to EMR that moto does not know, and what it forgets of a cluster."""

    def run_job_flow(self: Any) -> ActionResult:
        """Start it, and remember all of it."""
        answer: ActionResult = _RUN_JOB_FLOW(self)
        cluster = self.backend.describe_cluster(answer.result["JobFlowId"])
        cluster.log_encryption_kms_key_id = self._get_param("LogEncryptionKmsKeyId")
        cluster.unhealthy_node_replacement = self._get_bool_param("Instances.UnhealthyNodeReplacement")
        return answer

    def list_instance_fleets(self: Any) -> ActionResult:
        """We have groups."""
        return ActionResult({"InstanceFleets": []})

    def get_auto_termination_policy(self: Any) -> ActionResult:
        """We have none."""
        return ActionResult({})


def _arn(response: Any, before: str) -> str:
    return unquote(response.parsed_url.path.split(f"/{before}/")[-1])


def _found(what: Json | None) -> Any:
    if what is None:
        return 404, {"x-amzn-ErrorType": "NotFoundException"}, json.dumps({"message": "not found"})
    return json.dumps(what)


def _teach(response: type, lessons: type) -> None:
    for name, lesson in vars(lessons).items():
        if not name.startswith("__"):
            setattr(response, name, lesson)


def _teach_moto() -> None:
    _teach(KafkaResponse, Kafka)
    _teach(BackupResponse, Backup)
    _teach(ElasticMapReduceResponse, Emr)
    _teach(EC2Response, Ec2)
    _teach(FakeBucket, Buckets)
    _teach(SecurityGroupRule, Rules)
    _teach(Route53, Zones)
    clusters = "{0}/v1/clusters/(?P<clusterArn>.+)/"
    kafka_urls.url_paths = {
        "{0}/v1/configurations$": KafkaResponse.dispatch,
        "{0}/v1/configurations/(?P<arn>.+)/revisions/(?P<revision>[0-9]+)$": KafkaResponse.dispatch,
        "{0}/v1/configurations/(?P<arn>.+)$": KafkaResponse.dispatch,
        f"{clusters}bootstrap-brokers$": KafkaResponse.dispatch,
        f"{clusters}scram-secrets$": KafkaResponse.dispatch,
        **kafka_urls.url_paths,
    }
    selections = "{0}/backup/plans/(?P<plan>[^/]+)/selections/"
    backup_urls.url_paths = {
        "{0}/backup-vaults/(?P<name>[^/]+)/recovery-points/$": BackupResponse.dispatch,
        f"{selections}$": BackupResponse.dispatch,
        f"{selections}(?P<selection>[^/]+)$": BackupResponse.dispatch,
        **backup_urls.url_paths,
    }
    _ready_at_once()


def _ready_at_once() -> None:
    """A cluster of moto is being created for ever."""
    begin = FakeKafkaCluster.__init__

    def ready(self: FakeKafkaCluster, *values: Any, **named: Any) -> None:
        begin(self, *values, **named)
        self.state = "ACTIVE"

    describe = {name: getattr(KafkaResponse, name) for name in ("describe_cluster", "describe_cluster_v2")}

    def known(name: str) -> Any:
        def answer(self: Any) -> Any:
            backend: KafkaBackend = self.kafka_backend
            return describe[name](self) if _arn(self, "clusters") in backend.clusters else _found(None)

        return answer

    FakeKafkaCluster.__init__ = ready
    for name in describe:
        setattr(KafkaResponse, name, known(name))


if __name__ == "__main__":
    _teach_moto()
    server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
