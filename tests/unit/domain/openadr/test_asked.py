from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridflex.domain.openadr import (
    STEP_MS,
    Place,
    cancelled_document,
    event_document,
    instant,
    is_cancelled,
    read_event,
    setpoints,
)
from gridflex.errors import ForeignEventError
from tests.support.vtn_events import SETPOINT, START_MS, plan, vtn_event

FEEDER = "feeder__Sfax__Sfax-F01"


@given(
    st.lists(st.floats(50, 100).map(lambda kw: round(kw, 3)), min_size=1, max_size=24),
    st.sampled_from(["", "Sfax-F01", "Le Kef/2"]),
)
def test_event__of_a_plan_asks_for_what_the_plan_expects(kw: list[float], feeder: str) -> None:
    content = plan(kw, feeder or "Sfax-F01")
    asked = read_event(event_document("event-0123456789ab", 1, content, "p"))
    assert (asked.start_ms, asked.end_ms) == (content["start_ms"], content["end_ms"])
    assert list(asked.kw) == kw
    assert asked.place == Place("Sfax", feeder or "Sfax-F01")
    assert asked.target_kw == max(kw)


def test_plan__that_expects_nothing_by_interval_is_one_interval_of_its_target() -> None:
    content = plan([80.0] * 4) | {"expected_kw": []}
    assert setpoints(content) == (START_MS, 4 * STEP_MS, [-content["target_kw"]])
    wrong = plan([80.0] * 4)
    wrong["expected_kw"][1]["start"] = wrong["expected_kw"][0]["start"]
    assert setpoints(wrong)[2] == [-wrong["target_kw"]]


def test_feeders__of_a_region_are_the_region_and_one_is_itself() -> None:
    assert read_event(vtn_event(targets=["region__Sfax"])).place == Place("Sfax")
    assert read_event(vtn_event(targets=[FEEDER])).place == Place("Sfax", "Sfax-F01")
    assert read_event(vtn_event(targets=["region__Sfax", FEEDER])).place == Place("Sfax", "Sfax-F01")
    both = ["region__Sfax", FEEDER, "feeder__Sfax__Sfax-F02"]
    assert read_event(vtn_event(targets=both)).place == Place("Sfax")
    assert read_event(vtn_event(targets=["north"]), {"north": Place("Sfax", "Sfax-F02")}).place.feeder == "Sfax-F02"


def test_intervals__may_have_periods_of_their_own_and_be_longer_than_a_step() -> None:
    period = {"start": instant(START_MS + STEP_MS), "duration": "P0Y0M0DT0H15M0S"}
    own = {"id": 1, "intervalPeriod": period, "payloads": [{"type": SETPOINT, "values": [-60]}]}
    asked = read_event(vtn_event(-80.0) | {"intervals": [*vtn_event(-80.0)["intervals"], own]})
    assert asked.kw == (80.0, 60.0, 60.0, 60.0)


def test_intervals__of_nothing_at_either_end_are_left_out() -> None:
    asked = read_event(vtn_event(0.0, -80.0, -70.0, 0.0, -0.0))
    assert (asked.start_ms, asked.kw) == (START_MS + STEP_MS, (80.0, 70.0))


def test_cancelled_event__is_known_and_no_other_is() -> None:
    event = vtn_event(-80.0)
    assert is_cancelled(cancelled_document(event))
    assert is_cancelled(
        event | {"intervalPeriod": {"start": "0001-01-01T00:00:00+00:00", "duration": "P0Y0M0DT0H0M0S"}}
    )
    assert not is_cancelled(event)
    for period in (None, [], {"start": "0001-01-01T00:00:00Z"}, {"duration": "PT0S"}, {"start": 1, "duration": "PT0S"}):
        assert not is_cancelled(event | {"intervalPeriod": period})


def setpoint(*values: Any) -> list[dict[str, Any]]:
    return [{"id": 0, "payloads": [{"type": SETPOINT, "values": list(values)}]}]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"targets": ["Tunis"]}, "unknown target 'Tunis'"),
    ({"targets": []}, "found no target"),
    ({"targets": "region__Sfax"}, "found no target"),
    ({"targets": ["region__Sfax", "region__Tunis"]}, "allowed: one region"),
    ({"targets": [FEEDER, "feeder__Sfax__F2"]}, "allowed: one, or the region Sfax"),
    ({"intervals": setpoint(5.0)}, "setpoint of 5 kW; allowed: 0 or below"),
    ({"intervals": setpoint("x")}, "found the value 'x'"),
    ({"intervals": setpoint(True)}, "found the value 'True'"),
    ({"intervals": setpoint(float("nan"))}, "found the value 'nan'"),
    ({"intervals": setpoint(-float("inf"))}, "found the value '-inf'"),
    ({"intervals": setpoint(-1e300)}, "allowed: a number of kW"),
    ({"intervals": setpoint()}, "once, with one value"),
    ({"intervals": setpoint(-1, -2)}, "once, with one value"),
    ({"intervals": setpoint(0)}, "0 kW alone"),
    ({"intervals": setpoint(-80) + setpoint(-10)}, "in one event; allowed: each at least half"),
    ({"intervals": setpoint(-80) + setpoint(0) + setpoint(-80)}, "in one event; allowed: each at least half"),
    ({"intervals": []}, "intervals: found none"),
    ({"intervals": None}, "intervals: allowed: a list"),
    ({"intervals": [{"id": 0, "payloads": [{"type": "SIMPLE", "values": [1]}]}]}, "found SIMPLE; allowed"),
    ({"intervals": [{"id": 0}]}, "payloads: allowed: a list"),
    ({"intervals": [{"id": 0, "intervalPeriod": 5}]}, "intervalPeriod: allowed"),
    ({"intervalPeriod": {"start": instant(START_MS), "duration": "PT7M"}}, "found 7 min; allowed: 5, 10, 15"),
    ({"intervalPeriod": {"start": instant(START_MS), "duration": "PT0S"}}, "found 0 min"),
    ({"intervalPeriod": {"start": instant(START_MS), "duration": "P1M"}}, "without years and months"),
    ({"intervalPeriod": {"start": instant(START_MS), "duration": "P2D"}}, "more than 24 h"),
    ({"intervalPeriod": {"start": instant(START_MS)}}, "interval 0: duration: found 'None'"),
    ({"intervalPeriod": {"start": "2026-11-29 18:00", "duration": "PT5M"}}, "with its time zone"),
    ({"intervalPeriod": {"start": "soon", "duration": "PT5M"}}, "found 'soon'"),
    ({"intervalPeriod": None}, "interval 0: duration"),
    ({"intervalPeriod": [1]}, "intervalPeriod: allowed"),
    ({"duration": "PT1H"}, "duration: found 'PT1H'; allowed: that of its intervals, 5 min"),
    ({"payloadDescriptors": [{"payloadType": SETPOINT, "units": "KWH"}]}, "found units 'KWH'; allowed: KW"),
    ({"payloadDescriptors": 5}, "payloadDescriptors: allowed"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "told"), WRONG, ids=[told for _, told in WRONG])
def test_event__that_cannot_be_meant_is_refused_in_one_line(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ForeignEventError) as refused:
        read_event(vtn_event(-80.0) | changes)
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


def test_gap__between_intervals_is_refused() -> None:
    late = {
        "id": 1,
        "intervalPeriod": {"start": instant(START_MS + 2 * STEP_MS)},
        "payloads": setpoint(-80)[0]["payloads"],
    }
    with pytest.raises(ForeignEventError, match=r"interval 1: starts at .*without a gap"):
        read_event(vtn_event(-80.0) | {"intervals": [*setpoint(-80), late]})


def test_event__that_has_begun_is_refused() -> None:
    asked = read_event(vtn_event(-80.0))
    asked.check_ahead(START_MS - 1)
    for now_ms in (START_MS, START_MS + 1):
        with pytest.raises(ForeignEventError, match="which has passed"):
            asked.check_ahead(now_ms)
    ancient = read_event(
        vtn_event(-80.0) | {"intervalPeriod": {"start": "0001-01-01T00:00:00+14:00", "duration": "PT5M"}}
    )
    with pytest.raises(ForeignEventError, match="which has passed"):
        ancient.check_ahead(START_MS)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 10) | st.floats() | st.sampled_from(["", SETPOINT, "PT5M", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["id", "payloads", "type", "values", "intervalPeriod", "start", "duration"]), inner, max_size=3
    ),
    max_leaves=12,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from([*vtn_event(-1.0), "duration"]), JSON, max_size=3))
def test_event__of_any_form_is_read_or_refused(changes: dict[str, Any]) -> None:
    try:
        asked = read_event(vtn_event(-80.0) | changes)
    except ForeignEventError:
        return
    assert all(kw > 0 for kw in asked.kw)
