"""The programs of `make terraform-test`: where they are, and how a copy of ``infra`` is worked on with them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gridflex.config import ROOT

TOOLS = ROOT / ".venv-terraform" / "bin"
"""checkov, moto's server and shellcheck, in an environment of their own: they want other pins than the core."""
_PROVIDER = Path("registry.terraform.io") / "hashicorp" / "aws"
_MIRRORS = ("~/.terraform.d/plugins", "/usr/local/share/terraform/plugins", "/usr/share/terraform/plugins")
_TIMEOUT_S = 600


def tool(name: str) -> str | None:
    """Path of a program: of the tools' environment, else on PATH, else of Go's own folder."""
    own = TOOLS / name
    go = Path.home() / "go" / "bin" / name
    return str(own) if own.is_file() else shutil.which(name) or (str(go) if go.is_file() else None)


def provider_folder() -> Path | None:
    """A folder that holds the AWS provider, for machines that do not reach Terraform's registry."""
    named = os.environ.get("GRIDFLEX_TERRAFORM_PLUGINS")
    places = [Path(named)] if named else [*(Path(one).expanduser() for one in _MIRRORS), *Path("/opt").glob("*")]
    return next((place for place in places if (place / _PROVIDER).is_dir()), None)


@cache
def lacking() -> str | None:
    """Why nothing can be tested; nothing if terraform and its provider are there."""
    if tool("terraform") is None:
        return "no `terraform` on PATH; install 1.11 or later"
    if provider_folder() is None and os.environ.get("CI"):
        return f"no folder with {_PROVIDER}; name one by GRIDFLEX_TERRAFORM_PLUGINS"
    return None


def not_at_hand() -> str | None:
    """Why nothing can be tested without a download; nothing if terraform and its provider are on this machine."""
    if lacking() is None and provider_folder() is None:
        return f"no folder with {_PROVIDER}; name one by GRIDFLEX_TERRAFORM_PLUGINS"
    return lacking()


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A copy of ``infra``, so that neither state nor plugins get into the checkout."""

    infra: Path

    @property
    def terraform_root(self) -> Path:
        """Where modules and environments stand."""
        return self.infra / "terraform"

    def modules(self) -> list[Path]:
        """Every module."""
        return sorted((self.terraform_root / "modules").iterdir())

    def init(self, folder: Path) -> None:
        """Prepare a folder; fails with what terraform says."""
        mirror = provider_folder()
        done = self.terraform(folder, "init", "-input=false", *([f"-plugin-dir={mirror}"] if mirror else []))
        assert done.returncode == 0, done.stdout + done.stderr

    def terraform(self, folder: Path, *arguments: str, env: Mapping[str, str] | None = None) -> Done:
        """Run terraform in a folder."""
        return run(str(tool("terraform")), *arguments, cwd=folder, env=env)


Done = subprocess.CompletedProcess[str]


def run(*command: str, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> Done:
    """Run a program to its end, without colours."""
    quiet = {"TF_IN_AUTOMATION": "1", "TF_CLI_ARGS": "-no-color", "NO_COLOR": "1", "CHECKPOINT_DISABLE": "1"}
    if not Path(os.environ.get("TF_CLI_CONFIG_FILE", "/")).exists():
        quiet["TF_CLI_CONFIG_FILE"] = os.devnull
    return subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **quiet, **(env or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=_TIMEOUT_S,
    )


def copy_infra(target: Path) -> Workspace:
    """Copy ``infra`` without what earlier runs left, and the registry of feeds, which it reads."""
    left = shutil.ignore_patterns(".terraform", "*.tfstate*", "*.tfplan", "*.tfvars")
    rows = Path("gridflex", "contracts", "feeds.json")
    (target / rows).parent.mkdir(parents=True)
    shutil.copy(ROOT / rows, target / rows)
    return Workspace(infra=Path(shutil.copytree(ROOT / "infra", target / "infra", ignore=left)))


if __name__ == "__main__":
    sys.exit(not_at_hand())
