"""Defines ``gridflex deploy check``, which prints a line for each check of the platform."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from gridflex.config import Config, load_config
from gridflex.operations.checks.canary_path import CanaryChecks
from gridflex.operations.checks.druid import druid_checks
from gridflex.operations.checks.events import events_checks
from gridflex.operations.checks.kafka import kafka_checks
from gridflex.operations.checks.runner import Check, Finding, run_checks
from gridflex.operations.checks.web import web_checks


@click.command()
@click.option("--config", "path", type=click.Path(path_type=Path, dir_okay=False), help="Default: config.ini.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--timeout-s", default=60.0, show_default=True, type=click.FloatRange(min=1), help="For each check.")
@click.option(
    "--canary/--no-canary", default=True, show_default=True, help="Send a few test readings, which no result includes."
)
def check(path: Path | None, as_json: bool, timeout_s: float, canary: bool) -> None:
    """Check whether the platform works: services, sign-in, topics, supervisors, and a test reading from end to end.

    Works on a cluster, from a machine that reaches it, as on this machine's own stack. Users and passwords come from
    the environment (docs/security.md). Exit code 1 if a check failed.
    """
    logging.getLogger("gridflex").setLevel(logging.ERROR)
    config = load_config(path)
    checks = all_checks(config, timeout_s, canary=canary)
    found = []
    for finding in run_checks(checks, timeout_s):
        found.append(finding)
        if not as_json:
            click.echo(line(finding))
    failed = [finding.name for finding in found if finding.state == "failed"]
    if as_json:
        click.echo(json.dumps({"ok": not failed, "checks": [asdict(finding) for finding in found]}))
    else:
        click.echo(_summary(found, failed))
    sys.stdout.flush()
    if failed:
        raise click.exceptions.Exit(1)


def all_checks(config: Config, timeout_s: float, *, canary: bool) -> list[Check]:
    """Every check, in order."""
    legs = CanaryChecks(config, timeout_s).checks() if canary else []
    services = [*druid_checks(config), *web_checks(config), *events_checks(config, timeout_s)]
    return [*kafka_checks(config.kafka), *services, *legs]


def line(finding: Finding) -> str:
    """A finding for people.

    >>> line(Finding(name="kafka", state="failed", detail="nobody answers", remedy="start it"))
    'failed   kafka                  nobody answers; do: start it'
    """
    told = f"{finding.state:<8} {finding.name:<22} {finding.detail}"
    return f"{told}; do: {finding.remedy}" if finding.remedy else told


def _summary(found: Sequence[Finding], failed: Sequence[str]) -> str:
    skipped = sum(finding.state == "skipped" for finding in found)
    told = f"check: {len(found) - len(failed) - skipped} ok, {len(failed)} failed, {skipped} skipped"
    return f"{told}: {', '.join(failed)}" if failed else told
