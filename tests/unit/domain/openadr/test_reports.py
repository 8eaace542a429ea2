from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridflex.domain.openadr import STEP_MS, ReportedInterval, read_report, report_document
from gridflex.errors import ForeignEventError
from tests.support.vtn_events import START_MS, vtn_event

NUMBERS = st.none() | st.floats(0, 1e6)
ROWS = st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS, st.sampled_from(["IDLE_NORMAL", "RUNNING_CURTAILED"])), min_size=1)


@given(ROWS)
def test_report__reads_back_as_it_was_told(told: list[tuple[float | None, float | None, float | None, str]]) -> None:
    rows = [
        ReportedInterval(start_ms=START_MS + place * STEP_MS, client="ven", reading_kw=reading, baseline_kw=baseline,
                         available_kw=available, state=state)
        for place, (reading, baseline, available, state) in enumerate(told)
    ]  # fmt: skip
    assert read_report(report_document(vtn_event(), "ven", "r", rows)) == rows


def report(*values: Any) -> dict[str, Any]:
    rows = [ReportedInterval(start_ms=START_MS, client="ven", reading_kw=1.0, state="IDLE_NORMAL")]
    document = report_document(vtn_event(), "ven", "r", rows)
    document["resources"][0]["intervals"][0]["payloads"][0]["values"] = list(values)
    return document


@pytest.mark.parametrize("value", ["180", True, float("nan"), {"x": 1}])
def test_report__with_a_value_that_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises(ForeignEventError, match="report of 'ven': READING: found"):
        read_report(report(value))


@pytest.mark.parametrize(
    "document", [{}, {"resources": [{}]}, {"resources": 5}, {"resources": [{"intervals": [{"payloads": [{}]}]}]}]
)
def test_report__of_another_form_is_refused_in_one_line(document: dict[str, Any]) -> None:
    with pytest.raises(ForeignEventError) as refused:
        read_report(document)
    assert "\n" not in str(refused.value)
