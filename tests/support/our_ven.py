"""A VEN of ours below a real VTN, one that dies, and plans for it without Druid."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from gridflex.adapters.druid.client import Druid
from gridflex.adapters.events.client import EventsClient
from gridflex.adapters.openadr import Event, OpenAdrClient, Program, Role, open_client
from gridflex.adapters.openadr.logins import openadr_folder
from gridflex.config import Config
from gridflex.config.event_users import TOKEN_VARIABLE
from gridflex.curtailment.planning import PlanOptions
from gridflex.domain.curtailment import HeldEvent
from gridflex.domain.openadr import SETPOINT, Place, target_of
from gridflex.events.planner import Planner
from gridflex.openadr.measured import measured_intervals
from gridflex.openadr.unreadable import UnreadableEvents
from gridflex.openadr.ven import Ven
from tests.support.events import MINUTE_MS, TOKENS, handed_plan, utc


class PlanAsked(Planner):
    """Plans without Druid: fridges of the place that was asked for."""

    def plan(self, options: PlanOptions, held: Sequence[HeldEvent]) -> Mapping[str, Any]:
        run = {"start": utc(options.start_ms), "end": utc(options.start_ms + 10 * MINUTE_MS)}
        feeder = options.feeder or f"{options.region}-F01"
        group = {"region": options.region, "feeder": feeder, "appliance": "fridge", "cohorts": [1, 2], "off": [run]}
        times = {"start_ms": options.start_ms, "end_ms": options.end_ms, "approve_by_ms": options.start_ms}
        steps = range(options.start_ms, options.end_ms, 5 * MINUTE_MS)
        kw = options.target_kw
        told = [{"start": utc(step), "p10": kw, "p50": kw, "p90": kw} for step in steps]
        return handed_plan(region=options.region, groups=[group], target_kw=kw, expected_kw=told, **times)


def asked_by(config: Config, name: str) -> EventsClient:
    return EventsClient(config, {TOKEN_VARIABLE: TOKENS[name]})


def unreadable_file(config: Config) -> Path:
    """Where a VEN keeps what nobody can read."""
    return openadr_folder(config) / "unreadable-events.jsonl"


def ven_of(config: Config, approver: str = "", planner: EventsClient | None = None) -> Ven:
    return Ven(
        settings=config.openadr_ven,
        url=f"http://127.0.0.1:{config.openadr.port}",
        connect=partial(open_client, config, Role.VEN, {}),
        planner=planner or asked_by(config, "amira"),
        approver=asked_by(config, approver) if approver else None,
        measure=partial(measured_intervals, Druid(config.druid)),
        unreadable=UnreadableEvents(unreadable_file(config), f"http://127.0.0.1:{config.openadr.port}"),
    )


class DiesAt(EventsClient):
    """Ends at its n-th request that changes something, before or after it is sent."""

    def __init__(self, config: Config, number: int, sent: bool) -> None:
        super().__init__(config, {TOKEN_VARIABLE: TOKENS["amira"]})
        self._left, self._sent = number, sent

    def _ask(self, method: str, *arguments: Any, **options: Any) -> Any:
        if method == "POST":
            self._left -= 1
            if self._left == 0:
                if self._sent:
                    super()._ask(method, *arguments, **options)
                raise KeyboardInterrupt
        return super()._ask(method, *arguments, **options)


def asked_for(business: OpenAdrClient, program: Program, region: str, kw: float = 80.0, in_min: int = 60) -> Event:
    """An event of the utility, at the VTN."""
    start_ms = time.time_ns() // 1_000_000 // MINUTE_MS * MINUTE_MS + in_min * MINUTE_MS
    return business.put_event(
        Event.model_validate({
            "programID": program.id, "eventName": f"peak-{region}", "targets": [target_of(Place(region))],
            "intervalPeriod": {"start": utc(start_ms), "duration": "PT5M"},
            "intervals": [{"id": n, "payloads": [{"type": SETPOINT, "values": [-kw]}]} for n in (0, 1)],
        })
    )  # fmt: skip


def ours(client: EventsClient, event: Event) -> list[dict[str, Any]]:
    return [one for one in client.events(from_vtn="true") if one["origin"]["event_id"] == event.id]


def environment_of(config: Config) -> dict[str, str]:
    """The environment in which amira's commands find this stack."""
    return {
        "GRIDFLEX_CONFIG": str(config.state_dir.parent / "config.ini"),
        "GRIDFLEX_LAUNCHER_STATE_DIR": str(config.state_dir),
        "GRIDFLEX_EVENTS_PORT": str(config.events.port),
        "GRIDFLEX_OPENADR_PORT": str(config.openadr.port),
        "GRIDFLEX_OPENADR_VEN_PROGRAMS": config.openadr_ven.programs,
        "GRIDFLEX_OPENADR_VEN_CURTAILMENT_PROGRAM": config.openadr_ven.curtailment_program,
        "GRIDFLEX_DRUID_ROUTER_URL": config.druid.router_url,
        TOKEN_VARIABLE: TOKENS["amira"],
    }
