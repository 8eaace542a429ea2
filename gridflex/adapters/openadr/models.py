"""What a VTN keeps: programs, events, reports, VENs and their resources, with the names of OpenADR 3.1.

A model is what one sends and what comes back: ``id`` and the times of its making are empty until the VTN has given
them, and are not compared by ``same_content``. Times are aware, in UTC. Unknown fields of an answer are left out.
"""

from __future__ import annotations

import datetime as dt
import math
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, model_validator
from pydantic.alias_generators import to_camel

from gridflex.adapters.openadr.times import Duration, Instant

CANCELLED_START = dt.datetime(1, 1, 1, tzinfo=dt.UTC)
"""The start of a cancelled event, whose duration is zero."""
_GIVEN = frozenset({"id", "created_date_time", "modification_date_time", "client_id"})
"""What the VTN gives by itself; a client's id it takes from the token."""
_NUMERIC = frozenset({"DISPATCH_SETPOINT", "DISPATCH_SETPOINT_RELATIVE", "CONTROL_SETPOINT", "IMPORT_CAPACITY_LIMIT"})
_HIGHEST_LEVEL = 3

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,128}$")]
Name = Annotated[str, Field(min_length=1, max_length=128)]


def _wire_name(field: str) -> str:
    camel = to_camel(field)
    return f"{camel[:-2]}ID" if camel.endswith("Id") else camel


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=_wire_name, populate_by_name=True)


class Kept(_Message):
    """What the VTN keeps under an id."""

    id: Identifier | None = None
    created_date_time: Instant | None = None
    modification_date_time: Instant | None = None

    @model_validator(mode="before")
    @classmethod
    def _names_its_client(cls, values: object) -> object:
        """``openleadr-vtn`` answers ``clientId`` in places."""
        if isinstance(values, dict) and "clientId" in values:
            return {**values, "clientID": values["clientId"]}
        return values

    def content(self) -> dict[str, Any]:
        """What is sent, as JSON has it: without what the VTN gives."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude=set(_GIVEN))

    def same_content(self, other: Self) -> bool:
        """Whether both say the same, whoever keeps them."""
        return self.model_dump(exclude=set(_GIVEN)) == other.model_dump(exclude=set(_GIVEN))


class Point(_Message):
    """A point of a curve."""

    x: float
    y: float


Value = bool | int | float | str | Point
"""Of a payload; what is allowed depends on its type: see ``event_problems``."""


class Payload(_Message):
    """Values of one type, such as DISPATCH_SETPOINT_RELATIVE or READING."""

    type: Name
    values: tuple[Value, ...]


class IntervalPeriod(_Message):
    """When: ``[start, start + duration)``."""

    start: Instant
    duration: Duration | None = None
    randomize_start: Duration | None = None
    """The start is put off by a time drawn from zero to this."""


class Interval(_Message):
    """One interval of an event or of a report; its time follows from those before it unless it has a period."""

    id: int
    payloads: tuple[Payload, ...]
    interval_period: IntervalPeriod | None = None


class EventPayloadDescriptor(_Message):
    """What values of a type mean in events."""

    object_type: Literal["EVENT_PAYLOAD_DESCRIPTOR"] = "EVENT_PAYLOAD_DESCRIPTOR"
    payload_type: Name
    units: str | None = None
    currency: str | None = None


class ReportPayloadDescriptor(_Message):
    """What values of a type mean in reports."""

    object_type: Literal["REPORT_PAYLOAD_DESCRIPTOR"] = "REPORT_PAYLOAD_DESCRIPTOR"
    payload_type: Name
    reading_type: str = "DIRECT_READ"
    units: str | None = None
    accuracy: float | None = None
    confidence: int | None = None


class ReportDescriptor(_Message):
    """Which reports an event asks for; numbers count intervals, -1 says all."""

    payload_type: Name
    reading_type: str | None = None
    units: str | None = None
    targets: tuple[Identifier, ...] | None = None
    aggregate: bool = False
    start_interval: int = -1
    num_intervals: int = -1
    historical: bool = True
    frequency: int = -1
    repeat: int = 1


class Program(Kept):
    """A program; its name is its own at a VTN."""

    program_name: Name
    interval_period: IntervalPeriod | None = None
    payload_descriptors: (
        tuple[Annotated[EventPayloadDescriptor | ReportPayloadDescriptor, Discriminator("object_type")], ...] | None
    ) = None
    targets: tuple[Identifier, ...] = ()


class Event(Kept):
    """An event of a program. Event names may repeat at a VTN; Gridflex gives each once."""

    program_id: Identifier
    event_name: str | None = None
    duration: Duration | None = None
    priority: int | None = None
    """0 is the highest."""
    targets: tuple[Identifier, ...] = ()
    """Who is meant; empty: everyone in the program."""
    report_descriptors: tuple[ReportDescriptor, ...] | None = None
    payload_descriptors: tuple[EventPayloadDescriptor, ...] | None = None
    interval_period: IntervalPeriod | None = None
    """Of every interval without one of its own: they follow each other from its start."""
    intervals: tuple[Interval, ...] | None = None

    @property
    def is_cancelled(self) -> bool:
        """Whether it was cancelled by an update."""
        period = self.interval_period
        return period is not None and period.start == CANCELLED_START and period.duration == dt.timedelta()

    def cancelled(self) -> Event:
        """The same event, cancelled: it starts at no time, lasts for none, and asks for nothing."""
        types = dict.fromkeys(one.type for interval in self.intervals or () for one in interval.payloads)
        payloads = tuple(Payload(type=name, values=(0,)) for name in types or ("SIMPLE",))
        return self.model_copy(
            update={
                "duration": None,
                "interval_period": IntervalPeriod(start=CANCELLED_START, duration=dt.timedelta()),
                "intervals": (Interval(id=0, payloads=payloads),),
            }
        )


class ReportResource(_Message):
    """What one resource reports; AGGREGATED_REPORT for several together."""

    resource_name: Name
    interval_period: IntervalPeriod | None = None
    intervals: tuple[Interval, ...] = ()


class Report(Kept):
    """A VEN's report on an event."""

    event_id: Identifier
    client_name: Name
    report_name: str | None = None
    client_id: str | None = None
    """Who sent it, by the token."""
    payload_descriptors: tuple[ReportPayloadDescriptor, ...] | None = None
    resources: tuple[ReportResource, ...]


class Ven(Kept):
    """A VEN; its name is its own at a VTN."""

    ven_name: Name
    client_id: str | None = None
    """Of its login; only business logic names it, a VEN is known by its token."""
    targets: tuple[Identifier, ...] = ()


class Resource(Kept):
    """A resource of a VEN; its name is its own there."""

    resource_name: Name
    ven_id: Identifier | None = None
    """Only business logic names it, a VEN is known by its token."""
    client_id: str | None = None
    targets: tuple[Identifier, ...] = ()


def event_problems(event: Event) -> list[str]:
    """What makes an event one that nobody can act on; a VTN takes such events. Empty: nothing.

    >>> event_problems(Event(program_id="p", event_name="shed"))
    ['no intervals', 'no start']
    """
    intervals = event.intervals or ()
    problems = [] if intervals else ["no intervals"]
    if event.interval_period is None and not (intervals and all(one.interval_period for one in intervals)):
        problems.append("no start")
    for interval in intervals:
        if not interval.payloads:
            problems.append(f"interval {interval.id}: no payload")
        problems += [f"interval {interval.id}: {wrong}" for one in interval.payloads if (wrong := _wrong_values(one))]
    return problems


def _wrong_values(payload: Payload) -> str | None:
    numbers = [
        one for one in payload.values
        if isinstance(one, int | float) and not isinstance(one, bool) and math.isfinite(one)
    ]  # fmt: skip
    only_numbers = 0 < len(numbers) == len(payload.values)
    if payload.type in _NUMERIC and not only_numbers:
        return f"{payload.type} {list(payload.values)!r:.60}; allowed: numbers"
    levels = range(_HIGHEST_LEVEL + 1)
    if payload.type == "SIMPLE" and not (only_numbers and all(one in levels for one in numbers)):
        return f"SIMPLE {list(payload.values)!r:.60}; allowed: 0 to {_HIGHEST_LEVEL}"
    return None
