"""Runs one batch job: ``python -m batch NAME ...``."""

from __future__ import annotations

import importlib

import click

from batch.commands import TASKS
from gridflex.command_line import run

BENCHMARK = {
    "bakeoff": ("batch.benchmark.commands", "bakeoff"),
    "forecast-score": ("batch.forecast_commands", "forecast_score_command"),
    "settle-history": ("batch.benchmark.settle_commands", "settle_history"),
}
"""Commands that work on files: name -> module and command."""


class BatchGroup(click.Group):
    """The jobs, and what works on files, imported once it is asked for: that takes longer than a job's start."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """See click."""
        return sorted([*self.commands, *BENCHMARK])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """See click."""
        if cmd_name in BENCHMARK:
            module, name = BENCHMARK[cmd_name]
            command: click.Command = getattr(importlib.import_module(module), name)
            return command
        return super().get_command(ctx, cmd_name)


@click.group(cls=BatchGroup)
def batch() -> None:
    """Compute baselines, forecasts and their scores into Druid, and check its data."""


for _task in TASKS:
    batch.add_command(_task)

if __name__ == "__main__":
    run(batch)
