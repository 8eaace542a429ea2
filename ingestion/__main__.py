"""Runs an ingestion command: ``python -m ingestion replay|generate|backfill ...``."""

from __future__ import annotations

import click

from gridflex.command_line import run
from ingestion.duty_cycles import duty_cycles
from ingestion.generator.backfill import backfill
from ingestion.generator.commands import generate
from ingestion.replay.commands import replay


@click.group()
def ingestion() -> None:
    """Send data sets to Kafka."""


ingestion.add_command(replay)
ingestion.add_command(duty_cycles)
ingestion.add_command(generate)
ingestion.add_command(backfill)

if __name__ == "__main__":
    run(ingestion)
