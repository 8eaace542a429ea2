"""Plans and events of VTNs for tests of OpenADR."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gridflex.domain.openadr import STEP_MS, instant

SETPOINT = "DISPATCH_SETPOINT_RELATIVE"
START_MS = 1_900_000_200_000


def plan(kw: Sequence[float], *feeders: str, start_ms: int = START_MS) -> dict[str, Any]:
    """A plan of fridges in Sfax that expects so much in each step."""
    run = {"start": instant(start_ms), "end": instant(start_ms + STEP_MS)}
    return {
        "region": "Sfax",
        "program": "emergency",
        "target_kw": max(kw),
        "start_ms": start_ms,
        "end_ms": start_ms + len(kw) * STEP_MS,
        "approve_by_ms": start_ms,
        "groups": [
            {"region": "Sfax", "feeder": one, "appliance": "fridge", "cohorts": [1, 2], "off": [run]}
            for one in feeders or ("Sfax-F01",)
        ],
        "control_group": {"cohort": 0},
        "expected_kw": [
            {"start": instant(start_ms + place * STEP_MS), "p10": one, "p50": one, "p90": one}
            for place, one in enumerate(kw)
        ],
    }


def vtn_event(*setpoints_kw: float, start_ms: int = START_MS, **more: Any) -> dict[str, Any]:
    """An event for Sfax as a VTN tells it."""
    return {
        "id": "0192f0c1",
        "programID": "p",
        "eventName": "peak",
        "modificationDateTime": "2026-11-29T18:00:00+00:00",
        "targets": ["region__Sfax"],
        "payloadDescriptors": [{"payloadType": SETPOINT, "units": "KW"}],
        "intervalPeriod": {"start": instant(start_ms), "duration": "PT5M"},
        "intervals": [
            {"id": place, "payloads": [{"type": SETPOINT, "values": [one]}]}
            for place, one in enumerate(setpoints_kw or (-80.0,))
        ],
    } | more
