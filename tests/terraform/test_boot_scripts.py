"""The boot scripts, as they are and as Terraform fills them in. They cannot be run here: there is no AWS."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from gridflex.config import ROOT, load_config
from gridflex.operations.cluster.machine_files import ALL_ROLES
from tests.support.terraform.toolbox import Workspace, run

BOOT = ROOT / "infra" / "terraform" / "boot"
_SCRIPTS = sorted(path.name for path in BOOT.glob("*.sh"))
_USER_DATA = {
    "artifacts": "gridflex-test-artifacts",
    "role": "druid-query",
    "node": "druid-query-1",
    "hostname": "druid-query-1.gridflex-test.internal",
    "data_volume": True,
    "region": "eu-west-1",
}


@pytest.mark.parametrize("name", _SCRIPTS)
def test_script__is_clean(shellcheck: str, name: str) -> None:
    done = run(shellcheck, "-x", "--severity=style", f"infra/terraform/boot/{name}")
    assert done.returncode == 0, done.stdout


def test_user_data__is_clean_once_filled_in(workspace: Workspace, shellcheck: str, tmp_path: Path) -> None:
    template = workspace.terraform_root / "modules" / "node_group" / "user_data.sh.tftpl"
    (tmp_path / "main.tf").write_text(
        f'output "text" {{ value = templatefile("{template}", jsondecode({json.dumps(json.dumps(_USER_DATA))})) }}\n'
    )
    assert workspace.terraform(tmp_path, "init").returncode == 0
    assert workspace.terraform(tmp_path, "apply", "-auto-approve").returncode == 0
    filled = tmp_path / "user_data.sh"
    filled.write_text(workspace.terraform(tmp_path, "output", "-raw", "text").stdout)
    done = run(shellcheck, "--exclude=SC1091", str(filled))
    assert done.returncode == 0, done.stdout
    assert "GRIDFLEX_NODE='druid-query-1'" in filled.read_text()


def test_openadr_section__is_read_by_the_core(workspace: Workspace, tmp_path: Path) -> None:
    template = workspace.terraform_root / "modules" / "platform" / "openadr.ini.tftpl"
    values = {
        "url": "https://vtn.example/openadr3/3.1.0",
        "token_url": "",
        "client_id": "our-client",
        "program": "shed",
    }
    (tmp_path / "main.tf").write_text(
        f'output "text" {{ value = templatefile("{template}", jsondecode({json.dumps(json.dumps(values))})) }}\n'
    )
    assert workspace.terraform(tmp_path, "init").returncode == 0
    assert workspace.terraform(tmp_path, "apply", "-auto-approve").returncode == 0
    file = tmp_path / "config.ini"
    file.write_text(workspace.terraform(tmp_path, "output", "-raw", "text").stdout)
    found = load_config(file, {}).openadr
    assert {name: getattr(found, name) for name in values} == values


VTN_ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:openadr"


@pytest.mark.skipif(shutil.which("jq") is None, reason="no jq, with which machines read secrets")
@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ('{"password": "s3cret"}', ""),
        ('{"username": "x"}', f"openadr=off reason=no password in {VTN_ARN}"),
        ("", f"openadr=off reason=no password in {VTN_ARN}"),
        (json.dumps({"password": 's3cret"\nLD_PRELOAD="x'}), f"openadr=off reason=signs in {VTN_ARN}"),
    ],
)
def test_secret_of_a_vtn__is_kept_if_it_is_there_and_its_lack_stops_nothing(
    tmp_path: Path, answer: str, told: str
) -> None:
    """The function itself, by bash, with a program in place of the AWS command line."""
    (tmp_path / "answer").write_text(answer)
    program = tmp_path / "aws"
    program.write_text(f"#!/bin/sh\n[ -s '{tmp_path}/answer' ] || exit 254\ncat '{tmp_path}/answer'\n")
    program.chmod(0o755)
    (tmp_path / "lib.sh").write_text((BOOT / "lib.sh").read_text().replace("/run/gridflex", str(tmp_path)))
    script = f"set -euo pipefail; . {tmp_path}/lib.sh; begin_secrets; put_openadr_secret; echo goes on"
    environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "GRIDFLEX_OPENADR_SECRET": VTN_ARN}
    done = run("bash", "-c", script, env=environ)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("goes on\n")
    assert told in done.stdout
    assert "s3cret" not in done.stdout + done.stderr
    assert (tmp_path / "secrets.env.new").read_text() == ("" if told else 'GRIDFLEX_OPENADR_CLIENT_SECRET="s3cret"\n')


def test_programs__may_be_run() -> None:
    programs = [BOOT / name for name in _SCRIPTS if (BOOT / name).read_text().startswith("#!")]
    assert programs
    assert not [path.name for path in programs if not os.access(path, os.X_OK)]


def test_every_role__has_a_script() -> None:
    for role in ALL_ROLES:
        name = "spark.sh" if role == "spark" else f"role-{role.partition('-')[0]}.sh"
        assert (BOOT / name).is_file(), role


def test_every_script__stops_at_the_first_error() -> None:
    for name in _SCRIPTS:
        text = (BOOT / name).read_text()
        assert "set -euo pipefail" in text or text.startswith("# shellcheck shell=bash"), name


def test_settings_that_scripts_read__are_set_by_terraform_or_by_a_script() -> None:
    terraform = "\n".join(path.read_text() for path in (ROOT / "infra" / "terraform" / "modules").rglob("*.tf*"))
    scripts = "\n".join((BOOT / name).read_text() for name in _SCRIPTS)
    read = set(re.findall(r"\$\{?(GRIDFLEX_\w+)", scripts))
    made = set(re.findall(r"\b(GRIDFLEX_\w+)\s*=", terraform)) | set(re.findall(r"\b(GRIDFLEX_\w+)=", scripts))
    assert read
    assert read - made == set()


def test_no_secret__is_in_a_program_argument() -> None:
    scripts = "\n".join((BOOT / name).read_text() for name in _SCRIPTS)
    assert not re.findall(r"--user[ =]|-u +\S+:|--password", scripts)


def test_streaming_job__is_not_given_up_for_executors_lost_over_months() -> None:
    text = (BOOT / "spark.sh").read_text()
    assert re.search(r"^spark\.executor\.failuresValidityInterval \d+[mh]$", text, re.MULTILINE)
