"""Defines ``gridflex backfill``: writes the days before generated houses' files straight into Druid's rollup."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click
import pyarrow as pa
from tqdm import tqdm

from gridflex.adapters.druid.own_rows import TIME, Own, OwnRows
from gridflex.config import ROOT, load_config
from gridflex.contracts.feeds import readings_table
from gridflex.domain.interval import Interval
from gridflex.domain.readings import IDENTITY_FIELDS, MS_PER_DAY, MS_PER_S
from gridflex.errors import UsageError
from ingestion.generator.generate import first_second, read_spec
from ingestion.generator.lead_days import lead_day_rows
from ingestion.premises import load_premises


@click.command("backfill")
@click.option(
    "--path",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="A data set of `gridflex generate ... --lead-days N`.",
)
def backfill(path: Path) -> None:
    """Write the lead days of generated houses into Druid as half-hour means, replacing those of an earlier backfill.

    They do not go through Kafka and Spark: enough for baselines and forecasts, without duty cycles or readings.
    Readings that a replay put into the same days stay.
    """
    config, began = load_config(), time.monotonic()
    spec = read_spec(path)
    if not spec.lead_days:
        raise UsageError(f"{path}: generated without lead days; use `gridflex generate ... --lead-days N`")
    premises = load_premises(ROOT / config.replay.premises)
    with tqdm(total=spec.houses, unit="house", disable=not sys.stderr.isatty(), leave=False) as bar:
        rows = lead_day_rows(spec, premises, bar.update)
    end_ms = first_second(spec) * MS_PER_S
    span = Interval(start_ms=end_ms - spec.lead_days * MS_PER_DAY, end_ms=end_ms)
    own = Own(table=readings_table(), interval=span, houses=rows["house_id"].unique().to_pylist())
    told = f"backfill: {span}: {len(rows):,} rows of {spec.houses} houses"
    told += "" if OwnRows(config, own).replace(as_stored(rows)) else " (there already)"
    click.echo(f"{told}, {time.monotonic() - began:.1f} s")


def as_stored(rows: pa.Table) -> pa.Table:
    """The rows of ``lead_day_rows`` by the names of the rollup's columns, in which rows read back from Druid stand."""
    return pa.table(
        {
            TIME: rows["time_ms"],
            **{name: rows[name] for name in IDENTITY_FIELDS},
            **{name: rows[name] for name in ("count", "energy_wh", "observed_s")},
            "power_w_max": rows["power_w"],
            "last_event_time_ms": rows["time_ms"],
            "power_w_quantiles": rows["power_w"],
            "houses": rows["house_id"],
        }
    )
