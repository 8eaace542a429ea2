"""``python -m gridflex.operations.local``: the launcher's commands alone."""

from __future__ import annotations

import click

from gridflex.command_line import run
from gridflex.operations.local.commands import down, logs, reset, status, up
from gridflex.operations.local.recover import recover


@click.group(commands=[up, status, logs, down, reset, recover])
def launcher() -> None:
    """Run the local stack: Kafka, ZooKeeper, Druid and the Spark job."""


if __name__ == "__main__":
    run(launcher)
