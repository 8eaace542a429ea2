"""Which supervisors are submitted beside which services."""

from __future__ import annotations

from gridflex.config import Config
from gridflex.contracts.feeds import stored_feeds
from gridflex.operations.local.druid_services import INDEXER
from gridflex.operations.local.problems import _supervisor_problems
from gridflex.operations.local.steps import SUPERVISORS, all_steps


def test_supervisors__of_a_service_wait_for_it_and_others_do_not() -> None:
    services = {feed.service for feed in stored_feeds()} - {None}
    found = {step.name: step.after for step in all_steps(Config()) if step.name.startswith(SUPERVISORS)}
    assert services == {"events"}
    assert found.keys() == {SUPERVISORS, f"{SUPERVISORS} of events"}
    assert found[f"{SUPERVISORS} of events"] - found[SUPERVISORS] == {"events"}
    assert INDEXER in found[SUPERVISORS]


def test_problems__miss_only_supervisors_that_there_must_be() -> None:
    (problem,) = _supervisor_problems({"powerraw": {}, "events": {}}, {}, {"powerraw"})
    assert (problem.service, problem.problem) == ("supervisor powerraw", "there is none")
    (suspended,) = _supervisor_problems({"events": {"suspended": True}}, {}, set())
    assert suspended.service == "supervisor events"
