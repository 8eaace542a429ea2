"""The command line of the batch jobs."""

from __future__ import annotations

import subprocess
import sys

import click
from click.testing import CliRunner

from batch.__main__ import batch


def test_job__starts_without_the_benchmarks_modules() -> None:
    program = (
        "import sys; from batch.__main__ import batch; batch(['quality', '--help'], standalone_mode=False)\n"
        "print([name for name in sys.modules if name.startswith(('batch.benchmark', 'pandas'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_bakeoff__is_listed_and_found_beside_the_jobs() -> None:
    listed = CliRunner().invoke(batch, ["--help"]).output
    assert "\n  bakeoff " in listed
    assert "\n  quality " in listed
    assert batch.get_command(click.Context(batch), "bakeoff") is not None
    assert CliRunner().invoke(batch, ["bakeof"]).exit_code == 2
