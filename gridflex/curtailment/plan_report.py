"""Formats a plan as text for a person: what to expect, what it asks of households, which limits bind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from gridflex.printed_table import table

_MOST_GROUPS = 20
_ROUNDING_KW = 1e-5
Plan = Mapping[str, Any]


def plan_report(plan: Plan, *, only_a_plan: bool = True) -> str:
    """The whole plan, tables of long lists cut. ``only_a_plan``: there is no event of it that says where it stands."""
    parts = (
        _head(plan, only_a_plan),
        table([{"from": _clock(one["start"]), "P10 kW": one["p10"], "P50 kW": one["p50"], "P90 kW": one["p90"]}
               for one in plan["expected_kw"]]),
        "\n".join((_target(plan), *_costs(plan), _rebound(plan), *_limits(plan), *_enrolments(plan))),
        _called(plan["groups"]),
        _left_out(plan["left_out"]),
    )  # fmt: skip
    return "\n\n".join(part for part in parts if part)


def _head(plan: Plan, only_a_plan: bool) -> str:
    where = plan["feeder"] or plan["region"]
    start, end = (_instant(plan[name]) for name in ("start_ms", "end_ms"))
    only = f", {plan['appliance']} only" if plan["appliance"] else ""
    approval = f"Nothing is called yet: it must be approved before {_instant(plan['approve_by_ms']):%H:%M} UTC."
    return (
        f"{plan['id']}: {plan['target_kw']:,.2f} kW in {where}{only}, {start:%Y-%m-%d %H:%M} to {end:%H:%M} UTC, "
        f"program {plan['program']}, seed {plan['seed']}" + (f"\n{approval}" if only_a_plan else "")
    )


def _target(plan: Plan) -> str:
    if plan["meets_target"]:
        return f"The target is met in every interval. At most {plan['gap']:.1%} of the plan's cost can be avoidable."
    if plan["most_kw"] is not None:
        return f"The target is out of reach: no plan sheds more than {plan['most_kw']:,.2f} kW in every interval."
    first, *later = (one["p50"] for one in plan["expected_kw"])
    if later and min(later) >= plan["target_kw"] - _ROUNDING_KW:
        return (
            f"The target is met from the second interval on. In the first, {first:,.2f} kW are shed: appliances are "
            "switched off one after another."
        )
    least = min(first, *later)
    return (
        f"The target is missed: {least:,.2f} kW in the weakest interval. Cohorts are called whole, and here they are "
        "too coarse for the target and the cap on rebound."
    )


def _costs(plan: Plan) -> list[str]:
    minutes, control, more = plan["minutes_off"], plan["control_group"], plan["next_10_percent"]
    lines = [
        f"Households: at most {plan['households']:,} are touched; a called appliance is off for {minutes['mean']:,.0f} "
        f"minutes on average, {minutes['most']} at most.",
        f"Control group: cohort {control['cohort']} is left alone, about {control['appliances']:,.1f} appliances.",
    ]
    if more["possible"]:
        least = "at least " if more["at_least"] else ""
        lines.append(
            f"10 % more ({more['target_kw']:,.2f} kW) would cost {least}{more['disruption']:.0%} more disruption."
        )
    elif plan["meets_target"]:
        lines.append(f"10 % more ({more['target_kw']:,.2f} kW) is not possible.")
    return lines


def _rebound(plan: Plan) -> str:
    peak = max(plan["rebound_kw"], key=lambda one: one["kw"])
    if peak["kw"] <= 0:
        return "Rebound: none."
    return f"Rebound: {peak['kw']:,.2f} kW at its peak, from {_clock(peak['start'])} UTC for five minutes."


def _limits(plan: Plan) -> list[str]:
    by_limit: dict[str, list[str]] = defaultdict(list)
    for one in plan["binding"]:
        by_limit[one["limit"]].append(one["where"])
    return [f"Binds: {limit} ({', '.join(where[:5])}{', ...' if len(where) > 5 else ''})."
            for limit, where in by_limit.items()]  # fmt: skip


def _enrolments(plan: Plan) -> list[str]:
    """What has changed since the minute that the plan rests on."""
    changes = plan.get("basis", {}).get("enrolment_changes")
    if not changes:
        return []
    return [f"Enrolments changed since: {changes:,}. The plan may still count on those who have just opted out."]


def _called(groups: Sequence[Plan]) -> str:
    if not groups:
        return "Nobody is called."
    rows = [
        {
            "feeder": one["feeder"],
            "appliance": one["appliance"],
            "cohorts": " ".join(map(str, one["cohorts"])),
            "off": ", ".join(f"{_clock(run['start'])}-{_clock(run['end'])}" for run in one["off"]),
            "appliances": f"{one['appliances']:,.1f}",
            "mean kW": one["mean_kw"],
        }
        for one in groups[:_MOST_GROUPS]
    ]
    more = f"\n... and {len(groups) - _MOST_GROUPS:,} more; --json has them all" if len(groups) > _MOST_GROUPS else ""
    return f"Called, by cohorts of ten:\n\n{table(rows)}{more}"


def _left_out(left_out: Sequence[Plan]) -> str:
    appliances: dict[str, float] = defaultdict(float)
    for one in left_out:
        appliances[one["why"]] += one["appliances"]
    rows = [{"left out because": why, "appliances": f"{count:,.1f}"} for why, count in sorted(appliances.items())]
    return table(rows) if rows else ""


def _instant(time_ms: int) -> datetime:
    return datetime.fromtimestamp(time_ms / 1000, UTC)


def _clock(iso: str) -> str:
    return iso[11:16]
