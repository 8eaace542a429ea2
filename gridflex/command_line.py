"""Runs the entry points of gridflex: logging set up once, errors as one clear message, exit codes 0, 1, 2."""

from __future__ import annotations

import logging
import os
import sys

import click

from gridflex.errors import ConfigError, GridflexError, UsageError


def run(command: click.Command) -> None:
    """Run a click command and exit: 0 done, 1 failed, 2 wrong usage."""
    level = os.environ.get("GRIDFLEX_LOG_LEVEL", "").strip().upper() or "INFO"
    if level not in logging.getLevelNamesMapping():
        allowed = ", ".join(sorted(logging.getLevelNamesMapping()))
        click.echo(f"error: GRIDFLEX_LOG_LEVEL: found {level!r}; allowed: {allowed}", err=True)
        sys.exit(2)
    logging.basicConfig(
        level=level,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
        stream=sys.stderr,
    )
    if level != "DEBUG":
        # It warns of each attempt to connect; the error that follows when none succeeds says it once.
        logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    try:
        command.main(prog_name=os.environ.get("GRIDFLEX_PROG"), standalone_mode=True)
    except (UsageError, ConfigError) as problem:
        click.echo(f"error: {problem}", err=True)
        sys.exit(2)
    except GridflexError as problem:
        click.echo(f"error: {problem}", err=True)
        sys.exit(1)
    except OSError as problem:
        # A disk that is full, a folder that may not be read: the system's own words say what it is about.
        logging.getLogger(__name__).debug("failed", exc_info=True)
        told = f"{problem.filename}: {problem.strerror}" if problem.filename else " ".join(str(problem).split())
        click.echo(f"error: {told}", err=True)
        sys.exit(1)
