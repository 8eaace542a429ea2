"""The boot scripts, as they are and as Terraform fills them in. They cannot be run here: there is no AWS."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from gridflex.config import ROOT
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
