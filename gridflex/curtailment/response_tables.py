"""Formats the results of an event's commands: appliances by answer, and what is still expected of each interval."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from gridflex.printed_table import table

Results = Mapping[str, Any]


def response_tables(results: Results) -> str:
    """``results``: as ``GET /events/{id}`` gives them; empty text before the first answer.

    >>> print(response_tables({"short_kw": 1.5, "short_share": 0.25, "top_up": "a top-up is being planned"}))
    Short of the plan's P50 by up to 1.50 kW (25 %): a top-up is being planned.
    """
    parts = (_groups(results), _outlook(results), _shortfall(results))
    return "\n\n".join(part for part in parts if part)


def _groups(results: Results) -> str:
    rows = [
        {"feeder": one["feeder"], "appliance": one["appliance"], "cohort": str(one["cohort"])}
        | {answer.replace("_", " "): one["results"].get(answer, 0) for answer in results["results"]}
        for one in results.get("groups", ())
    ]
    return f"Appliances by answer:\n\n{table(rows)}" if rows else ""


def _outlook(results: Results) -> str:
    rows = [
        {
            "from": datetime.fromtimestamp(one["start_ms"] / 1000, UTC).strftime("%H:%M"),
            "P50 of the plan, kW": one["p50_kw"],
            "expected, kW": one["expected_kw"],
        }
        for one in results.get("outlook", ())
    ]
    return f"After these answers:\n\n{table(rows)}" if rows else ""


def _shortfall(results: Results) -> str:
    if "short_kw" not in results:
        return ""
    short = f"{results['short_kw']:,.2f} kW ({results['short_share']:.0%})".replace("%", " %")
    return f"Short of the plan's P50 by up to {short}: {results['top_up']}."
