"""What a VTN keeps, and what it answers."""

from __future__ import annotations

import datetime as dt

import pytest
from pydantic import ValidationError

from gridflex.adapters.openadr import (
    CANCELLED_START,
    Event,
    EventPayloadDescriptor,
    Interval,
    IntervalPeriod,
    Payload,
    Program,
    Report,
    ReportDescriptor,
    Ven,
    event_problems,
)

START = dt.datetime(2026, 11, 29, 18, tzinfo=dt.UTC)
SHED = "DISPATCH_SETPOINT_RELATIVE"
EVENT = Event(
    program_id="program-1",
    event_name="plan-1",
    priority=1,
    targets=("feeder-1",),
    interval_period=IntervalPeriod(start=START, duration=dt.timedelta(minutes=5)),
    payload_descriptors=(EventPayloadDescriptor(payload_type=SHED, units="KW"),),
    report_descriptors=(ReportDescriptor(payload_type="READING", units="KW", aggregate=True),),
    intervals=(Interval(id=0, payloads=(Payload(type=SHED, values=(-120.0,)),)),),
)
ANSWER = {
    "id": "0193",
    "createdDateTime": "2026-11-29T17:00:00.123456+00:00",
    "modificationDateTime": "2026-11-29T17:00:00.123456+00:00",
    "objectType": "EVENT",
    "programID": "program-1",
    "eventName": "plan-1",
    "priority": 1,
    "targets": ["feeder-1"],
    "reportDescriptors": [
        {"payloadType": "READING", "units": "KW", "aggregate": True, "startInterval": -1, "numIntervals": -1}
        | {"historical": True, "frequency": -1, "repeat": 1, "reportIntervals": "INTERVALS"}
    ],
    "payloadDescriptors": [{"payloadType": SHED, "units": "KW"}],
    "intervalPeriod": {"start": "2026-11-29T18:00:00+00:00", "duration": "P0Y0M0DT0H5M0S"},
    "intervals": [{"id": 0, "payloads": [{"type": SHED, "values": [-120]}]}],
}


def test_event__of_an_answer_is_the_event_that_was_sent() -> None:
    found = Event.model_validate(ANSWER)
    assert EVENT.same_content(found)
    assert found.id == "0193"
    assert found.interval_period is not None
    assert found.interval_period.start.utcoffset() == dt.timedelta()


def test_event__differs_by_one_value() -> None:
    changed = [{"id": 0, "payloads": [{"type": SHED, "values": [-121]}]}]
    assert not EVENT.same_content(Event.model_validate(ANSWER | {"intervals": changed}))


def test_event__is_sent_with_the_names_and_forms_of_the_standard() -> None:
    sent = Event.model_validate(ANSWER).content()
    assert not {"id", "createdDateTime", "modificationDateTime"} & set(sent)
    assert sent["programID"] == "program-1"
    assert sent["intervalPeriod"] == {"start": "2026-11-29T18:00:00Z", "duration": "PT5M"}
    assert sent["intervals"] == [{"id": 0, "payloads": [{"type": SHED, "values": [-120]}]}]


def test_event__is_cancelled_by_an_update_that_keeps_its_name_and_targets() -> None:
    cancelled = EVENT.cancelled()
    assert cancelled.is_cancelled
    assert not EVENT.is_cancelled
    sent = cancelled.content()
    assert sent["intervalPeriod"] == {"start": "0001-01-01T00:00:00Z", "duration": "PT0S"}
    assert sent["intervals"] == [{"id": 0, "payloads": [{"type": SHED, "values": [0]}]}]
    assert (sent["eventName"], sent["targets"]) == ("plan-1", ["feeder-1"])
    assert Event.model_validate({**ANSWER, **sent}).is_cancelled
    assert cancelled.interval_period == IntervalPeriod(start=CANCELLED_START, duration=dt.timedelta())


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"intervals": None}, "no intervals"),
        ({"interval_period": None}, "no start"),
        ({"intervals": (Interval(id=3, payloads=()),)}, "interval 3: no payload"),
        *(
            ({"intervals": (Interval(id=0, payloads=(Payload(type=kind, values=values),)),)}, kind)
            for kind, values in [
                (SHED, ("x",)), (SHED, ()), (SHED, (True,)), (SHED, (float("nan"),)),
                ("SIMPLE", (7,)), ("SIMPLE", (0.5,)),
            ]
        ),
    ],
)  # fmt: skip
def test_event__that_nobody_can_act_on_says_why(change: dict[str, object], problem: str) -> None:
    assert event_problems(EVENT) == []
    assert any(problem in found for found in event_problems(EVENT.model_copy(update=change)))


def test_targets__take_the_letters_of_the_standard_alone() -> None:
    with pytest.raises(ValidationError):
        Event(program_id="p", targets=("Île",))
    with pytest.raises(ValidationError):
        Event(program_id="../users")


def test_program__tells_its_descriptors_of_events_and_of_reports_apart() -> None:
    answer = {
        "id": "p1",
        "programName": "gridflex",
        "payloadDescriptors": [
            {"objectType": "EVENT_PAYLOAD_DESCRIPTOR", "payloadType": SHED, "units": "KW"},
            {"objectType": "REPORT_PAYLOAD_DESCRIPTOR", "payloadType": "BASELINE", "readingType": "MEAN"},
        ],
    }
    found = Program.model_validate(answer)
    assert found.payload_descriptors is not None
    assert [type(one).__name__ for one in found.payload_descriptors] == [
        "EventPayloadDescriptor",
        "ReportPayloadDescriptor",
    ]
    assert Program.model_validate(found.content() | {"id": "p1"}).same_content(found)


def test_report__keeps_numbers_and_words() -> None:
    payloads = [{"type": "READING", "values": [180.0]}, {"type": "OPERATING_STATE", "values": ["RUNNING_OPTED_OUT"]}]
    resources = [{"resourceName": "AGGREGATED_REPORT", "intervals": [{"id": 0, "payloads": payloads}]}]
    found = Report.model_validate(
        {"id": "r", "eventID": "e", "clientName": "ven", "clientID": "c", "resources": resources}
    )
    assert [one.values for one in found.resources[0].intervals[0].payloads] == [(180.0,), ("RUNNING_OPTED_OUT",)]
    assert (found.client_id, "clientID" in found.content()) == ("c", False)


@pytest.mark.parametrize("name", ["clientID", "clientId"])
def test_ven__is_read_under_both_names_of_its_client(name: str) -> None:
    assert Ven.model_validate({"id": "v", "venName": "ven", name: "c"}).client_id == "c"
