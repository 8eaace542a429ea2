"""Answers to an event's commands as JSON values, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gridflex.domain.curtailment import Responses


def response_report(responses: Responses, plan: Mapping[str, Any]) -> dict[str, Any]:
    """``results``: appliances by answer; ``groups``: the same of each group; ``outlook``: kW of each interval."""
    return {
        "results": {str(result): count for result, count in responses.totals().items()},
        "groups": [
            {
                "region": region,
                "feeder": feeder,
                "appliance": appliance,
                "cohort": cohort,
                "answered": counts.answered,
                "lost": counts.lost,
                "results": {str(result): count for result, count in counts.by_result.items()},
            }
            for (region, feeder, appliance, cohort), counts in responses.groups().items()
        ],
        "outlook": [
            {
                "start_ms": one.start_ms,
                "p50_kw": round(one.p50_kw, 6),
                "expected_kw": round(one.expected_kw, 6),
            }
            for one in responses.outlook(plan)
        ],
    }
