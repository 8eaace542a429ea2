from __future__ import annotations

import json
from typing import Any

import pytest

from gridflex.contracts.feeds import TABLE, feed, parse_feeds
from gridflex.errors import SchemaError

ROWS: list[dict[str, Any]] = json.loads(TABLE.read_text(encoding="utf-8"))


def parsed(place: int, **changes: Any) -> None:
    rows = [dict(row) for row in ROWS]
    rows[place] |= changes
    parse_feeds(json.dumps(rows))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"topik": "x"}, "row 1.topik: Extra inputs"),
        ({"writers": ["nobody"]}, "row 1.writers.0: .*'replay', 'spark'"),
        ({"schemas": []}, "schemas: found none"),
        ({"transform": "stream_processing.transforms.x"}, "transform: only if spark is among the readers"),
        ({"readers": ["batch"]}, "data_source: needed if, and only if, druid is among the readers"),
        ({"readers": ["batch"], "data_source": None}, "freshness_limit_s, service: only with a data_source"),
        ({"topic": "powerraw"}, "topic powerraw found more than once; allowed: once"),
        ({"data_source": "deadletter"}, "data_source deadletter found more than once"),
        ({"holds_positions": True}, "2 feeds have holds_positions; allowed: exactly one"),
    ],
    ids=str,
)
def test_parse_feeds__says_what_is_wrong_with_which_row(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        parsed(1, **changes)


def test_feed__lists_the_known_ones() -> None:
    with pytest.raises(
        SchemaError, match="no feed 'meters'; known: readings, duty_cycles, dead_letters, flexibility, c"
    ):
        feed("meters")


def test_table__is_asked_of_a_feed_that_druid_does_not_read() -> None:
    row = {**ROWS[1], "readers": ["batch"], "data_source": None, "merges_segments": False, "freshness_limit_s": None}
    (_, found) = parse_feeds(json.dumps([ROWS[0], row]))
    with pytest.raises(SchemaError, match="feed duty_cycles has no data source"):
        found.table  # noqa: B018
