"""Defines ``gridflex duty-cycles``: every activation of a data set, by the stream's own detector, run in batch."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

import click
import numpy as np
from tqdm import tqdm

from gridflex.config import Config, load_config
from gridflex.contracts.profiles import load_profiles
from gridflex.domain.duty_cycle import (
    DEFAULT,
    Batch,
    Detector,
    Levels,
    PowerHistogram,
    Profiles,
    Rows,
    Status,
    empty_state,
    own_profile,
)
from gridflex.domain.readings import HouseId, ReadingBlock
from gridflex.errors import SourceError
from gridflex.files import replaced
from ingestion.feeds import Reader, open_reader
from ingestion.replay.commands import DATASETS, split_houses


def activations(
    reader: Reader, config: Config, rejected: Counter[str], profiles: Profiles | None = None
) -> Iterator[Rows]:
    """The detector's rows over all of a data set, in source time; activations that are open at its end are closed
    there.

    ``rejected`` counts what could not be used, by reason. ``profiles``: a row for each series; None: those of the
    classes.
    """
    own, profiles = profiles is not None, profiles or load_profiles()
    detector = Detector(
        profiles,
        max_gap_s=config.readings.max_gap_s,
        window_s=config.duty_cycle.window_s,
        slide_s=config.duty_cycle.slide_s,
    )
    codes = np.array([profiles.code(series.appliance, reader.dataset) for series in reader.series])
    if own:
        codes = np.arange(len(reader.series))
    keys = np.arange(len(reader.series), dtype=np.int64)
    state = empty_state()
    for block in reader.blocks():
        for rejection in block.rejections:
            rejected[rejection.reason.value] += rejection.count
        rows, _, state = detector.fold(state, _batch(block, keys, codes))
        yield rows
    yield detector.flush(state)


def own_profiles(reader: Reader) -> tuple[Profiles, list[Levels]]:
    """A profile for each series, with the thresholds of its own power levels where they are clear, and what they are.

    Reads the whole data set. The default row of the classes stands behind those of the series.
    """
    seen = PowerHistogram.of(len(reader.series))
    for block in reader.blocks():
        seen.add(block.series, block.power_w, block.observed_s)
    classes, rows, levels = load_profiles(), [], []
    for index, series in enumerate(reader.series):
        profile, found = own_profile(classes.get(series.appliance, reader.dataset), seen.observed_ms[index])
        rows.append(replace(profile, appliance=f"series {index}", dataset=""))
        levels.append(found)
    return Profiles.of([*rows, classes.get(DEFAULT)]), levels


def levels_text(reader: Reader, levels: Sequence[Levels]) -> list[str]:
    """What a person should know of the levels."""
    clear = sum(one is Levels.CLEAR for one in levels)
    lines = [f"thresholds of their own: {clear} of {len(levels)} appliances; the others have those of their class"]
    for series, one in zip(reader.series, levels, strict=True):
        if one is Levels.CONSTANT:
            name = f"house {series.house}, channel {series.channel} ({series.appliance})"
            lines.append(f"{name}: its power is constant; whether it is on is not known, and it is left out")
    return lines


def _batch(block: ReadingBlock, keys: np.ndarray[Any, Any], codes: np.ndarray[Any, Any]) -> Batch:
    return Batch(
        key=keys,
        profile=codes,
        appliance=block.series,
        time_ms=block.source_time_ms,
        power_w=block.power_w,
        observed_s=block.observed_s,
    )


def write_ended(rows: Rows, reader: Reader, out: TextIO) -> int:
    """Write one line a confirmed activation. Returns how many there were."""
    ended = np.flatnonzero(rows.status == Status.ENDED)
    hours = rows.observed_s / 3600
    for row in ended.tolist():
        series = reader.series[int(rows.key[row])]
        house_id = HouseId(dataset=reader.dataset, house=series.house)
        energy_wh = float(rows.energy_wh[row])
        line = {
            "house_id": str(house_id),
            "appliance_id": str(house_id.series(series.channel)),
            "appliance": series.appliance,
            "start_ms": int(rows.start_ms[row]),
            "end_ms": int(rows.end_ms[row]),
            "energy_wh": energy_wh,
            "mean_power_w": energy_wh / float(hours[row]) if hours[row] else 0.0,
        }
        out.write(json.dumps(line) + "\n")
    return len(ended)


@click.command("duty-cycles")
@click.argument("dataset", type=click.Choice(DATASETS))
@click.option("--path", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True, help="Data set.")
@click.option("--houses", callback=split_houses, help="Comma-separated house numbers; default: all that have data.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="JSON lines.")
@click.option("--own-thresholds", is_flag=True, help="Use the power levels of each appliance where they are clear.")
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object.")
def duty_cycles(  # noqa: PLR0917
    dataset: str, path: Path, houses: Sequence[str] | None, out: Path, own_thresholds: bool, as_json: bool
) -> None:
    """Write every confirmed activation of a data set, one a line, in source time (UTC).

    energy_wh covers all observed time of [start_ms, end_ms), pauses included; mean_power_w is its mean over that time.
    """
    config = load_config()
    reader = open_reader(dataset, path, houses=houses, readings=config.readings)
    reader.span_ms()  # nothing good is an error
    rejected: Counter[str] = Counter()
    count, profiles = 0, None
    if own_thresholds:
        profiles, levels = own_profiles(reader)
        click.echo("\n".join(levels_text(reader, levels)), err=True)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with replaced(out) as fresh, fresh.open("w", encoding="utf-8") as file:
            found = activations(reader, config, rejected, profiles)
            for rows in tqdm(found, unit=" blocks", disable=not sys.stderr.isatty()):
                count += write_ended(rows, reader, file)
    except OSError as problem:
        raise SourceError(f"--out {out} cannot be written: {problem.strerror or problem}") from None
    if as_json:
        click.echo(json.dumps({"activations": count, "rejected": dict(rejected), "out": str(out)}))
    else:
        reasons = ", ".join(f"{reason} {n:,}" for reason, n in sorted(rejected.items())) or "none"
        click.echo(f"{count:,} activations in {out}; rejected readings: {reasons}")
