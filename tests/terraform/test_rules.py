"""The rules that each module keeps, by ``terraform test`` with a mocked provider; each fails when it is broken."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from gridflex.config import ROOT
from tests.support.terraform.breakages import BREAKAGES, Breakage
from tests.support.terraform.toolbox import Workspace

_RULES = {path.parts[-3]: path for path in (ROOT / "infra" / "terraform" / "modules").glob("*/tests/rules.tftest.hcl")}


@pytest.mark.sampled(2)
@pytest.mark.parametrize("module", sorted(_RULES))
def test_module__keeps_its_rules(workspace: Workspace, module: str) -> None:
    done = workspace.terraform(workspace.terraform_root / "modules" / module, "test")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("breakage", BREAKAGES, ids=str)
def test_rule__fails_when_it_is_broken(workspace: Workspace, breakage: Breakage) -> None:
    module = workspace.terraform_root / "modules" / breakage.module
    broken = module.with_name(f"{module.name}-broken")
    shutil.copytree(module, broken, symlinks=True)
    try:
        file = broken / breakage.file
        file.write_text(_broken(file, breakage), encoding="utf-8")
        done = workspace.terraform(broken, "test")
    finally:
        shutil.rmtree(broken)
    assert _failed(breakage.module, done.stdout + done.stderr) == {breakage.rule}, done.stdout + done.stderr


def test_every_rule__has_a_breakage() -> None:
    rules = {(module, rule) for module, path in _RULES.items() for rule in _rules(path.read_text(encoding="utf-8"))}
    assert rules == {(breakage.module, breakage.rule) for breakage in BREAKAGES}


def _rules(text: str) -> set[str]:
    """What each assertion says, and the names of runs that expect a refusal."""
    refusals = re.findall(r'^run "(\w+)" \{(?:(?!^\}).)*?expect_failures', text, re.MULTILINE | re.DOTALL)
    return {*re.findall(r'error_message += "(.*)"', text), *refusals}


def _failed(module: str, told: str) -> set[str]:
    on_one_line = " ".join(told.split())
    return {
        rule
        for rule in _rules(_RULES[module].read_text(encoding="utf-8"))
        if (f'run "{rule}"... fail' if re.fullmatch(r"\w+", rule) else rule) in on_one_line
    }


def _broken(file: Path, breakage: Breakage) -> str:
    text = file.read_text(encoding="utf-8")
    assert breakage.old in text, f"{file.name} no longer says {breakage.old!r}: bring the breakage up to date"
    return text.replace(breakage.old, breakage.new, 1)
