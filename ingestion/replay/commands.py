"""Defines ``gridflex replay``, the command line of the replay."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from gridflex.adapters.kafka.writer import TransactionalWriter
from gridflex.config import ROOT, Config, load_config
from gridflex.domain.readings import Ints
from gridflex.errors import GridflexError
from gridflex.files import write_atomically
from ingestion.feeds import DATASETS as READERS
from ingestion.feeds import open_reader
from ingestion.replay.replay import MakeResponder, Plan, Replay, now_ms, only_one, parse_shifts, shifts_text
from ingestion.replay.replay_progress import ReplayProgress, replay_id
from ingestion.replay.timeline import Align
from ingestion.responding.appliances import Appliance
from ingestion.responding.responder import Responder

logger = logging.getLogger(__name__)

DATASETS = sorted(READERS)
_LOG_EVERY_S = 10.0
_TELL_EVERY_S = 0.5


def _shifts(context: click.Context, parameter: click.Parameter, value: str) -> tuple[int, ...]:
    try:
        return parse_shifts(value)
    except ValueError as problem:
        raise click.BadParameter(str(problem)) from None


def _speed(context: click.Context, parameter: click.Parameter, value: str) -> float | None:
    if value == "max":
        return None
    try:
        speed = float(value)
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise click.BadParameter(f"found {value!r}; expected 'max' or event seconds a second above 0, such as 60")
    return speed


def split_houses(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    """``1,5`` as a tuple; None for all houses."""
    return tuple(house.strip() for house in value.split(",") if house.strip()) if value else None


@click.command()
@click.argument("dataset", type=click.Choice(DATASETS))
@click.option("--path", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True, help="Data set.")
@click.option("--houses", callback=split_houses, help="Comma-separated house numbers; default: all that have data.")
@click.option("--shifts", default="0:1", show_default=True, callback=_shifts, help="Day shifts A:B, B not included.")
@click.option("--align", type=click.Choice([a.value for a in Align]), default="past", show_default=True,
              help="past: the latest whole-day shift with no reading after now. "
                   "today: the last day is played as today, then in real time, and repeated.")  # fmt: skip
@click.option("--speed", default="max", show_default=True, callback=_speed,
              help="Event seconds a second, or max: as fast as the broker takes it (today: until live).")  # fmt: skip
@click.option("--replay-id", "chosen_id", help="Default: made of the data set, its files, houses, shifts, alignment.")
@click.option("--respond", is_flag=True,
              help="Houses obey the commands of curtailment events, as section [responding] says.")  # fmt: skip
@click.option("--truth", type=click.Path(dir_okay=False, path_type=Path),
              help="With --respond: file for what called appliances would have used, and used.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object.")
def replay(  # noqa: PLR0917
    dataset: str, path: Path, houses: tuple[str, ...] | None, shifts: tuple[int, ...], align: str,
    speed: float | None, chosen_id: str | None, respond: bool, truth: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Send the readings of a data set to Kafka, each exactly once.

    The position is committed with the readings: you may stop at any time, and the same command continues there.
    A replay that is complete delivers nothing more.
    """
    if truth is not None and not respond:
        raise click.UsageError("--truth needs --respond: houses that do not respond change nothing")
    config = load_config()
    reader = open_reader(dataset, path, houses=houses, readings=config.readings)
    name = chosen_id or replay_id(dataset, path, houses, shifts, align)
    plan = Plan(replay_id=name, shifts=shifts, align=Align(align), speed=speed)
    stop = _stop_on_signal()
    started = time.monotonic()
    with only_one(config.state_dir, name), TransactionalWriter(config.kafka, f"replay-{name}") as writer:
        run = Replay(config, reader, plan, writer, ROOT, _responder(config, name, truth) if respond else None)
        before = run.account
        _say(f"replay {name}: {dataset}, shifts {shifts_text(shifts)}, {len(reader.series)} series a shift; "
             + ("already complete" if before.complete else f"from reading {before.read:,}"), as_json)  # fmt: skip
        with _Progress(before, config.state_dir / "replay" / f"{name}.json") as progress:
            account = run.run(stop, progress.report)
    _finish(plan, before, account, time.monotonic() - started, as_json)


def _responder(config: Config, name: str, truth: Path | None) -> MakeResponder:
    def make(appliances: Sequence[Appliance], lag_ms: Ints, position: Mapping[str, Any] | None) -> Responder:
        return Responder(config, name, appliances, lag_ms, truth=truth, position=position)

    return make


def _stop_on_signal() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop


class _Progress:
    """Shows progress: a bar for a person, a line every ten seconds for a log, and a status file for a supervisor."""

    def __init__(self, before: ReplayProgress, status: Path) -> None:
        self._bar = tqdm(initial=before.read, unit=" readings", unit_scale=True, disable=not sys.stderr.isatty())
        self._last = time.monotonic()
        self._seen = before.read
        self._status = status
        self._told = 0.0
        self._tell(before)

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *problem: object) -> None:
        self._bar.close()

    def report(self, account: ReplayProgress) -> None:
        """Called after each commit, and while there is nothing to commit: the status file tells that it lives."""
        self._bar.update(account.read - self._seen)
        self._seen = account.read
        if time.monotonic() - self._told > _TELL_EVERY_S:
            self._tell(account)
        if self._bar.disable and time.monotonic() - self._last > _LOG_EVERY_S:
            self._last = time.monotonic()
            rejected = sum(account.rejected.values())
            logger.info("replay read=%d delivered=%d rejected=%d", account.read, account.delivered, rejected)

    def _tell(self, account: ReplayProgress) -> None:
        self._told = time.monotonic()
        told = {"pid": os.getpid(), "updated_ms": now_ms(), "delivered": account.delivered,
                "event_time_ms": account.event_time_ms}  # fmt: skip
        write_atomically(self._status, json.dumps(told))


def _finish(plan: Plan, before: ReplayProgress, account: ReplayProgress, seconds: float, as_json: bool) -> None:
    name = plan.replay_id
    endless = plan.align is Align.TODAY
    rejected = sum(account.rejected.values())
    if account.read != account.delivered + rejected:
        raise GridflexError(f"{name}: read {account.read} != delivered {account.delivered} + rejected {rejected}")
    if as_json:
        values = {
            "replay_id": name, "read": account.read, "delivered": account.delivered, "rejected": dict(account.rejected),
            "complete": account.complete, "resumed_at": before.read, "seconds": round(seconds, 3),
        }  # fmt: skip
        click.echo(json.dumps(values))
    else:
        click.echo(f"read {account.read:,} = delivered {account.delivered:,} + rejected {rejected:,}")
        for reason, count in account.rejected.items():
            click.echo(f"  rejected {reason}: {count:,}")
        played = account.delivered - before.delivered
        click.echo(f"this run: {played:,} readings in {seconds:.1f} s, {played / max(seconds, 1e-9):,.0f} readings/s")
    if not account.complete and not endless:
        click.echo("stopped before the end; the same command continues from here", err=True)
        sys.exit(1)


def _say(text: str, as_json: bool) -> None:
    click.echo(text, err=as_json)
