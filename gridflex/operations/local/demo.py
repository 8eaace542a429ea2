"""``gridflex demo``: houses are generated, the stack is started, the houses are played up to now and stay live.

Then, once the figures are shown, the houses' earlier days go straight into Druid, and baselines and forecast are made
of them, while Superset starts and makes its dashboards.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import click

from gridflex.adapters.druid.client import Druid
from gridflex.config import ROOT, Config, load_config
from gridflex.contracts.profiles import sums_of_circuits
from gridflex.errors import ServiceError
from gridflex.operations.checks.canary import CANARY
from gridflex.operations.local.events_service import EVENTS, events_welcome
from gridflex.operations.local.replay_service import REPLAY, demo_data, replay_status
from gridflex.operations.local.stack import Stack
from gridflex.operations.local.state_folder import claim
from gridflex.operations.local.steps import SUPERSET
from gridflex.operations.local.superset_service import missing_superset, superset_welcome
from gridflex.operations.local.watch import Watch
from gridflex.printed_table import table

_LIVE_WITHIN_MS = 10_000
_WINDOWS_WITHIN_MS = 240_000
LEAD_DAYS = 120
"""Enough days of each kind for baselines with intervals."""
_POLL_S, _ASKING_SHARE = 1.0, 0.1
"""Asking takes at most this share of the time: the servers have better to do while they catch up."""
_TELL_EVERY_S = 10.0
_SCORE_OF = {"outlook": "baseline_score", "forecast": "forecast_score"}
"""The job that scores yesterday's results, by the job that makes today's."""
_Job = tuple[str, ...]
"""Package and words of a command line."""


@click.command()
@click.option("--houses", default=16, show_default=True, type=click.IntRange(min=1), help="How many to generate.")
@click.option("--days", default=2, show_default=True, type=click.IntRange(min=1), help="How many days up to today.")
@click.option("--seed", default=1, show_default=True, help="Of the generator.")
@click.option("--timeout", "timeout_s", default=900.0, show_default=True, help="Seconds to wait for the present.")
def demo(houses: int, days: int, seed: int, timeout_s: float) -> None:
    """Generate houses, start all servers, replay up to now, continue in real time, and print the results."""
    config, started = load_config(), time.monotonic()
    generator = _generate(config, houses, days, seed)
    stack = Stack(config, click.echo)
    # By name: an earlier demo's replay must not come back while its houses are generated anew.
    stack.up([service.name for service in stack.services if not service.optional])
    if generator is not None and generator.wait() != 0:
        raise ServiceError(f"the generator failed with exit code {generator.returncode}")
    stack.up([REPLAY, EVENTS])
    rate = _catch_up(stack, timeout_s)
    _show(config, stack, rate)
    click.echo(f"\nfigures: {time.monotonic() - started:.0f} s after the start; now baselines and dashboards\n")
    address = _open_dashboards(stack, days)
    click.echo(f"\ndemo: {time.monotonic() - started:.0f} s. The replay stays live; `gridflex down` ends it all.")
    click.echo(events_welcome(config) or "")
    click.echo(address)


def _generate(config: Config, houses: int, days: int, seed: int) -> subprocess.Popen[bytes] | None:
    """Start the generator beside the servers' start; nothing when its data is there already."""
    folder = demo_data(config)
    claim(config.state_dir)
    if (folder / "truth.jsonl").is_file():
        click.echo(f"generated houses: kept from {folder}")
        return None
    first = datetime.now(UTC).date() - timedelta(days=days - 1)
    click.echo(f"generating {houses} houses, {days} days from {first}")
    options = ("--out", str(folder), "--houses", str(houses), "--days", str(days), "--seed", str(seed))
    begin = ("--start", first.isoformat(), "--lead-days", str(LEAD_DAYS))
    return subprocess.Popen([sys.executable, "-m", "ingestion", "generate", "redd", *options, *begin], cwd=ROOT)


def _open_dashboards(stack: Stack, days: int) -> str:
    """Superset, with a past for its baselines; gives its address. What cannot be made is said and left out."""
    if lacks := missing_superset(stack.config):
        return f"no dashboards: {lacks}"
    now = datetime.now(UTC)
    today = now.astimezone(ZoneInfo(stack.config.batch.time_zone)).date()
    span = ("--from", (today - timedelta(days=1)).isoformat(), "--to", today.isoformat())
    hours = ("--from", (now - timedelta(hours=3)).isoformat(), "--to", (now + timedelta(hours=1)).isoformat())
    past = ("ingestion", "backfill", "--path", str(demo_data(stack.config)))
    with ThreadPoolExecutor() as beside:
        filled = beside.submit(_run_all, [past])
        running = [filled, beside.submit(_run_all, [("batch", "reconcile", *hours)])]
        if days > 1:
            for job, score in _SCORE_OF.items():
                running.append(beside.submit(_run_all, [("batch", job, *span), ("batch", score, *span)], filled))
        stack.up([SUPERSET])
        for one in running:
            one.result()
    return superset_welcome(stack.config) or ""


def _run_all(jobs: Iterable[_Job], after: Future[None] | None = None) -> None:
    """Run commands one after the other, once ``after`` is done. What failed is said; the next one runs all the same."""
    if after is not None:
        after.result()
    environ = os.environ | {"GRIDFLEX_FORECAST_BACKTEST_DAYS": "3", "GRIDFLEX_FORECAST_HISTORY_DAYS": "28"}
    for module, *words in jobs:
        done = subprocess.run([sys.executable, "-m", module, *words], cwd=ROOT, env=environ, check=False)
        if done.returncode:
            click.echo(f"`gridflex {' '.join(words)}` failed: the dashboards do not show its results")


def _catch_up(stack: Stack, timeout_s: float) -> float:
    """Wait until Druid holds every reading played and duty windows are the present's; readings a second on the way.

    Raises ``ServiceError`` when a service that this waits for does not do its job any more.
    """
    config, watch = stack.config, Watch(stack)
    druid, begun, told, rate = Druid(config.druid), time.monotonic(), 0.0, 0.0
    first = _played(config)["delivered"]
    while True:
        watch.check()
        played, now_ms, asked = _played(config), time.time_ns() // 1_000_000, time.monotonic()
        counted = _number(druid, "powerraw", f'SELECT SUM("count") FROM powerraw WHERE {_OURS}')  # noqa: S608
        windows_ms = _number(druid, "dutycycle", _SLOWEST_WINDOWS)
        waited = time.monotonic() - begun
        live = now_ms - (played["event_time_ms"] or 0) < _LIVE_WITHIN_MS
        if not (live and counted >= played["delivered"]):
            rate = (counted - first) / max(waited, 1e-3)
        elif now_ms - windows_ms < _WINDOWS_WITHIN_MS:
            return rate
        if waited > timeout_s:
            raise ServiceError(f"not at the present after {timeout_s:.0f} s: {counted:,} of {played['delivered']:,} "
                               f"readings, duty windows at {_clock(windows_ms)}; see `gridflex status`")  # fmt: skip
        if waited - told > _TELL_EVERY_S:
            told = waited
            click.echo(f"catching up: played to {_clock(played['event_time_ms'] or 0)}, {counted:,} of "
                       f"{played['delivered']:,} readings in Druid, duty windows to {_clock(windows_ms)}")  # fmt: skip
        time.sleep(max(_POLL_S, (time.monotonic() - asked) / _ASKING_SHARE))


def _played(config: Config) -> dict[str, Any]:
    """What the replay says of itself."""
    told: dict[str, Any] = json.loads(replay_status(config).read_text(encoding="utf-8"))
    return told


def _number(druid: Druid, name: str, query: str) -> int:
    """A query's one number; 0 while its table has no row yet, or cannot be asked for a moment."""
    try:
        rows = druid.sql(query) if druid.has_table(name) else []
    except ServiceError as problem:
        click.echo(f"Druid does not answer yet: {problem}")
        return 0
    return int(next(iter(rows[0].values())) or 0) if rows else 0


def _clock(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%m-%d %H:%M") if time_ms > 0 else "nothing yet"


def _show(config: Config, stack: Stack, rate: float) -> None:
    druid = Druid(config.druid)
    for title, query in _VIEWS.items():
        click.echo(f"\n{title}\n")
        click.echo(table(druid.sql(query.format(sums_of_circuits=sums_of_circuits()))))
    seen = druid.sql('SELECT SUM("count") AS readings, SUM(energy_wh) / 1000 AS energy_kwh, '  # noqa: S608
                     f"APPROX_COUNT_DISTINCT_BUILTIN(houses) AS houses FROM powerraw WHERE {_OURS}")  # fmt: skip
    click.echo(f"\nIn Druid\n\n{table(seen)}\n\n{rate:,.0f} readings/s from files to Druid while catching up")
    click.echo(f"freshness: {_freshness(druid):.1f} s from the last reading to SQL")
    click.echo(f"memory: {sum(service.rss_mb for service in stack.status()):,} MB for the whole stack")
    click.echo("\nWhere to look next\n")
    click.echo(_NEXT.format(router=config.druid.router_url))


def _freshness(druid: Druid) -> float:
    """Seconds from the newest reading to its answer."""
    newest_ms = _number(druid, "powerraw", "SELECT MAX(last_event_time_ms) FROM powerraw")
    return (time.time_ns() // 1_000_000 - newest_ms) / 1000


_OURS = f"dataset <> '{CANARY}'"

_SLOWEST_WINDOWS = f"""
SELECT APPROX_QUANTILE_DS(latest, 0.1)
FROM (SELECT appliance_id, MAX(end_ms) AS latest FROM dutycycle WHERE kind = 'window' AND {_OURS} GROUP BY 1)"""  # noqa: S608

_POWER = """
  SELECT region, house_id, appliance, appliance_id, SUM(energy_wh) * 3600 / NULLIF(SUM(observed_s), 0) AS power_w
  FROM powerraw
  WHERE __time >= CURRENT_TIMESTAMP - INTERVAL '5' MINUTE AND appliance NOT IN ({sums_of_circuits})
  GROUP BY 1, 2, 3, 4"""

_VIEWS = {
    "Demand by region now (mean of the last 5 minutes)": f"""
SELECT region, COUNT(DISTINCT house_id) AS houses, SUM(power_w) / 1000 AS demand_kw FROM ({_POWER})
GROUP BY 1 ORDER BY 3 DESC LIMIT 24""",  # noqa: S608 - constant parts
    "Top appliances now": f"""
SELECT appliance, COUNT(*) AS appliances, SUM(power_w) / 1000 AS demand_kw, MAX(power_w) AS largest_w FROM ({_POWER})
GROUP BY 1 ORDER BY 3 DESC LIMIT 10""",  # noqa: S608
    "Duty cycles of the last complete windows (10 minutes)": """
SELECT appliance, COUNT(DISTINCT appliance_id) AS appliances, SUM(on_s) / SUM(observed_s) AS duty_cycle,
  SUM(mean_on_power_w * on_s) / NULLIF(SUM(CASE WHEN mean_on_power_w IS NOT NULL THEN on_s END), 0) AS mean_on_power_w
FROM dutycycle WHERE kind = 'window' AND __time >= CURRENT_TIMESTAMP - INTERVAL '6' MINUTE
GROUP BY 1 ORDER BY 3 DESC LIMIT 12""",
}

_NEXT = """  gridflex status                          the servers, their memory, the ingestion
  gridflex curtail flex                    what could be shed now, and for how long
  gridflex sql "SELECT ... FROM powerraw"  ask Druid ({router})
  gridflex logs spark                      the streaming job's log
  docs/architecture.md                     how the parts work together"""
