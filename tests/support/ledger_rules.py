"""What must hold of an event that is dispatched, written down a second time, without anything of the product.

Rules and programs are read from their tables.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

ROOT = Path(__file__).resolve().parents[2]
TABLES = ROOT / "gridflex" / "contracts" / "tables"
MINUTE_MS, HOUR_MS = 60_000, 3_600_000
WEEK_MS = 7 * 24 * HOUR_MS


def table(name: str) -> list[dict[str, str]]:
    """Rows of a table of the package."""
    with (TABLES / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def instant_ms(text: str) -> int:
    """UTC epoch of a plan's time."""
    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


@dataclass
class Version:
    """One plan of an event, and what was decided on it."""

    plan: Mapping[str, Any]
    hash: str
    proposer: str = ""
    approved_ms: int | None = None
    is_scheduled: bool = False
    restored_ms: int | None = None
    """When its commands were taken back."""
    off: Counter[tuple[Any, ...]] = field(default_factory=Counter)
    restores: Counter[tuple[Any, ...]] = field(default_factory=Counter)

    def calls(self) -> Iterator[tuple[tuple[str, str, str, int], list[tuple[int, int]]]]:
        """Each cohort that it calls, with its off-runs."""
        for group in self.plan["groups"]:
            runs = [(instant_ms(run["start"]), instant_ms(run["end"])) for run in group["off"]]
            for cohort in group["cohorts"]:
                yield (group["region"], group["feeder"], group["appliance"], cohort), runs


@dataclass
class Seen:
    """One event as its records tell it."""

    state: str = "draft"
    changed_ms: int = 0
    versions: list[Version] = field(default_factory=list)

    @property
    def newest(self) -> Version:
        """The plan that counts."""
        return self.versions[-1]

    def called_ms(self) -> tuple[int, int] | None:
        """From when to when it calls its cohorts; ``None``: not at all, as far as is known now."""
        plan = self.newest.plan
        if self.state in {"approved", "scheduled", "active", "completed"}:
            return plan["start_ms"], plan["end_ms"]
        if self.state == "cancelled" and self.newest.approved_ms is not None and self.changed_ms > plan["start_ms"]:
            return plan["start_ms"], min(self.changed_ms, plan["end_ms"])
        return None


class Rules:
    """The tables of rules and programs. ``zone``: of the programs' hours and days."""

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)
        self._programs = {row["program"]: row for row in table("programs.csv")}
        self._classes = {row["appliance"]: row for row in table("flexibility_rules.csv") if not row["dataset"]}

    def dispatched(self, event: Seen, known: Sequence[Seen], now_ms: int) -> Iterator[str]:
        """What a plan breaks that is dispatched now. ``known``: all events as they are now."""
        version, plan = event.newest, event.newest.plan
        if version.approved_ms is None or version.approved_ms >= plan["approve_by_ms"]:
            yield "not approved in time"
        if now_ms >= plan["start_ms"]:
            yield "dispatched after its begin"
        program = self._programs[plan["program"]]
        yield from self._whole(plan, program, version.approved_ms or now_ms)
        others = [(one, span) for one in known if one is not event and (span := one.called_ms())]
        calls: dict[tuple[str, str, str, int], list[tuple[int, int]]] = defaultdict(list)
        for one, span in others:
            for place, _ in one.newest.calls():
                calls[place].append(span)
        for (region, feeder, appliance, cohort), runs in version.calls():
            name = f"{feeder}/{appliance}/{cohort}"
            yield from (f"{name}: {one}" for one in self._rule(plan, program, appliance, runs))
            if region != plan["region"]:
                yield f"{name}: of another region"
            controls = [(plan, (plan["start_ms"], plan["end_ms"])), *((one.newest.plan, span) for one, span in others)]
            for other, (start_ms, end_ms) in controls:
                overlaps = start_ms < plan["end_ms"] and plan["start_ms"] < end_ms
                if other["region"] == region and overlaps and other["control_group"]["cohort"] == cohort:
                    yield f"{name}: a control group"
            yield from (f"{name}: {one}" for one in _called(plan, program, calls[region, feeder, appliance, cohort]))

    def _whole(self, plan: Mapping[str, Any], program: Mapping[str, str], approved_ms: int) -> Iterator[str]:
        """Limits of the program for the event, and its target."""
        start, end = (
            datetime.fromtimestamp(plan[name] / 1000, UTC).astimezone(self._zone) for name in ("start_ms", "end_ms")
        )
        first_h, last_h = map(float, program["hours"].split("-"))
        first_day, last_day = map(int, program["weekdays"].split("-"))
        first_month, last_month = map(int, program["season_months"].split("-"))
        start_h = start.hour + start.minute / 60 + start.second / 3600
        end_h = start_h + (plan["end_ms"] - plan["start_ms"]) / HOUR_MS
        if plan["start_ms"] - approved_ms < float(program["notice_min"]) * MINUTE_MS:
            yield "notice time"
        if plan["end_ms"] - plan["start_ms"] > float(program["event_h"]) * HOUR_MS:
            yield "hours per event"
        if (first_h, last_h) != (0, 24) and not first_h <= start_h <= end_h <= last_h:
            yield f"hours of the day: {start} to {end}"
        if not first_day <= start.isoweekday() <= last_day or not first_month <= start.month <= last_month:
            yield "days of the program"
        groups = plan.get("basis", {}).get("flexibility", [])
        most_kw = plan["target_kw"] + max((max(one["flex_w"]) for one in groups), default=0.0) / 1000
        if groups and max(one["p50"] for one in plan["expected_kw"]) > most_kw + 1e-6:
            yield "beyond the target and one group"
        if groups and plan["rebound_peak_kw"] > float(program["rebound_cap"]) * plan["target_kw"] + 1e-6:
            yield "rebound"

    def _rule(
        self, plan: Mapping[str, Any], program: Mapping[str, str], appliance: str, runs: list[tuple[int, int]]
    ) -> Iterator[str]:
        """What a class, and what a program of its classes, does not allow."""
        rule = self._classes.get(appliance, {"handling": "never"})
        if rule["handling"] not in program["handling"].split():
            yield f"{rule['handling']} is not in the program"
        if program["appliances"] and appliance not in program["appliances"].split():
            yield "its class is not in the program"
        if runs[0][0] < plan["start_ms"] or runs[-1][1] > plan["end_ms"] + 30 * MINUTE_MS:
            yield "off outside of the event"
        if (
            rule["handling"] == "cycle"
            and max(end - start for start, end in runs) > float(rule["max_off_min"]) * MINUTE_MS
        ):
            yield "off for too long"
        gaps = [after - end for (_, end), (after, _) in pairwise(runs)]
        if rule["handling"] == "cycle" and gaps and min(gaps) < float(rule["min_on_min"]) * MINUTE_MS:
            yield "on for too short"
        if rule["handling"] == "defer" and gaps:
            yield "paused twice"


def _called(plan: Mapping[str, Any], program: Mapping[str, str], calls: list[tuple[int, int]]) -> Iterator[str]:
    """What the other calls of a cohort do not allow."""
    start_ms, end_ms = plan["start_ms"], plan["end_ms"]
    rest_ms = float(program["rest_h"]) * HOUR_MS
    for other_start_ms, other_end_ms in calls:
        if other_start_ms < end_ms + rest_ms and start_ms < other_end_ms + rest_ms:
            yield "not enough rest"
    starts_ms = sorted([start_ms, *(one for one, _ in calls)])
    windows = [
        sum(first <= one < first + WEEK_MS for one in starts_ms)
        for first in starts_ms
        if first <= start_ms < first + WEEK_MS
    ]
    if max(windows) > int(program["events_per_week"]):
        yield "too many calls a week"
    if sum(end - start for start, end in [*calls, (start_ms, end_ms)]) > float(program["season_h"]) * HOUR_MS:
        yield "too many hours"
