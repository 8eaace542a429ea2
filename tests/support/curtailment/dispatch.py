"""Plans with groups, and events that are approved or scheduled, for tests of dispatch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from gridflex.contracts.flexibility import load_rules
from gridflex.domain.curtailment import Action, Event, Plug, apply, cohort_of, content_hash
from gridflex.domain.flexibility import Rule
from tests.support.curtailment import AMIRA, BILEL, HOUR_MS, NOW_MS, change, plan_content

MINUTE_MS = 60_000
START_MS = NOW_MS + 2 * HOUR_MS
CONTROL = 9


@cache
def rules_by_class() -> Mapping[str, Rule]:
    """Rules that hold for every data set."""
    return {rule.appliance: rule for rule in load_rules().rows if not rule.dataset}


def utc(time_ms: int) -> str:
    """An instant as a plan document writes it."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat().replace("+00:00", "Z")


def called(
    appliance: str = "fridge",
    cohorts: Sequence[int] = (0, 1),
    off_min: Sequence[tuple[int, int]] = ((0, 30), (45, 60)),
    **more: Any,
) -> dict[str, Any]:
    """A group of a plan document; off-runs in minutes from the event's begin."""
    runs = [{"start": utc(START_MS + a * MINUTE_MS), "end": utc(START_MS + b * MINUTE_MS)} for a, b in off_min]
    group = {"region": "Sfax", "feeder": "SFX-F01", "appliance": appliance, "cohorts": list(cohorts), "off": runs}
    return {**group, "mean_kw": 1.0, **more}


def plan_calling(*groups: Mapping[str, Any]) -> dict[str, Any]:
    """A plan of an hour that leaves cohort 9 alone."""
    return {**plan_content(), "control_group": {"cohort": CONTROL}, "groups": [*groups]}


def approved(content: Mapping[str, Any]) -> Event:
    """An event of this content after its approval."""
    event = apply(None, change(Action.DRAFT, AMIRA, content=content))
    event = apply(event, change(Action.PROPOSE, AMIRA, 0.1, hash_=content_hash(content)))
    return apply(event, change(Action.APPROVE, BILEL, 0.2, hash_=content_hash(content)))


@cache
def house_of(cohort: int) -> str:
    """A household of a cohort."""
    return next(f"redd-{house}-0" for house in range(1000) if cohort_of(f"redd-{house}-0") == cohort)


def plug(cohort: int = 0, appliance: str = "fridge", number: int = 1) -> Plug:
    """An appliance of a cohort at the feeder of ``called``."""
    house = house_of(cohort)
    return Plug(region="Sfax", feeder="SFX-F01", appliance=appliance, house_id=house, appliance_id=f"{house}-{number}")
