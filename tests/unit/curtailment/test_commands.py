from __future__ import annotations

import time

import numpy as np
import pytest

from gridflex.curtailment.arguments import minute_asked_ms
from gridflex.curtailment.commands import json_rows, report
from gridflex.domain.flexibility import Moments, Slice
from gridflex.errors import UsageError


def _slice(region: str, appliance: str, flex_w: float, deviation_w: float, *, fresh: int = 3) -> Slice:
    return Slice(
        region=region,
        feeder=f"{region}-F01",
        appliance=appliance,
        known=4,
        fresh=fresh,
        callable=fresh,
        moments=Moments(
            flex_w=np.array([flex_w, flex_w, flex_w / 2, 0]),
            variance_w2=np.full(4, deviation_w**2),
            shared_w=np.zeros(4),
            rebound_wh=np.full(4, flex_w),
        ),
    )


SLICES = [
    _slice("Sfax", "fridge", 3000, 1000),
    _slice("Tunis", "dryer", 4000, 0),
    _slice("Tunis", "fridge", 0, 0, fresh=0),
]


def test_rows__are_those_that_scripts_rely_on() -> None:
    rows = [row for one in SLICES for row in json_rows(one)]
    assert [row["horizon_min"] for row in rows] == [0, 15, 30, 60] * 3
    assert rows[0] == {
        "region": "Sfax",
        "feeder": "Sfax-F01",
        "appliance": "fridge",
        "horizon_min": 0,
        "p10_kw": pytest.approx(3 - 1.2816),
        "p50_kw": 3.0,
        "p90_kw": pytest.approx(3 + 1.2816),
        "fresh_share": 0.75,
    }
    assert {row["fresh_share"] for row in rows[8:]} == {0.0}


def test_report__adds_up_moments_and_not_quantiles() -> None:
    text = report(SLICES, {("Tunis", None): 5, (None, "fridge"): 7, (None, None): 9}, 1_750_000_020_000)
    assert "at 2025-06-15 15:07 UTC, kW" in text
    lines = {line.split("  ")[0]: line for line in text.splitlines()}
    assert "7.00 (5.72 to 8.28)" in lines["all"]
    assert "50% of 12" in lines["all"]
    assert lines["all"].split()[1] == "9"
    assert lines["Tunis"].split()[1] == "5"
    assert "3.00 (1.72 to 4.28)" in lines["fridge"]
    assert "0.00 (0.00 to 1.28)" in lines["fridge"]


@pytest.mark.parametrize(
    ("at", "minute"),
    [("2025-07-14T18:30", 18.5), ("2025-07-14T18:30:59.9+00:00", 18.5), ("2025-07-14T18:30+02:00", 16.5)],
)
def test_minute_asked__is_whole_and_utc(at: str, minute: float) -> None:
    assert minute_asked_ms(at, 90) == 1_752_451_200_000 + minute * 3_600_000


def test_minute_asked__is_by_default_the_last_that_has_settled() -> None:
    now_ms = time.time() * 1000
    asked_ms = minute_asked_ms(None, 90)
    assert asked_ms % 60_000 == 0
    assert 90_000 - 1000 <= now_ms - asked_ms <= 151_000


def test_minute_asked__refuses_what_is_no_instant() -> None:
    with pytest.raises(UsageError, match="found 'noon'; allowed: an instant such as"):
        minute_asked_ms("noon", 90)
