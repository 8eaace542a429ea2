"""Our events as a VTN is to hold them.

Each version of an event that was dispatched is one event at the VTN, named after the event and its version. One that
was taken back, by a cancellation or by an amendment, is cancelled there by an update, as the standard says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gridflex.domain.curtailment import Action, Event, Record, State, called_groups
from gridflex.domain.openadr.targets import Place, target_of
from gridflex.domain.openadr.times import NEVER, STEP_MS, instant, instant_ms

SETPOINT = "DISPATCH_SETPOINT_RELATIVE"
KILOWATTS = "KW"
READING, BASELINE, AVAILABLE, STATE = "READING", "BASELINE", "LOAD_SHED_DELTA_AVAILABLE", "OPERATING_STATE"
REPORTED = (READING, BASELINE, AVAILABLE, STATE)
"""Types of payload that reports on our events hold."""
_NAME = re.compile(r"(event-[0-9a-f]{12})-v([1-9]\d{0,8})")
_KEPT_MS = 86_400_000
"""So long after its end an event is still brought to the VTN, or cancelled there."""
Json = dict[str, Any]
Content = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a VTN is to hold of one version of an event."""

    event_id: str
    version: int
    content: Content
    cancelled: bool

    @property
    def name(self) -> str:
        """The name of the event at the VTN."""
        return event_name(self.event_id, self.version)

    def document(self, program_id: str) -> Json:
        """The event for the VTN; see ``event_document``."""
        return event_document(self.event_id, self.version, self.content, program_id)


def event_name(event_id: str, version: int) -> str:
    """The name of an event's version at a VTN.

    >>> event_name("event-0123456789ab", 2)
    'event-0123456789ab-v2'
    """
    return f"{event_id}-v{version}"


def own_event(name: str) -> tuple[str, int] | None:
    """Event and version of a name that ``event_name`` makes; ``None`` for any other.

    >>> own_event("event-0123456789ab-v2"), own_event("peak")
    (('event-0123456789ab', 2), None)
    """
    found = _NAME.fullmatch(name)
    return (found[1], int(found[2])) if found else None


def wanted(events: Mapping[str, Event], histories: Mapping[str, Sequence[Record]], now_ms: int) -> Iterator[Wanted]:
    """What a VTN is to hold of events that are not long over.

    ``histories``: the records of each event, in order. A version that was never dispatched is not told to anybody; nor
    is one that was over before the VTN heard of it.
    """
    for event_id, event in events.items():
        if now_ms >= max(event.end_ms, event.changed_ms) + _KEPT_MS:
            continue
        for version, content in _dispatched(histories[event_id]).items():
            current = version == event.version and event.state is not State.CANCELLED
            over = now_ms >= int(content["end_ms"])
            if now_ms < int(content["end_ms"]) + _KEPT_MS and not (current and over):
                yield Wanted(event_id=event_id, version=version, content=content, cancelled=not current)


def _dispatched(history: Sequence[Record]) -> dict[int, Content]:
    """The plan of each version that was scheduled."""
    found: dict[int, Content] = {}
    version, content = 0, None
    for record in history:
        if record.what["content"] is not None:
            version, content = version + 1, record.what["content"]
        if record.what["action"] == Action.SCHEDULE and content is not None:
            found[version] = content
    return found


def event_document(event_id: str, version: int, content: Content, program_id: str) -> Json:
    """A plan as an OpenADR event: relative setpoints in kW, targets, and the reports that are asked for.

    Raises ``DispatchError`` when a region or feeder cannot be a target.
    """
    start_ms, step_ms, setpoints_kw = setpoints(content)
    return {
        "programID": program_id,
        "eventName": event_name(event_id, version),
        "priority": 1,
        "targets": _targets(content),
        "intervalPeriod": {"start": instant(start_ms), "duration": f"PT{step_ms // 1000}S"},
        "payloadDescriptors": [{"payloadType": SETPOINT, "units": KILOWATTS}],
        "reportDescriptors": [_asked(name) for name in REPORTED],
        "intervals": [
            {"id": place, "payloads": [{"type": SETPOINT, "values": [value]}]}
            for place, value in enumerate(setpoints_kw)
        ],
    }


def setpoints(content: Content) -> tuple[int, int, list[float]]:
    """Begin, length of an interval, and the change of power in each, kW: below zero where less is used.

    P50 of the plan by interval; of a plan that does not tell it for each of its intervals, the target all along.
    """
    start_ms, end_ms = int(content["start_ms"]), int(content["end_ms"])
    grid_ms = list(range(start_ms, end_ms, STEP_MS))
    told = content.get("expected_kw") or []
    if (end_ms - start_ms) % STEP_MS == 0 and [instant_ms("start", one["start"]) for one in told] == grid_ms:
        return start_ms, STEP_MS, [round(-float(one["p50"]), 3) + 0.0 for one in told]
    return start_ms, end_ms - start_ms, [round(-float(content["target_kw"]), 3) + 0.0]


def cancelled_document(document: Content) -> Json:
    """An event as a VTN is to hold it once it is cancelled."""
    intervals = [{"id": 0, "payloads": [{"type": SETPOINT, "values": [0.0]}]}]
    return {**document, "intervalPeriod": {"start": NEVER, "duration": "PT0S"}, "intervals": intervals}


def _targets(content: Content) -> list[str]:
    """The region, and each feeder that is called."""
    region = str(content["region"])
    feeders = {group.feeder for group in called_groups(content)}
    return [target_of(Place(region)), *(target_of(Place(region, feeder)) for feeder in sorted(feeders))]


def _asked(payload: str) -> Json:
    if payload == STATE:
        return {"payloadType": payload, "aggregate": True}
    return {"payloadType": payload, "readingType": "MEAN", "units": KILOWATTS, "aggregate": True}
