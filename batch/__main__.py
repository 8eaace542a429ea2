"""``python -m batch NAME ...``."""

from __future__ import annotations

import click

from batch.commands import bakeoff
from gridflex.adapters.command_line import run


@click.group()
def batch() -> None:
    """Baselines and their scores."""


batch.add_command(bakeoff)

if __name__ == "__main__":
    run(batch)
