"""Every test here works on one copy of ``infra``; without terraform or its provider they are skipped, and told why."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.terraform.toolbox import Workspace, copy_infra, lacking, tool


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without terraform or its provider one test stays, to say so in one line."""
    reason = lacking()
    ours = [item for item in items if item.path.is_relative_to(Path(__file__).parent)]
    if reason and ours:
        ours[0].add_marker(pytest.mark.skip(reason=f"make terraform-test: {reason}"))
        config.hook.pytest_deselected(items=ours[1:])
        items[:] = [item for item in items if item not in ours[1:]]


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A copy of ``infra`` whose modules are ready to use."""
    copy = copy_infra(tmp_path_factory.mktemp("terraform"))
    for module in copy.modules():
        if module.name != "secret":  # gives a value that only another module may take
            copy.init(module)
    return copy


@pytest.fixture(scope="session")
def checkov() -> str:
    """The program; skips without it."""
    return _program("checkov", "run `make terraform-test`, which installs it")


@pytest.fixture(scope="session")
def shellcheck() -> str:
    """The program; skips without it."""
    return _program("shellcheck", "run `make terraform-test`, which installs it")


@pytest.fixture(scope="session")
def tflint() -> str:
    """The program; skips without it."""
    return _program("tflint", "go install github.com/terraform-linters/tflint@v0.64.0")


def _program(name: str, remedy: str) -> str:
    found = tool(name)
    if found is None:
        pytest.skip(f"no {name}: {remedy}")
    return found
