"""``make bench``: every hot path against a peer, on real servers of its own. Exits with 1 if a bound does not hold."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from benchmarks import (
    baseline_bench,
    dashboard_bench,
    druid_bench,
    flexibility_bench,
    freshness_bench,
    opening_bench,
    planner_bench,
    replay_bench,
    spark_bench,
)
from benchmarks.measure import Figure, errors_to, gridflex, gridflex_json
from benchmarks.spark_readings import create
from gridflex.config import ROOT, Config, load_config
from gridflex.operations.local.stack import Stack
from tests.support.stack import free_ports, leftovers, stack_environ
from tests.support.topics import read_messages

_NAMES = ("baselines", "planner", "replay", "spark", "druid", "flexibility", "freshness", "dashboards", "opening")
_HOUSES, _DAYS = 4, 1
_USERS = "admin:admin, operator:operator, researcher:researcher, region:regional:Sousse"
_MEMORY_MB = 8_000


@click.command()
@click.option(
    "--only", type=click.Choice(_NAMES), multiple=True, help="Run only this benchmark; may be given several times."
)
def bench(only: tuple[str, ...]) -> None:
    """Measure, print figures and ratios; medians of three runs."""
    wanted = set(only or _NAMES)
    with tempfile.TemporaryDirectory(prefix="gridflex-bench-") as folder:
        environ = stack_environ(
            Path(folder) / "stack",
            launcher_start_timeout_s=300,
            superset_port=free_ports(1)[0],
            superset_users=_USERS,
        )
        os.environ.update(environ)
        figures = list(_all(load_config(), environ, Path(folder), wanted))
    click.echo("\nFigures, medians; ratios are of the same minutes\n")
    for figure in figures:
        click.echo(figure.line())
    sys.exit(0 if all(figure.holds for figure in figures) else 1)


def _all(config: Config, environ: dict[str, str], folder: Path, wanted: set[str]) -> Iterator[Figure]:
    if "baselines" in wanted:
        yield from _told("baselines", baseline_bench.baseline_figures)
    if "planner" in wanted:
        yield from _told("planner", planner_bench.planner_figures)
    if wanted <= {"baselines", "planner"}:
        return
    stack = Stack(config, click.echo)
    data = folder / "houses"
    try:
        stack.up(["kafka"])
        if wanted & {"replay", "druid", "freshness"}:
            made = gridflex_json(["generate", "redd", "--out", str(data), "--houses", str(_HOUSES),
                                  "--days", str(_DAYS), "--seed", "3"])  # fmt: skip
        if "replay" in wanted:
            create(config.kafka, replay_bench.PEER_TOPIC)
            yield from _told("replay", lambda: replay_bench.run(config, data, _value_bytes(config, data)))
        if "spark" in wanted:
            with errors_to(folder / "spark.log"):
                yield from _told("spark", lambda: spark_bench.run(config))
        if "druid" in wanted:
            yield from _told("druid", lambda: _druid(stack, data))
        if "freshness" in wanted:
            stack.reset()
            stack.up()
            rate = made["readings"] / (_DAYS * 86_400)
            yield from _told("freshness", lambda: freshness_bench.run(config, os.environ | environ, data, rate))
            total = sum(service.rss_mb for service in stack.status())
            yield Figure(name="memory of the whole stack", value=total, unit="MB", at_most=_MEMORY_MB)
        yield from _questions(stack, wanted)
    finally:
        stack.down()
    assert leftovers(stack) == []


def _questions(stack: Stack, wanted: set[str]) -> Iterator[Figure]:
    """What people wait for: flexibility, charts, dashboards."""
    if "flexibility" in wanted:
        stack.reset()
        stack.up(["kafka", "druid"])
        yield from _told("flexibility", lambda: flexibility_bench.run(stack.config))
    if "dashboards" in wanted:
        stack.reset()
        stack.up(["superset"])
        yield from _told("dashboards", lambda: dashboard_bench.run(stack.config))
    if "opening" in wanted:
        stack.reset()
        subprocess.run([gridflex(), "demo", "--houses", "6"], cwd=ROOT, check=True)
        yield from _told("opening", lambda: opening_bench.run(stack.config))


def _told(name: str, measure: Callable[[], list[Figure]]) -> list[Figure]:
    started = time.monotonic()
    figures = measure()
    click.echo(f"{name}: measured, {time.monotonic() - started:.0f} s")
    for figure in figures:
        click.echo("  " + figure.line())
    return figures


def _druid(stack: Stack, data: Path) -> list[Figure]:
    """A topic of one replay and nothing else."""
    stack.reset()
    stack.up(["kafka", "druid"])
    done = gridflex_json(["replay", "redd", "--path", str(data), "--replay-id", "bench-druid"])
    total = len(read_messages(stack.config.kafka.bootstrap_servers, stack.config.kafka.topic_readings))
    click.echo(f"druid: {done['delivered']:,} of {total:,} messages are of this replay")
    return druid_bench.run(stack.config, total)


def _value_bytes(config: Config, data: Path) -> int:
    """The mean size of a reading's value, of one replay."""
    gridflex_json(["replay", "redd", "--path", str(data), "--replay-id", "bench-size"])
    messages = read_messages(config.kafka.bootstrap_servers, config.kafka.topic_readings)
    return round(sum(len(message.value()) for message in messages) / len(messages))


if __name__ == "__main__":
    bench()
