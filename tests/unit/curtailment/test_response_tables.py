"""Answers to an event's commands as a person reads them."""

import datetime as dt

from gridflex.curtailment.response_tables import response_tables
from gridflex.domain.curtailment import CommandResult, Responses, Result
from gridflex.events.response_report import response_report

START_MS = 1_795_000_200_000


def answer(appliance_id: str, result: Result) -> CommandResult:
    return CommandResult(
        event_time_ms=START_MS,
        command_id="event-1/1/0",
        event_id="event-1",
        version=1,
        region="Sfax",
        feeder="SFA-F01",
        appliance="fridge",
        cohort=3,
        house_id=appliance_id.rpartition("-")[0],
        appliance_id=appliance_id,
        result=result,
    )


def test_response_tables__say_nothing_before_the_first_answer() -> None:
    assert response_tables({}) == ""


def test_response_tables__count_answers_by_group_and_tell_what_is_still_expected() -> None:
    responses = Responses("event-1", 1)
    for number, result in enumerate((Result.ACCEPTED, Result.ACCEPTED, Result.OPTED_OUT)):
        responses.take(answer(f"redd-{number}-0-5", result))
    start_ms = START_MS // 300_000 * 300_000
    begin, end = (dt.datetime.fromtimestamp(at / 1000, dt.UTC) for at in (start_ms, start_ms + 300_000))
    run = {"start": f"{begin:%Y-%m-%dT%H:%M:%SZ}", "end": f"{end:%Y-%m-%dT%H:%M:%SZ}"}
    plan = {
        "region": "Sfax", "start_ms": start_ms, "end_ms": start_ms + 300_000, "control_group": {"cohort": 9},
        "expected_kw": [{"start": run["start"], "p10": 0.1, "p50": 0.3, "p90": 0.5}],
        "groups": [{"region": "Sfax", "feeder": "SFA-F01", "appliance": "fridge", "cohorts": [3], "off": [run],
                    "mean_kw": 0.3, "appliances": 3.0}],
    }  # fmt: skip
    lines = response_tables(response_report(responses, plan)).splitlines()
    assert lines[2].split() == ["feeder", "appliance", "cohort", "accepted", "restored", "refused", "unreachable",
                                "opted", "out"]  # fmt: skip
    assert lines[4].split() == ["SFA-F01", "fridge", "3", "2", "0", "0", "0", "1"]
    assert lines[-1].split() == [f"{begin:%H:%M}", "0.300", "0.200"]
