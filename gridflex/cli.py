"""Defines ``gridflex``, one command line for the whole platform.

The stages are started by their own command lines, never imported; what stands behind a name is one table.
"""

from __future__ import annotations

import json
import os
import sys

import click

from gridflex.adapters.druid.client import Druid
from gridflex.command_line import run
from gridflex.config import ROOT, load_config
from gridflex.curtailment.commands import curtail
from gridflex.curtailment.enrol_commands import enrol
from gridflex.openadr.commands import openadr
from gridflex.operations.cluster.commands import deploy
from gridflex.operations.dashboards.commands import dashboards
from gridflex.operations.feeds import feeds
from gridflex.operations.local.commands import down, logs, reset, status, up
from gridflex.operations.local.demo import demo
from gridflex.operations.local.recover import recover
from gridflex.printed_table import table

_STAGES = {
    "replay": ("ingestion", "Send the readings of a data set to Kafka, each exactly once."),
    "settle-history": ("batch", "Say what past events shed, by every baseline method, with an interval."),
    "bakeoff": ("batch", "Score every baseline method on a data set's days without an event."),
    "forecast-score": ("batch", "Score forecasts of a data set's last days, each from the time before it alone."),
    "batch": ("batch", "Batch jobs over Druid's rollup: baselines, scores, forecast, reconciliation, compaction."),
    "generate": ("ingestion", "Write a data set with known activations, in the layout of REDD or GREEND."),
    "backfill": ("ingestion", "Write the earlier days of generated houses straight into Druid, for baselines."),
    "duty-cycles": ("ingestion", "Find every activation in a data set, with the detector of the streaming job."),
}


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="gridflex")
def gridflex() -> None:
    """Real-time OLAP demand response: from appliance readings to verified megawatts."""


@gridflex.command()
@click.argument("query")
@click.option("--json", "as_json", is_flag=True, help="A JSON array of objects.")
def sql(query: str, as_json: bool) -> None:
    """Run a SQL query in Druid."""
    rows = Druid(load_config().druid).sql(query)
    if as_json:
        click.echo(json.dumps(rows))
        return
    click.echo(table(rows))


def _stage(name: str, module: str, summary: str) -> click.Command:
    settings = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}

    @click.command(name, context_settings=settings, help=summary, add_help_option=False)
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    def start(arguments: tuple[str, ...]) -> None:
        environment = os.environ | {"GRIDFLEX_PROG": "gridflex", "PYTHONPATH": str(ROOT)}
        words = arguments if name == module else (name, *arguments)
        os.execve(sys.executable, [sys.executable, "-m", module, *words], environment)  # noqa: S606

    return start


for _command in (up, status, logs, down, reset, recover, demo, curtail, enrol, openadr, dashboards, deploy, feeds):
    gridflex.add_command(_command)
for _name, (_module, _summary) in _STAGES.items():
    gridflex.add_command(_stage(_name, _module, _summary))


def main() -> None:
    """The entry point."""
    run(gridflex)
