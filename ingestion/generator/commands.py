"""Defines ``gridflex generate``, which writes a synthetic data set."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click
from tqdm import tqdm

from ingestion.generator.generate import DATASETS, FIRST_DAY, GeneratorSpec, discard
from ingestion.generator.generate import generate as write_data_set

MOST_DEFECTS = 1000


def _finite(context: click.Context, parameter: click.Parameter, value: float) -> float:
    if not 0 <= value <= MOST_DEFECTS:
        raise click.BadParameter(f"found {value}; expected 0 to {MOST_DEFECTS}, such as 1")
    return value


@click.command("generate")
@click.argument("dataset", type=click.Choice(DATASETS))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write; it must be new or empty.")
@click.option("--houses", type=click.IntRange(min=1), required=True, help="How many houses.")
@click.option("--days", type=click.IntRange(min=1), required=True, help="How many whole UTC days.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Same seed, same bytes.")
@click.option(
    "--start", type=click.DateTime(["%Y-%m-%d"]), help="First day; a Monday of the real data's years if not given."
)
@click.option(
    "--defects",
    type=click.FloatRange(min=0),
    callback=_finite,
    default=1.0,
    show_default=True,
    help="Scales the rates of all defects of the data set's kind; 0 writes flawless files.",
)
@click.option(
    "--lead-days",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Days before the first, which `gridflex backfill` writes into Druid.",
)
@click.option("--force", is_flag=True, help="Replace what an earlier generate left in the folder.")
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object.")
def generate(
    *,
    dataset: str,
    out: Path,
    houses: int,
    days: int,
    seed: int,
    start: datetime | None,
    defects: float,
    lead_days: int,
    force: bool,
    as_json: bool,
) -> None:
    """Write a synthetic data set in the native layout of DATASET, and truth.jsonl with all true activations.

    \b
    gridflex generate redd --out demo/redd --houses 20 --days 7 --seed 1
    """
    if force:
        discard(out)
    spec = GeneratorSpec(
        dataset=dataset,
        out=out,
        houses=houses,
        days=days,
        seed=seed,
        start=start.replace(tzinfo=UTC).date() if start else FIRST_DAY[dataset],
        defects=defects,
        lead_days=lead_days,
    )
    with tqdm(
        total=houses * days, desc=f"generate {dataset}", unit="house-day", disable=not sys.stderr.isatty()
    ) as bar:
        summary = write_data_set(spec, bar.update)
    if as_json:
        click.echo(summary.to_json())
    else:
        click.echo(
            f"{summary.path}: {summary.readings} readings and {summary.activations} true activations of "
            f"{summary.houses} {dataset.upper()} houses over {summary.days} days"
        )
