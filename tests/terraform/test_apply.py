"""``envs/dev`` brought up, looked at, changed and taken down, by the real provider against a stand-in for AWS.

It proves references, types, order and the provider's calls. It does not prove that AWS would accept them.
"""

from __future__ import annotations

import ipaddress
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gridflex.adapters.kafka.access import USERS
from gridflex.config import ROOT, load_config
from gridflex.config.event_users import parse_event_users
from gridflex.operations.cluster.pack import pack
from tests.support.terraform.toolbox import TOOLS, Done, Workspace, run

pytestmark = pytest.mark.timeout(1500)

PROGRAMS = ROOT / "tests" / "support" / "terraform"
DRIFTS = {
    "aws_db_parameter_group": {"parameter"},  # the stand-in keeps none
}
"""What a second plan may change: attributes by type, each with its reason. Nothing else."""
TAGS = {"Project": "gridflex", "Environment": "dev", "Owner": "test", "ManagedBy": "terraform"}
_LOCAL_STATE = 'terraform {\n  backend "local" {}\n}\n'
_ASKS_FOR_EVERYTHING = {"cloudwatch:PutMetricData"}
"""Actions that know no resource; a condition binds them."""


class Dev:
    """An environment and the stand-in that it is applied to."""

    def __init__(self, workspace: Workspace, folder: Path, env: dict[str, str]) -> None:
        self._workspace, self._folder, self._env = workspace, folder, env

    def terraform(self, *arguments: str) -> Done:
        done = self._workspace.terraform(self._folder, *arguments, env=self._env)
        assert done.returncode in {0, 2}, done.stdout[-3000:] + done.stderr[-6000:]
        return done

    def state(self) -> str:
        return (self._folder / "terraform.tfstate").read_text(encoding="utf-8")

    def resources(self) -> list[dict[str, Any]]:
        """Every instance of every managed resource: its values, and instead of its own ``type`` Terraform's."""
        return [
            {**instance["attributes"], "type": resource["type"], "address": _address(resource, instance)}
            for resource in json.loads(self.state())["resources"]
            if resource["mode"] == "managed"
            for instance in resource["instances"]
        ]

    def of(self, kind: str) -> list[dict[str, Any]]:
        found = [one for one in self.resources() if one["type"] == kind]
        assert found, f"there is no {kind}"
        return found

    def ask(self, what: str) -> dict[str, Any]:
        done = run(str(TOOLS / "python"), str(PROGRAMS / "ask_aws.py"), what, env=self._env)
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer


VTN = "https://vtn.example/openadr3/3.1.0"


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    """The stand-in's address; it ends with the tests."""
    if not (TOOLS / "moto_server").is_file():
        pytest.skip("no moto: run `make terraform-test`, which installs it")
    command = [str(TOOLS / "python"), str(PROGRAMS / "aws_stand_in.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.terminate()


@pytest.fixture(scope="module")
def env(aws: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    release = tmp_path_factory.mktemp("release")
    pack(release)
    return {
        "AWS_ENDPOINT_URL": aws,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "TF_VAR_owner": "test",
        "TF_VAR_operator_cidrs": '["10.8.0.0/16"]',
        "TF_VAR_alarm_emails": '["on-call@example.org"]',
        "TF_VAR_release_folder": str(release),
        "TF_VAR_openadr": json.dumps({"url": VTN, "client_id": "our-client"}),
    }


def environment(workspace: Workspace, name: str, env: dict[str, str]) -> Dev:
    folder = workspace.terraform_root / "envs" / name
    (folder / "backend_override.tf").write_text(_LOCAL_STATE, encoding="utf-8")
    workspace.init(folder)
    return Dev(workspace, folder, env)


@pytest.fixture(scope="module")
def dev(workspace: Workspace, env: dict[str, str]) -> Dev:
    """The environment, applied."""
    made = environment(workspace, "dev", env)
    made.terraform("apply", "-auto-approve", "-input=false")
    return made


def test_prod__can_be_planned(workspace: Workspace, env: dict[str, str]) -> None:
    done = environment(workspace, "prod", env).terraform("plan", "-input=false")
    assert " to add, 0 to change, 0 to destroy" in done.stdout


def test_config_ini__is_read_by_the_core(dev: Dev, tmp_path: Path) -> None:
    file = tmp_path / "config.ini"
    file.write_text(dev.terraform("output", "-raw", "config_ini").stdout, encoding="utf-8")
    config = load_config(file, {})
    assert [server.rpartition(":")[2] for server in config.kafka.bootstrap_servers.split(",")] == ["9096"] * 3
    assert (config.kafka.security_protocol, config.kafka.sasl_mechanism) == ("SASL_SSL", "SCRAM-SHA-512")
    assert config.kafka.replication_factor == 3
    assert config.druid.router_url == "https://druid.gridflex-dev.internal:9088"
    assert config.airflow.url == "https://airflow-web.gridflex-dev.internal"
    assert config.superset.url == "https://superset-web.gridflex-dev.internal"
    assert config.events.url == "https://events-web.gridflex-dev.internal"
    assert (config.openadr.url, config.openadr.client_id) == (VTN, "our-client")
    assert config.openadr.program == "gridflex-curtailment"
    users = {user.name: user.roles for user in parse_event_users(config.events.users)}
    assert (users["check"], users["supervisor"]) == (("viewer",), ("approver",))
    files = {config.druid.ca_file, config.airflow.ca_file, config.superset.ca_file, config.events.ca_file}
    assert files == {"/etc/gridflex/tls/ca.pem"}
    assert config.batch.exchange == "s3://gridflex-dev-druid-123456789012/exchange"


def test_state__holds_no_secret(dev: Dev) -> None:
    secrets = dev.ask("secrets")
    tokens = {name for name in secrets if "/events-token-" in name}
    assert len(tokens) == 5
    assert {name for name in secrets if name.startswith("AmazonMSK_")} == {
        f"AmazonMSK_gridflex-dev_{user}" for user in USERS
    }
    assert len(secrets) == len(tokens) + len(USERS) + 9
    passwords = [json.loads(secret)["password"] for secret in secrets.values()]
    assert len(set(passwords)) == len(passwords)
    assert all(len(password) == 40 for password in passwords)
    assert not [name for name, secret in secrets.items() if json.loads(secret)["password"] in dev.state()]


def test_outputs__are_what_config_ini_needs(dev: Dev) -> None:
    outputs = json.loads(dev.terraform("output", "-json").stdout)
    assert list(outputs) == ["config_ini"]
    assert not outputs["config_ini"]["sensitive"]


def test_everything__is_tagged(dev: Dev) -> None:
    taggable = [one for one in dev.resources() if "tags_all" in one]
    assert len(taggable) > 100
    assert not [one["address"] for one in taggable if not TAGS.items() <= (one["tags_all"] or {}).items()]
    roots = [one["root_block_device"][0] for one in dev.of("aws_instance")]
    assert all(TAGS.items() <= root["tags_all"].items() for root in roots)


def test_nothing__is_open_to_the_world(dev: Dev) -> None:
    blocks = [one["cidr_ipv4"] for one in dev.of("aws_vpc_security_group_ingress_rule") if one["cidr_ipv4"]]
    assert all(ipaddress.ip_network(block).is_private for block in blocks)
    assert not [one for one in dev.of("aws_vpc_security_group_ingress_rule") if one["cidr_ipv6"]]
    assert not [one["address"] for one in dev.of("aws_default_security_group") if one["ingress"]]
    nat_subnets = {one["id"] for one in dev.of("aws_subnet") if ".aws_subnet.nat[" in one["address"]}
    assert not [one["address"] for one in dev.of("aws_instance") if one["subnet_id"] in nat_subnets]
    assert all(one["internal"] for one in dev.of("aws_lb"))
    assert not any(one["publicly_accessible"] for one in dev.of("aws_db_instance"))


def test_disks_and_databases__are_encrypted_with_the_deployments_key(dev: Dev) -> None:
    (key,) = [one["arn"] for one in dev.of("aws_kms_key")]
    disks = [*dev.of("aws_ebs_volume"), *(one["root_block_device"][0] for one in dev.of("aws_instance"))]
    assert all(disk["encrypted"] and disk["kms_key_id"] == key for disk in disks)
    assert all(one["storage_encrypted"] and one["kms_key_id"] == key for one in dev.of("aws_db_instance"))
    assert {one["kms_key_id"] for one in dev.of("aws_secretsmanager_secret")} == {key}
    assert {one["kms_key_id"] for one in dev.of("aws_cloudwatch_log_group")} == {key}


def test_machines__ask_for_their_identity_by_session(dev: Dev) -> None:
    assert {one["metadata_options"][0]["http_tokens"] for one in dev.of("aws_instance")} == {"required"}


def test_policies__name_what_they_allow(dev: Dev) -> None:
    for one in dev.of("aws_iam_role_policy"):
        for statement in json.loads(one["policy"])["Statement"]:
            actions, resources = _listed(statement["Action"]), _listed(statement["Resource"])
            assert not [action for action in actions if action == "*" or action.endswith(":*")], one["address"]
            if "*" in resources:
                assert set(actions) <= _ASKS_FOR_EVERYTHING, one["address"]
                assert statement["Condition"], one["address"]


def test_secrets__are_read_by_their_owners_alone(dev: Dev) -> None:
    granted = {
        one["address"]: {
            arn
            for statement in json.loads(one["policy"])["Statement"]
            if "secretsmanager:GetSecretValue" in statement["Action"]
            for arn in _listed(statement["Resource"])
        }
        for one in dev.of("aws_iam_role_policy")
    }
    (replay,) = [arns for arns in granted.values() if any("_replay-" in arn for arn in arns)]
    assert len(replay) == 1
    for secret in ("AmazonMSK_gridflex-dev_events", "/events-token-", "/events-service", "/openadr-client"):
        (reader,) = [name for name, arns in granted.items() if any(secret in arn for arn in arns)]
        assert ".module.control.module.events." in reader


def test_second_plan__changes_nothing(dev: Dev) -> None:
    dev.terraform("plan", "-input=false", "-out=again.tfplan")
    changes = json.loads(dev.terraform("show", "-json", "again.tfplan").stdout)["resource_changes"]
    changed = [one for one in changes if one["change"]["actions"] not in (["no-op"], ["read"])]
    assert not {
        one["address"]: lost for one in changed if (lost := _drifted(one["change"]) - DRIFTS.get(one["type"], set()))
    }


def test_next_generation__makes_every_password_anew(dev: Dev) -> None:
    before = dev.ask("secrets")
    dev.terraform("apply", "-auto-approve", "-input=false", "-var=credentials_generation=2")
    after = dev.ask("secrets")
    assert before.keys() == after.keys()
    assert not [name for name in before if before[name] == after[name]]


def test_destroy__leaves_nothing(dev: Dev) -> None:
    dev.terraform("destroy", "-auto-approve", "-input=false", "-var=credentials_generation=2")
    assert json.loads(dev.state())["resources"] == []
    assert dev.ask("left") == {}


def _drifted(change: dict[str, Any]) -> set[str]:
    before, after = change["before"] or {}, change["after"] or {}
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


def _address(resource: dict[str, Any], instance: dict[str, Any]) -> str:
    return f"{resource.get('module', '')}.{resource['type']}.{resource['name']}[{instance.get('index_key', '')}]"


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
