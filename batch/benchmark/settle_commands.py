"""Defines ``gridflex settle-history``: past events, with an optional control group, settled by every method."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
from tqdm import tqdm

from batch.benchmark.baseline_benchmark import together, with_holidays
from batch.benchmark.commands import read_loads, zone_named
from batch.benchmark.interval_file import read_intervals
from batch.benchmark.loads import FORMATS
from batch.benchmark.report import about_data
from batch.benchmark.settlement import Settled, Settlement, settle
from gridflex.domain.baseline import Control, Loads, Outcome
from gridflex.errors import UsageError
from gridflex.public_holidays import public_holidays

_FILE = click.Path(path_type=Path, exists=True)


@click.command("settle-history")
@click.option("--data", required=True, type=_FILE, help="A file or folder of interval loads of the homes with events.")
@click.option("--format", "layout", required=True, type=click.Choice(sorted(FORMATS)), help="The format of the data.")
@click.option("--events", required=True, type=_FILE, help="The events: lines 'start,end'.")
@click.option("--exclude", type=_FILE, help="Other intervals that touch the load: lines 'start,end', such as prices.")
@click.option("--control", type=_FILE, help="Interval loads, in the same format, of homes that no event touches.")
@click.option("--homes", type=click.IntRange(1), help="The homes that the data stands for. [default: its slices]")
@click.option("--holidays", help="Public holidays of a country: TN, GB-ENG.")
@click.option("--zone", help="csv only: local days of this time zone, such as Africa/Tunis, not as written.")
@click.option(
    "--interval",
    type=click.FloatRange(0.5, 0.99),
    default=0.90,
    show_default=True,
    help="The probability with which an interval contains the true value.",
)
@click.option("--json", "json_wanted", is_flag=True, help="Print one JSON array.")
def settle_history(  # noqa: PLR0917
    data: Path,
    layout: str,
    events: Path,
    exclude: Path | None,
    control: Path | None,
    homes: int | None,
    holidays: str | None,
    zone: str | None,
    interval: float,
    json_wanted: bool,
) -> None:
    """Say what past events shed, by every baseline method, with an interval."""
    clock = zone_named(zone) if zone else None
    called = read_intervals(events, clock)
    others = read_intervals(exclude, clock) if exclude else []
    found = read_loads(data, layout, zone)
    for line in about_data(found):
        click.echo(line, err=True)
    loads, text = together(found.loads)
    counted = homes or int(text.split()[2])
    click.echo(text, err=True)
    if control is not None:
        loads = with_control(loads, read_loads(control, layout, zone).loads)
    if holidays is not None:
        loads = with_holidays(loads, public_holidays(holidays, loads.date(0).year, loads.date(loads.days - 1).year))
    with tqdm(total=len(called), unit="event", disable=not sys.stderr.isatty(), leave=False) as bar:
        result = settle(loads, called, others, level=interval, on_progress=bar.update)
    for line in about(result):
        click.echo(line, err=True)
    click.echo(as_json(result, counted) if json_wanted else as_table(result, counted, interval))


def with_control(loads: Loads, control: Loads) -> Loads:
    """The loads with other homes as their control group. Raises ``UsageError`` where intervals or days do not agree."""
    if control.slots != loads.slots:
        raise UsageError(f"--control: {control.slots} intervals a day; the data has {loads.slots}")
    present = np.isfinite(control.kwh)
    total, homes = np.zeros(loads.kwh.shape[1:]), np.zeros(loads.kwh.shape[1:])
    first = control.first_day - loads.first_day
    begin, stop = max(first, 0), min(first + control.days, loads.days)
    if begin >= stop:
        raise UsageError("--control: none of its days is among those of the data")
    part = slice(begin - first, stop - first)
    total[begin:stop] = np.where(present, control.kwh, 0.0).sum(axis=0)[part]
    homes[begin:stop] = present.sum(axis=0)[part]
    return replace(loads, control=Control(total_kwh=total, homes=homes, includes_slices=False))


def about(result: Settlement) -> list[str]:
    """Lines about the events: outside the data, inflated hours, methods without a number."""
    lines = [f"settled: {result.events} event(s) in the data"]
    if result.outside:
        lines.append(f"warning: {result.outside} event(s) left out: outside the data, or not metered in full")
    if result.gamed:
        lines.append(f"warning: {result.gamed} event(s) with inflated hours before the event (gaming)")
    for one in result.methods:
        if not one.events:
            lines.append(
                f"{one.method}: no number (too little history, adjustment hours excluded, or no control group)"
            )
        elif one.events < result.events:
            lines.append(f"{one.method}: {result.events - one.events} event(s) without a number")
    return lines


def as_json(result: Settlement, homes: int) -> str:
    """One array with an object a method; power in kW, null without a number; ``recommended: true`` on one."""
    rows = []
    for one in result.methods:
        row: dict[str, object] = {
            "method": one.method,
            "events": one.events,
            "mean_kw": _plain(one.mean_kw),
            "mean_kw_per_home": _plain(one.mean_kw / homes),
            "lower": _plain(one.lower_kw),
            "upper": _plain(one.upper_kw),
            "excluded_hours": one.excluded_hours,
        }
        rows.append(row | {"recommended": True} if one.method == result.recommended else row)
    return json.dumps(rows, indent=1)


def as_table(result: Settlement, homes: int, level: float) -> str:
    """A table of methods."""
    width = max(len(one.method) for one in result.methods) + 3
    interval = f"{level:.0%} interval, kW"
    head = f"{'method':<{width}}{'events':>7}{'kW':>11}{'kW/home':>10}{interval:>26}{'excluded':>10}  shed"
    lines = [head, "-" * len(head)]
    for one in result.methods:
        label = f"{one.method} *" if one.method == result.recommended else one.method
        lines.append(f"{label:<{width}}{one.events:>7}{_numbers(one, homes)}")
    lines += [
        "",
        "* recommended: the least error on days without an event.  kW: mean power shed; + is less drawn.",
        "excluded: adjustment hours left out, h.  shed: events whose own interval is above zero.",
    ]
    return "\n".join(lines)


def _numbers(one: Settled, homes: int) -> str:
    if not one.events:
        return f"{'-':>11}"
    interval = f"{one.lower_kw:.3f} .. {one.upper_kw:.3f}"
    shed = one.outcomes.get(str(Outcome.SHED), 0)
    return f"{one.mean_kw:>11.3f}{one.mean_kw / homes:>10.4f}{interval:>26}{one.excluded_hours:>10.1f}  {shed}"


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
