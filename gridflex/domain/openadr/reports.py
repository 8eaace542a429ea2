"""Reports on events: what we tell a VTN of an event of its, and what others told of ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from gridflex.domain.curtailment import State
from gridflex.domain.openadr.published import AVAILABLE, BASELINE, KILOWATTS, READING, REPORTED, STATE
from gridflex.domain.openadr.texts import printable
from gridflex.domain.openadr.times import STEP_MS, duration_ms, instant, instant_ms
from gridflex.errors import ForeignEventError

Json = dict[str, Any]
AGGREGATED = "AGGREGATED_REPORT"
"""The resource of a report on all resources of a VEN together."""
_STATES: Mapping[State, str] = {
    State.DRAFT: "IDLE_NORMAL",
    State.PROPOSED: "IDLE_NORMAL",
    State.APPROVED: "IDLE_NORMAL",
    State.SCHEDULED: "IDLE_NORMAL",
    State.ACTIVE: "RUNNING_CURTAILED",
    State.COMPLETED: "RUNNING_NORMAL",
    State.SETTLED: "RUNNING_NORMAL",
    State.REJECTED: "IDLE_OPTED_OUT",
    State.EXPIRED: "IDLE_OPTED_OUT",
    State.CANCELLED: "IDLE_OPTED_OUT",
}
_NUMBERS = (READING, BASELINE, AVAILABLE)
_MOST_ROWS = 10_000
_LONGEST = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedInterval:
    """One interval of a report; what was not told is ``None``."""

    start_ms: int
    """UTC epoch."""
    client: str = ""
    """The VEN that told it."""
    resource: str = AGGREGATED
    reading_kw: float | None = None
    """Mean power used."""
    baseline_kw: float | None = None
    """What would have been used without the event."""
    available_kw: float | None = None
    """What could be shed."""
    state: str | None = None
    """An operating state of the standard."""


def operating_state(state: State) -> str:
    """The standard's word for what the appliances of an event do.

    >>> operating_state(State.ACTIVE), operating_state(State.REJECTED)
    ('RUNNING_CURTAILED', 'IDLE_OPTED_OUT')
    """
    return _STATES[state]


def report_document(event: Mapping[str, Any], client: str, name: str, rows: Sequence[ReportedInterval]) -> Json:
    """A report on a VTN's event. ``rows``: steps of five minutes in order, without a gap."""
    return {
        "eventID": event["id"],
        "clientName": client,
        "reportName": name,
        "payloadDescriptors": [
            {"payloadType": one, "readingType": "MEAN", "units": KILOWATTS} if one != STATE else {"payloadType": one}
            for one in REPORTED
        ],
        "resources": [
            {
                "resourceName": AGGREGATED,
                "intervalPeriod": {"start": instant(rows[0].start_ms), "duration": f"PT{STEP_MS // 1000}S"},
                "intervals": [{"id": place, "payloads": _payloads(row)} for place, row in enumerate(rows)],
            }
        ],
    }


def _payloads(row: ReportedInterval) -> list[Json]:
    told = zip(REPORTED, (row.reading_kw, row.baseline_kw, row.available_kw, row.state), strict=True)
    return [{"type": name, "values": [value]} for name, value in told if value is not None]


def read_report(document: Mapping[str, Any]) -> list[ReportedInterval]:
    """The intervals of a report. Raises ``ForeignEventError`` on what cannot be read: VTNs check no value."""
    # Anyone may use any name; the id is that of the token.
    name = str(document.get("clientID") or document.get("clientName") or "")
    client, rows = printable(name, _LONGEST), list[ReportedInterval]()
    try:
        for resource in document["resources"]:
            rows += _intervals(client, resource)
            if len(rows) > _MOST_ROWS:
                raise ForeignEventError(f"found more than {_MOST_ROWS:,} intervals")
    except (KeyError, TypeError, AttributeError, ValueError) as problem:
        raise ForeignEventError(f"report of {client!r} cannot be read: {problem!r}") from None
    except ForeignEventError as problem:
        raise ForeignEventError(f"report of {client!r}: {problem}") from None
    return rows


def _intervals(client: str, resource: Mapping[str, Any]) -> Iterator[ReportedInterval]:
    common, cursor_ms = resource.get("intervalPeriod") or {}, 0
    name = printable(str(resource.get("resourceName") or ""), _LONGEST)
    for place, interval in enumerate(resource["intervals"]):
        own = interval.get("intervalPeriod") or {}
        start = own.get("start") or (common.get("start") if place == 0 else None)
        start_ms = instant_ms("start", start) if start is not None or place == 0 else cursor_ms
        length = own.get("duration") or common.get("duration")
        cursor_ms = start_ms + (duration_ms("duration", length) if length else STEP_MS)
        told = {one["type"]: one["values"] for one in interval["payloads"]}
        numbers = [_number(name, told.get(name)) for name in _NUMBERS]
        state = printable(str(told[STATE][0]), _LONGEST) if told.get(STATE) else None
        yield ReportedInterval(
            start_ms=start_ms, client=client, resource=name, reading_kw=numbers[0],
            baseline_kw=numbers[1], available_kw=numbers[2], state=state,
        )  # fmt: skip


def _number(name: str, values: Any) -> float | None:
    if not values:
        return None
    value = values[0]
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise ForeignEventError(f"{name}: found {str(value)[:40]!r}; allowed: a number of kW")
    return float(value)
