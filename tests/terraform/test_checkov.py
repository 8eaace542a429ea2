"""Checkov over everything; each exception stands beside what it excuses, or in ``.checkov.yaml``, with its reason."""

from __future__ import annotations

import json
import re

from gridflex.config import ROOT
from tests.support.terraform.toolbox import Workspace, run

TERRAFORM = ROOT / "infra" / "terraform"


def test_checkov__finds_nothing(workspace: Workspace, checkov: str) -> None:
    rules = workspace.terraform_root / ".checkov.yaml"
    done = run(checkov, "--directory", "envs", "--config-file", str(rules), cwd=workspace.terraform_root)
    told = json.loads(done.stdout)
    failed = {f"{one['check_id']} {one['resource']}: {one['check_name']}" for one in told["results"]["failed_checks"]}
    assert not failed
    assert told["summary"]["passed"] > 400
    assert told["summary"]["parsing_errors"] == 0


def test_exceptions__give_their_reason() -> None:
    found = [
        (path, line)
        for path in (*TERRAFORM.rglob("*.tf"), TERRAFORM / ".checkov.yaml")
        for line in path.read_text(encoding="utf-8").splitlines()
        if "CKV" in line
    ]
    assert found
    assert not [f"{path}: {line}" for path, line in found if not re.search(r"CKV\w*_\d+( #|:).{20,}", line)]
