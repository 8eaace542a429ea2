"""Defines ``gridflex dashboards``: apply, validate, export, screenshots."""

from __future__ import annotations

import time
from pathlib import Path

import click

from gridflex.adapters.superset.users import superset_url
from gridflex.config import ROOT, load_config
from gridflex.errors import SourceError
from gridflex.operations.dashboards.apply import apply
from gridflex.operations.dashboards.assets import load_assets
from gridflex.operations.dashboards.export import export
from gridflex.operations.dashboards.validate import validate

IMAGES = ROOT / "docs" / "images"


@click.group("dashboards")
def dashboards() -> None:
    """Dashboards as code: the files of frontend/superset/assets."""


@dashboards.command("validate")
def validate_command() -> None:
    """Check all references in the files: dashboard to chart to data set to schema."""
    assets = load_assets()
    wrong = validate(assets)
    if wrong:
        raise SourceError("\n  ".join([f"{len(wrong)} problem(s):", *wrong]))
    counts = ", ".join(f"{len(assets.of(kind))} {kind}" for kind in ("dashboards", "charts", "datasets"))
    click.echo(f"validate: {counts}: all references hold")


@dashboards.command("apply")
def apply_command() -> None:
    """Change the running Superset to match the files; has no effect the second time."""
    config, began = load_config(), time.monotonic()
    count = apply(config)
    click.echo(f"apply: {count} assets in {superset_url(config)}, {time.monotonic() - began:.1f} s")


@dashboards.command("export")
def export_command() -> None:
    """Write changes that were made in the browser back to the files."""
    written = export(load_config())
    for path in written:
        click.echo(f"written: {path}")
    click.echo(f"export: {len(written)} file(s) changed")


@dashboards.command("screenshots")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=IMAGES, show_default="docs/images")
def screenshots_command(out: Path) -> None:
    """Take a picture of each dashboard, 1440 x 900, with the installed Chromium."""
    from gridflex.operations.dashboards.screenshots import screenshots

    for path in screenshots(load_config(), out):
        click.echo(f"written: {path}")
