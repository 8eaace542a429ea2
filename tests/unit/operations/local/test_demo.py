"""The demo's choices."""

import datetime as dt

from gridflex.domain.baseline import LEVEL, fewest
from gridflex.operations.local.demo import LEAD_DAYS

_RULE_DAYS = 10


def test_lead__gives_weekends_too_a_band_by_a_rule_of_ten_days() -> None:
    for first in range(7):
        past = [dt.date(2026, 1, 5 + first) + dt.timedelta(days=day) for day in range(LEAD_DAYS)]
        assert sum(day.weekday() >= 5 for day in past) - _RULE_DAYS >= fewest(LEVEL)
