"""What is made of Druid's answers about flexibility; the questions are put to a real Druid in tests/e2e."""

from __future__ import annotations

from typing import Any

import pytest

from gridflex.adapters.druid.client import Druid
from gridflex.adapters.druid.flexibility_query import FlexibilityQuery
from gridflex.config import Config
from gridflex.errors import ServiceError

MINUTE_MS = 1_752_517_800_000
PLACE = {"region": "Tunis", "feeder": "TUN-F01", "appliance": "fridge"}


class Answers(Druid):
    """Answers without a server: rows of the minute, rows of the fleet."""

    def __init__(self, now: list[dict[str, Any]], known: list[dict[str, Any]]) -> None:
        super().__init__(Config().druid)
        self.now, self.known = now, known

    def sql(self, query: str, parameters: Any = ()) -> list[dict[str, Any]]:
        return self.known if " AS known " in query else self.now


class Refuses(Druid):
    """Refuses every query; ``table`` tells whether anything was ever written."""

    def __init__(self, table: bool) -> None:
        super().__init__(Config().druid)
        self.table = table

    def sql(self, query: str, parameters: Any = ()) -> list[dict[str, Any]]:
        raise ServiceError("Druid refused")

    def has_table(self, name: str) -> bool:
        return self.table


def test_slices__add_up_the_data_sets_of_one_place() -> None:
    now = [PLACE | {"dataset": "redd", "heard": 5, "fresh": 4, "callable": 3, "flex_0_w": 100.0, "rebound_60_wh": 9.0},
           PLACE | {"dataset": "greend", "heard": 1, "fresh": 1, "callable": 1, "flex_0_w": 20.0}]  # fmt: skip
    known = [PLACE | {"dataset": "redd", "known": 4}, PLACE | {"dataset": "greend", "known": 2}]
    (found,) = FlexibilityQuery(Answers(now, known), MINUTE_MS).slices()
    assert (found.region, found.feeder, found.appliance) == ("Tunis", "TUN-F01", "fridge")
    assert (found.known, found.fresh, found.callable) == (5 + 2, 5, 4)
    assert found.moments.flex_w.tolist() == [120.0, 0.0, 0.0, 0.0]
    assert found.moments.rebound_wh.tolist() == [0.0, 0.0, 0.0, 9.0]


def test_slices__of_a_silent_place_are_known_and_not_fresh() -> None:
    (found,) = FlexibilityQuery(Answers([], [PLACE | {"dataset": "redd", "known": 3}]), MINUTE_MS).slices()
    assert (found.known, found.fresh, found.fresh_share) == (3, 0, 0.0)


def test_slices__are_none_before_anything_was_told() -> None:
    query = FlexibilityQuery(Refuses(table=False), MINUTE_MS)
    assert query.slices() == []
    assert query.households() == {}
    assert query.newest_ms() is None


def test_slices__pass_on_what_druid_refuses() -> None:
    with pytest.raises(ServiceError, match="refused"):
        FlexibilityQuery(Refuses(table=True), MINUTE_MS).slices()
