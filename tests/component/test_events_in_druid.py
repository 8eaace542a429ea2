"""The ledger and the results of commands in Druid: two supervisors that run only where they are wanted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from gridflex.adapters.avro import encode_dicts
from gridflex.adapters.druid.client import Druid
from gridflex.adapters.druid.specs import supervisor_specs
from gridflex.adapters.druid.supervisors import submit_changed
from gridflex.adapters.kafka.ledger import LedgerWriter
from gridflex.contracts.feeds import feed, stored_feeds
from gridflex.contracts.schemas import load_schema
from gridflex.operations.checks.druid import druid_checks
from gridflex.operations.checks.runner import run_checks
from gridflex.operations.local.stack import Stack
from tests.component.test_druid_ingestion import produce
from tests.support.curtailment import LIFE, NOW_MS
from tests.support.stack import wait_until

pytestmark = [pytest.mark.component, pytest.mark.timeout(600)]

WANTED = ("events", "command_results")
RESULT = {
    **{"event_time_ms": NOW_MS, "command_id": "c-1", "event_id": "druid", "version": 1, "region": "Sfax"},
    **{"feeder": "sfax-01", "appliance": "fridge", "cohort": 3, "house_id": "redd-1-0"},
    **{"appliance_id": "redd-1-0-5", "result": "refused", "reason": "min_on"},
}


@pytest.fixture(scope="module", autouse=True)
def written(stack: Stack, druid: Druid) -> Iterator[None]:
    """An event's life and two results; afterwards the supervisors are gone again."""
    with LedgerWriter(stack.config.kafka) as writer:
        writer.append([replace(one, event_id="druid") for one in LIFE])
    accepted = RESULT | {"appliance_id": "redd-1-0-6", "result": "accepted", "reason": ""}
    produce(stack, "command_results", encode_dicts(load_schema("command_result"), [RESULT, accepted]))
    yield
    for name in WANTED:
        druid.terminate_supervisor(name, timeout_s=2)  # nobody asks for what its task has read since


def test_check__misses_a_supervisor_once_its_topic_has_something_for_it(stack: Stack) -> None:
    assert {one.name for one in stack.supervisors()} == {one.table for one in stored_feeds() if one.service is None}
    assert stack.report().problems == []
    found = {finding.name: finding for finding in run_checks(druid_checks(stack.config), 30)}
    for name in WANTED:
        assert (found[f"supervisor {name}"].state, found[f"supervisor {name}"].detail) == ("failed", "there is none")


def test_druid__tells_every_change_and_result(stack: Stack, druid: Druid) -> None:
    feeds = [feed("curtailment"), feed("command_results")]
    submit_changed(druid, supervisor_specs(stack.config, feeds))
    told = "SELECT COUNT(*) AS n FROM {} WHERE event_id = 'druid'"
    for table, count in (("events", len(LIFE)), ("command_results", 2)):
        wait_until(lambda: druid.has_table(table) and druid.sql(told.format(table))[0]["n"] == count, 120, table)  # noqa: B023
    query = "SELECT sequence, action, state, version, region, actor FROM events WHERE event_id = 'druid'"
    rows = sorted(druid.sql(query), key=lambda row: int(row["sequence"]))
    assert [(row["action"], row["state"]) for row in rows] == [
        *(("draft", "draft"), ("propose", "proposed"), ("approve", "approved"), ("schedule", "scheduled")),
        *(("start", "active"), ("complete", "completed"), ("settle", "settled")),
    ]
    assert (rows[2]["version"], rows[2]["region"], rows[2]["actor"]) == (1, "Sfax", "bilel")
    query = (
        'SELECT "result", SUM(results) AS n, MAX(cohort) AS cohort FROM command_results GROUP BY 1'  # a reserved word
    )
    assert druid.sql(query) == [{"result": "accepted", "n": 1, "cohort": 3}, {"result": "refused", "n": 1, "cohort": 3}]
