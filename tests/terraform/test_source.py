"""The files themselves: format, validity, lint, and that every variable says what it takes."""

from __future__ import annotations

import re

import pytest

from gridflex.config import ROOT
from tests.support.terraform.toolbox import Workspace, run

TERRAFORM = ROOT / "infra" / "terraform"
_MODULES = sorted(path.name for path in (TERRAFORM / "modules").iterdir())
_VARIABLE = re.compile(r'^variable "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)
_OUTPUT = re.compile(r'^output "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)
_LARGEST_FILE = 250


def test_files__are_formatted(workspace: Workspace) -> None:
    done = workspace.terraform(workspace.terraform_root, "fmt", "-check", "-recursive", "-diff")
    assert done.returncode == 0, done.stdout


def test_platform__is_valid_with_every_module_in_it(workspace: Workspace) -> None:
    _assert_valid(workspace, "platform")


@pytest.mark.sampled(1)
@pytest.mark.parametrize("name", [name for name in _MODULES if name not in {"secret", "platform"}])
def test_module__is_valid_by_itself(workspace: Workspace, name: str) -> None:
    _assert_valid(workspace, name)


def _assert_valid(workspace: Workspace, name: str) -> None:
    done = workspace.terraform(workspace.terraform_root / "modules" / name, "validate")
    assert done.returncode == 0, done.stdout + done.stderr


def test_files__have_no_lint(workspace: Workspace, tflint: str) -> None:
    rules = workspace.terraform_root / ".tflint.hcl"
    done = run(tflint, "--recursive", f"--config={rules}", "--format=compact", cwd=workspace.terraform_root)
    assert done.returncode == 0, done.stdout + done.stderr


def test_variables__are_typed_described_and_validated() -> None:
    lacking = [
        f"{path.relative_to(TERRAFORM)}: {name}: no {part.strip(' =')}"
        for path in sorted(TERRAFORM.rglob("*.tf"))
        for name, body in _VARIABLE.findall(path.read_text(encoding="utf-8"))
        for part in ("type ", "description ", "validation {", "error_message")
        if not re.search(rf"^ +{re.escape(part)}", body, re.MULTILINE)
    ]
    assert not lacking


def test_outputs__are_described() -> None:
    found = [
        (path, name, body)
        for path in sorted(TERRAFORM.rglob("*.tf"))
        for name, body in _OUTPUT.findall(path.read_text(encoding="utf-8"))
    ]
    assert found
    assert not [f"{path}: {name}" for path, name, body in found if "description" not in body]


def test_files__are_small() -> None:
    long = {str(path): len(path.read_text().splitlines()) for path in TERRAFORM.rglob("*.tf")}
    assert not {path: lines for path, lines in long.items() if lines > _LARGEST_FILE}
