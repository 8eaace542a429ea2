"""The events service is killed with SIGKILL at each step of each change that it makes, on a real Kafka."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from gridflex.adapters.kafka.ledger_messages import audit_topic
from gridflex.config import Kafka
from gridflex.domain.curtailment import content_hash
from gridflex.operations.local.stack import Stack
from tests.support.dying_producer import STEPS
from tests.support.events import ENVIRON, MINUTE_MS, USERS, handed_plan, utc
from tests.support.killed_service import KilledService
from tests.support.stack import running_stack, wait_until
from tests.support.topics import read_records

pytestmark = [pytest.mark.component, pytest.mark.timeout(600)]
BEFORE_COMMIT = frozenset(STEPS[:4])
LIFE = ["draft", "propose", "approve", "schedule", "start", "complete"]
WAIT_S = 90


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A Kafka of this module's own: its events live hours ahead of the clock."""
    with pytest.MonkeyPatch.context() as patch:
        for name, token in ENVIRON.items():
            patch.setenv(name, token)
        options = {"events_users": USERS, "events_requests_per_min": 100_000}
        with running_stack(tmp_path_factory.mktemp("kills"), "kafka", **options) as running:
            yield running


class Case:
    """One event of one step, what was done to it, and what Kafka has of it."""

    def __init__(self, service: KilledService, kafka: Kafka, name: str, hour: int) -> None:
        self._service, self._kafka = service, kafka
        self.plan = handed_plan(region="Sfax", note=name, starts_in_min=60 * hour)
        groups = [group | {"feeder": f"F-{name}"} for group in self.plan["groups"]]
        groups.append({**groups[0], "appliance": "freezer", "cohorts": [3], "off": _runs(self.plan["start_ms"])})
        rest = {key: value for key, value in self.plan.items() if key != "id"} | {"groups": groups}
        self.plan = {"id": f"plan-{content_hash(rest)[:12]}", **rest}
        self.event_id = f"event-{content_hash(self.plan)[:12]}"
        self.path = f"/events/{self.event_id}"
        self.about = {"content_hash": content_hash(self.plan)}

    def actions(self) -> list[str]:
        """What the ledger says was done; it must be in order."""
        found = audit_topic(self._kafka)
        assert found.finding is None, found.finding
        return [one.what["action"] for one in found.records if one.what["event_id"] == self.event_id]

    def commands(self, action: str) -> Counter[str]:
        """The committed commands of the event, each with how often it is there."""
        rows = read_records(self._kafka.bootstrap_servers, "commands")
        return Counter(
            f"{row['appliance']} {row['cohort']} {row['start_ms']}"
            for row in rows
            if row["event_id"] == self.event_id and row["action"] == action
        )

    def expected_commands(self) -> set[str]:
        """Read from the plan by hand: fridges of two cohorts off once, freezers of one cohort twice."""
        start_ms = self.plan["start_ms"]
        return {f"fridge {cohort} {start_ms}" for cohort in (1, 2)} | {
            f"freezer 3 {start_ms + after_min * MINUTE_MS}" for after_min in (0, 20)
        }

    def wait_for(self, state: str) -> None:
        """Until the service says so."""
        self._service.wait_ready()
        wait_until(lambda: self._service.get("dali", self.path).json()["state"] == state, WAIT_S, state)

    def ask_again(self, step: str, action: str, name: str, body: dict[str, Any]) -> None:
        """Whoever asked and got no answer looks at the event, and repeats what is not there."""
        self._service.wait_ready()
        there = action in self.actions()
        assert there == (step not in BEFORE_COMMIT) or step == "during commit"
        if not there:
            answer = self._service.post(name, f"{self.path}/{action}", body)
            assert answer in {200, None}, answer  # none: it died at the next step already
        assert self.actions().count(action) == 1

    def propose(self) -> None:
        """Up to a proposal."""
        assert self._service.post("amira", "/events", self.plan) == 201
        assert self._service.post("amira", f"{self.path}/propose", self.about) == 200

    def move_clock(self, after_min: float) -> None:
        """To so long after the event's begin."""
        self._service.move_to(self.plan["start_ms"] / 1000 + after_min * 60)


def _runs(start_ms: int) -> list[dict[str, str]]:
    return [
        {"start": utc(start_ms + a * MINUTE_MS), "end": utc(start_ms + b * MINUTE_MS)} for a, b in ((0, 5), (20, 25))
    ]


@pytest.fixture(scope="module")
def service(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> KilledService:
    return KilledService(stack, tmp_path_factory.mktemp("service"))


@pytest.mark.sampled(1)
@pytest.mark.parametrize("step", STEPS)
def test_killed_service__makes_every_change_and_command_once_and_the_event_goes_on(
    stack: Stack, service: KilledService, step: str
) -> None:
    kafka, hour = stack.config.kafka, 2 + 8 * STEPS.index(step)
    one, other = Case(service, kafka, f"{step}-done", hour), Case(service, kafka, f"{step}-stopped", hour + 4)

    with service.running(step, "approve"):
        service.wait_ready()
        one.propose()
        assert service.post("bilel", f"{one.path}/approve", one.about) is None
    with service.running(step, "schedule"):
        one.ask_again(step, "approve", "bilel", one.about)
    with service.running(step, "start"):
        one.wait_for("scheduled")
        assert one.commands("off") == dict.fromkeys(one.expected_commands(), 1)
        one.move_clock(0)
    with service.running(step, "complete"):
        one.wait_for("active")
        one.move_clock(31)
    with service.running(step, "cancel"):
        one.wait_for("completed")
        other.propose()
        assert service.post("farid", f"{other.path}/approve", other.about) == 200
        other.wait_for("scheduled")
        other.move_clock(2)
        other.wait_for("active")
        assert service.post("amira", f"{other.path}/cancel", {"reason": "a line is down"}) is None
    with service.running():
        other.ask_again(step, "cancel", "amira", {"reason": "a line is down"})
        assert service.get("dali", other.path).json()["state"] == "cancelled"
        assert service.get("dali", "/audit").json()["finding"] is None

    assert one.actions() == LIFE
    assert other.actions() == [*LIFE[:5], "cancel"]
    for case, restored in ((one, 0), (other, 3)):
        assert case.commands("off") == dict.fromkeys(case.expected_commands(), 1)
        assert [*case.commands("restore").values()] == [1] * restored
