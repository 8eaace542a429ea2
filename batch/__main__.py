"""Runs one batch job: ``python -m batch NAME ...``."""

from __future__ import annotations

import click

from batch.commands import TASKS
from gridflex.command_line import run

BAKEOFF = "bakeoff"


class BatchGroup(click.Group):
    """The jobs, and the benchmark, which is imported once it is asked for: that takes longer than a job's start."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """See click."""
        return sorted([*self.commands, BAKEOFF])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """See click."""
        if cmd_name == BAKEOFF:
            from batch.benchmark.commands import bakeoff

            return bakeoff
        return super().get_command(ctx, cmd_name)


@click.group(cls=BatchGroup)
def batch() -> None:
    """Compute baselines, forecasts and their scores into Druid, and check its data."""


for _task in TASKS:
    batch.add_command(_task)

if __name__ == "__main__":
    run(batch)
