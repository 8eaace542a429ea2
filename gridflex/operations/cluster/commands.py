"""``gridflex deploy``: what the machines of a cluster need to be told. Its boot scripts call these commands."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

import click
import psutil

from gridflex.adapters.druid.client import Druid
from gridflex.adapters.druid.specs import supervisor_specs
from gridflex.adapters.druid.supervisors import submit_changed
from gridflex.adapters.druid.tables import EmptyTables
from gridflex.adapters.kafka.access import grants
from gridflex.adapters.kafka.feed_topics import topic_arguments
from gridflex.config import ROOT, load_config
from gridflex.operations.checks.command import check
from gridflex.operations.cluster.description import Machine, read_cluster
from gridflex.operations.cluster.druid_files import health_checks
from gridflex.operations.cluster.druid_users import make_druid_users
from gridflex.operations.cluster.machine_files import ALL_ROLES, machine_files, parse_replays, service_folders
from gridflex.operations.cluster.metrics import druid_metrics, events_metrics, stream_metrics
from gridflex.operations.cluster.pack import pack

_DATA_SETS = Path("/var/lib/gridflex/data-sets")


@click.group()
def deploy() -> None:
    """Releases, and the files of a cluster's machines. infra/terraform creates the machines."""


deploy.add_command(check)


@deploy.command("pack")
@click.option("--out", type=click.Path(path_type=Path), default=ROOT / "build" / "dist", help="Default: build/dist.")
def pack_command(out: Path) -> None:
    """Write the release that Terraform uploads: the project's zip, and that of Spark's connectors."""
    for path in pack(out):
        click.echo(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


@deploy.command()
@click.argument("role", type=click.Choice(ALL_ROLES))
@click.option("--hostname", required=True, help="This machine's name in the private zone.")
@click.option("--cluster", envvar="GRIDFLEX_DRUID_CLUSTER", help="Druid's cluster, as JSON.")
@click.option("--replays", envvar="GRIDFLEX_REPLAYS", default="", help="NAME:redd|greend:A:B, with spaces between.")
@click.option("--root", type=click.Path(path_type=Path), default=Path("/"), help="Write below this folder.")
def render(role: str, hostname: str, cluster: str | None, replays: str, root: Path) -> None:
    """Write the settings and systemd units of a machine with that role, and print the units' names."""
    config = load_config()
    machine = _this_machine(hostname)
    read = read_cluster(cluster) if cluster else None
    files = machine_files(role, config, machine, read, parse_replays(replays, _DATA_SETS))
    for folder in service_folders(role, config):
        _below(root, folder).mkdir(parents=True, exist_ok=True)
    for path, text in files.items():
        target = _below(root, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    for path in files:
        if path.suffix == ".service":
            click.echo(path.name)


@deploy.command()
@click.argument("role", type=click.Choice(ALL_ROLES))
@click.option("--hostname", required=True, help="This machine's name in the private zone.")
def health(role: str, hostname: str) -> None:
    """Print what to ask a machine's Druid services, a line each: address, what the answer contains, what to post."""
    for asked in health_checks(role, _this_machine(hostname)):
        click.echo("\t".join((str(asked["url"]), str(asked["contains"]), asked["body"] or "")))


@deploy.command("kafka-access")
@click.argument("what", type=click.Choice(("topics", "acls")))
def kafka_access(what: str) -> None:
    """Print the arguments of kafka-topics.sh or kafka-acls.sh, a line for each call."""
    kafka = load_config().kafka
    calls = topic_arguments(kafka) if what == "topics" else [grant.arguments() for grant in grants(kafka)]
    for words in calls:
        click.echo(shlex.join(words))


@deploy.command("druid-users")
def druid_users() -> None:
    """Make Druid's users; passwords come from the environment, GRIDFLEX_DRUID_<USER>_PASSWORD."""
    click.echo(f"users: {', '.join(make_druid_users(load_config().druid, os.environ))}")


@deploy.command()
def supervisors() -> None:
    """Submit Druid's supervisors that are missing or differ, resume suspended ones, and create missing tables."""
    config = load_config()
    for name, outcome in submit_changed(Druid(config.druid), supervisor_specs(config)).items():
        click.echo(f"supervisor {name}: {outcome}")
    click.echo(f"tables: {EmptyTables(config).advance() or 'all there'}")


@deploy.command()
@click.argument("what", type=click.Choice(("druid", "stream", "events")))
def metrics(what: str) -> None:
    """Print metrics as `aws cloudwatch put-metric-data --metric-data` takes them."""
    config = load_config()
    measured = {
        "druid": lambda: druid_metrics(config),
        "stream": lambda: stream_metrics(config.state_dir / "spark" / "status.json"),
        "events": lambda: events_metrics(config),
    }
    click.echo(json.dumps(measured[what]()))


def _this_machine(hostname: str) -> Machine:
    memory_mb, disk_mb = psutil.virtual_memory().total >> 20, psutil.disk_usage("/").total >> 20
    return Machine(hostname=hostname, memory_mb=memory_mb, cores=psutil.cpu_count() or 1, disk_mb=disk_mb)


def _below(root: Path, path: Path) -> Path:
    return root / path.relative_to("/")
