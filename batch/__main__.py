"""Runs one batch job: ``python -m batch NAME ...``."""

from __future__ import annotations

import click

from batch.benchmark.commands import bakeoff
from batch.commands import TASKS
from gridflex.command_line import run


@click.group()
def batch() -> None:
    """Compute baselines, forecasts and their scores into Druid, and check its data."""


batch.add_command(bakeoff)
for _task in TASKS:
    batch.add_command(_task)

if __name__ == "__main__":
    run(batch)
