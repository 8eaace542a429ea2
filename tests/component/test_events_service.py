"""The events service on a real Kafka, started by the launcher: two persons, two services, wrong people, its OpenAPI."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner
from fastapi.testclient import TestClient

from gridflex.adapters.kafka.ledger import read_ledger
from gridflex.cli import gridflex
from gridflex.domain.curtailment import verify
from gridflex.errors import GridflexError
from gridflex.events.app import create_app
from gridflex.operations.local.stack import Stack
from tests.support.events import ENVIRON, TOKENS, USERS, bearer, handed_plan
from tests.support.examples import examples
from tests.support.stack import free_ports, running_stack, wait_until

pytestmark = pytest.mark.component
EXAMPLES = os.environ.get("SCHEMATHESIS_EXAMPLES", str(examples(12)))
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Kafka and the events service; Druid's address is nobody's."""
    with pytest.MonkeyPatch.context() as patch:
        for name, token in ENVIRON.items():
            patch.setenv(name, token)
        nobody = f"http://127.0.0.1:{free_ports(1)[0]}"
        options = {"events_users": USERS, "events_requests_per_min": 100_000, "druid_router_url": nobody}
        with running_stack(tmp_path_factory.mktemp("events"), "events", **options) as running:
            yield running


class Client:
    """Asks the service as one person."""

    def __init__(self, stack: Stack, name: str) -> None:
        self.url = f"http://127.0.0.1:{stack.config.events.port}"
        self.headers = bearer(name)

    def get(self, path: str, **query: object) -> requests.Response:
        return requests.get(self.url + path, params=query, headers=self.headers, timeout=60)

    def post(self, path: str, body: object) -> requests.Response:
        return requests.post(self.url + path, json=body, headers=self.headers, timeout=60)


@pytest.fixture
def people(stack: Stack) -> dict[str, Client]:
    return {name: Client(stack, name) for name in TOKENS}


def drafted(client: Client, **plan: Any) -> tuple[str, dict[str, Any]]:
    """A new event, and what a decision on it must name."""
    answer = client.post("/events", handed_plan(**plan))
    assert answer.status_code == 201, answer.text
    found = answer.json()
    return found["event_id"], {"content_hash": found["content_hash"]}


def proposed(people: dict[str, Client], **plan: Any) -> tuple[str, dict[str, Any]]:
    event_id, about = drafted(people["amira"], **plan)
    answer = people["amira"].post(f"/events/{event_id}/propose", about)
    assert answer.status_code == 200, answer.text
    return event_id, about


def actions(stack: Stack, event_id: str) -> list[str]:
    """What the ledger on Kafka says was done to an event; the whole ledger must be in order."""
    records = read_ledger(stack.config.kafka)
    assert verify(records) is None
    return [record.what["action"] for record in records if record.what["event_id"] == event_id]


def test_event__is_planned_by_one_and_approved_by_another(stack: Stack, people: dict[str, Client]) -> None:
    plan = handed_plan(seed=1)
    answer = people["chiraz"].post("/events", plan)
    event_id, about = answer.json()["event_id"], {"content_hash": answer.json()["content_hash"]}
    assert people["chiraz"].post("/events", plan).status_code == 409  # never two events
    assert people["bilel"].post(f"/events/{event_id}/approve", about).status_code == 409  # not proposed yet
    assert people["chiraz"].post(f"/events/{event_id}/propose", about).json()["state"] == "proposed"
    own = people["chiraz"].post(f"/events/{event_id}/approve", about)
    assert own.status_code == 403
    assert "another person must" in own.json()["detail"]
    other = people["bilel"].post(f"/events/{event_id}/approve", {"content_hash": "0" * 64})
    assert other.status_code == 409
    approved = people["bilel"].post(f"/events/{event_id}/approve", about).json()
    assert approved["approver"] == "bilel"
    assert approved["content"] == plan
    assert [one["action"] for one in approved["history"]][:3] == ["draft", "propose", "approve"]
    cancelled = people["bilel"].post(f"/events/{event_id}/cancel", {"reason": "the line is back"})
    assert cancelled.json()["state"] == "cancelled"
    assert actions(stack, event_id)[:3] == ["draft", "propose", "approve"]
    assert actions(stack, event_id)[-1] == "cancel"


def test_amendment__needs_a_new_approval(people: dict[str, Client]) -> None:
    event_id, about = proposed(people, seed=2, cohorts=(3,))
    changed = {"content": handed_plan(seed=3, cohorts=(4,)), "reason": "fewer households"}
    amended = people["amira"].post(f"/events/{event_id}/amend", changed).json()
    assert (amended["state"], amended["version"], amended["proposer"]) == ("draft", 2, "")
    assert people["bilel"].post(f"/events/{event_id}/approve", about).status_code == 409
    assert people["amira"].post(f"/events/{event_id}/propose", about).status_code == 409
    assert people["bilel"].post(f"/events/{event_id}/amend", changed).status_code == 403


def test_approvers__at_once_are_one_approval(stack: Stack, people: dict[str, Client]) -> None:
    event_id, about = proposed(people, seed=4, cohorts=(5,))
    with ThreadPoolExecutor(2) as both:
        answers = list(
            both.map(lambda name: people[name].post(f"/events/{event_id}/approve", about), ("bilel", "farid"))
        )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert actions(stack, event_id).count("approve") == 1


def test_households__of_two_events_at_one_time_are_called_once(people: dict[str, Client]) -> None:
    first, second = (proposed(people, seed=seed, cohorts=(6,), region="Gabes") for seed in (5, 6))
    assert people["bilel"].post(f"/events/{first[0]}/approve", first[1]).status_code == 200
    answer = people["bilel"].post(f"/events/{second[0]}/approve", second[1])
    assert answer.status_code == 409
    assert "cohort 6 of Gabes-F01/fridge: rest hours" in answer.json()["detail"]


def test_services__at_once_write_no_record_twice(stack: Stack, people: dict[str, Client]) -> None:
    """Each change goes to both services at the same time; whoever is fenced looks again and goes on."""
    with TestClient(create_app(stack.config, ENVIRON)) as other:
        for seed in (7, 8, 9):
            event_id, about = drafted(people["amira"], seed=seed, region="Sousse", starts_in_min=60 * seed)
            asked = (
                lambda: people["amira"].post(f"/events/{event_id}/propose", about),  # noqa: B023
                lambda: other.post(f"/events/{event_id}/propose", json=about, headers=bearer("chiraz")),  # noqa: B023
            )
            with ThreadPoolExecutor(2) as both:
                codes = sorted(answer.result().status_code for answer in [both.submit(one) for one in asked])
            assert codes in ([200, 409], [200, 404]), codes  # 404: that service has not heard of the draft
            assert actions(stack, event_id) == ["draft", "propose"]
        newest = drafted(people["amira"], seed=10, region="Sousse", starts_in_min=600)[0]
        wait_until(lambda: other.get(f"/events/{newest}", headers=bearer("dali")).status_code == 200, 20, "the draft")


def test_people__that_may_not_are_refused_and_told_of(people: dict[str, Client]) -> None:
    event_id, about = proposed(people, seed=11, region="Tunis", cohorts=(7,))
    wrong = people["dali"]
    nobody = requests.get(wrong.url + "/events", headers={"Authorization": "Bearer nobody's"}, timeout=60)
    assert nobody.status_code == 401
    for name in ("dali", "emna", "amira"):
        assert people[name].post(f"/events/{event_id}/approve", about).status_code == 403
    assert people["bilel"].post("/events/event-000000000000/approve", about).status_code == 404
    told = people["bilel"].get("/audit").json()
    assert told["finding"] is None
    assert told["records"] > 0
    refused = [(one["who"], one["status"]) for one in told["refused"] if one["path"] == f"/events/{event_id}/approve"]
    assert refused == [("amira", 403), ("emna", 403), ("dali", 403)]
    assert ("", 401) in {(one["who"], one["status"]) for one in told["refused"]}
    assert {one["who"] for one in people["emna"].get("/audit").json()["refused"]} == {"emna"}


def test_changes__are_streamed_to_who_may_see_them(people: dict[str, Client]) -> None:
    seen: dict[str, list[dict[str, Any]]] = {"dali": [], "emna": []}
    streams = {name: requests.get(people[name].url + "/changes", headers=people[name].headers, stream=True, timeout=30)
               for name in seen}  # fmt: skip
    opened = {name: stream.iter_lines(chunk_size=1) for name, stream in streams.items()}
    for lines in opened.values():
        assert next(lines).startswith(b":")

    def read(name: str) -> None:
        while not seen[name]:
            line = next(opened[name])
            if line.startswith(b"data: "):
                seen[name].append(json.loads(line.removeprefix(b"data: ")))

    readers = [threading.Thread(target=read, args=(name,), daemon=True) for name in seen]
    for reader in readers:
        reader.start()
    elsewhere = drafted(people["amira"], seed=12, region="Bizerte")[0]
    here = drafted(people["amira"], seed=13, region="Sfax", cohorts=(8,))[0]
    for reader in readers:
        reader.join(20)
    assert (seen["dali"][0]["event_id"], seen["dali"][0]["action"]) == (elsewhere, "draft")
    assert seen["emna"][0]["event_id"] == here
    for stream in streams.values():
        stream.close()
    again = people["dali"].headers | {"Last-Event-ID": str(seen["dali"][0]["sequence"] - 1)}
    with requests.get(people["dali"].url + "/changes", headers=again, stream=True, timeout=30) as stream:
        told = next(line for line in stream.iter_lines(chunk_size=1) if line.startswith(b"data: "))
    assert json.loads(told.removeprefix(b"data: ")) == seen["dali"][0]


def test_plan__without_druid_is_refused_in_one_line(people: dict[str, Client]) -> None:
    body = {"region": "Sfax", "target_kw": 5.0, "start": "2099-01-01T10:00", "duration": "30m", "program": "emergency"}
    answer = people["amira"].post("/plans", body)
    assert answer.status_code == 503
    assert "Druid" in answer.json()["detail"]
    assert "\n" not in answer.json()["detail"]
    assert people["dali"].get("/flexibility").status_code == 503


def test_enrolment__is_changed_by_who_plans_everywhere(people: dict[str, Client]) -> None:
    out = {"house_id": "redd-5-0", "opted_out": True}
    assert [people[name].post("/enrolment", out).status_code for name in ("dali", "emna")] == [403, 403]
    assert people["amira"].post("/enrolment", {"house_id": "lcl", "opted_out": True}).status_code == 422
    assert people["amira"].post("/enrolment", out | {"until_ms": 1}).status_code == 422
    row = people["amira"].post("/enrolment", out).json()
    assert (row["takes_part"], row["source"]) == (False, "events:amira")
    assert people["dali"].get("/enrolment", house="redd-5-0").json() == [row]
    back = people["bilel"].post("/enrolment", {"house_id": "redd-5-0", "opted_out": False}).json()
    assert back["takes_part"]
    assert people["emna"].get("/enrolment").status_code == 403


def test_command_line__goes_from_a_plans_file_to_an_approval(
    stack: Stack, people: dict[str, Client], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GRIDFLEX_EVENTS_URL", f"http://127.0.0.1:{stack.config.events.port}")
    monkeypatch.setenv("GRIDFLEX_EVENTS_USERS", USERS)
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(handed_plan(seed=14, region="Mahdia")))

    def run(name: str, *words: str) -> Any:
        monkeypatch.setenv("GRIDFLEX_EVENTS_TOKEN", TOKENS[name])
        return CliRunner().invoke(gridflex, ["curtail", *words])

    proposal = json.loads(run("amira", "propose", str(plan), "--json").output)
    event_id = proposal["event_id"]
    assert proposal["state"] == "proposed"
    wrong = run("amira", "approve", event_id)
    assert isinstance(wrong.exception, GridflexError)
    assert str(wrong.exception) == "amira (planner) cannot approve " + event_id + ": allowed: approver"
    assert json.loads(run("bilel", "approve", event_id, "--json").output)["approver"] == "bilel"
    refused = json.loads(
        run(
            "bilel", "reject", proposed(people, seed=17, region="Mahdia", cohorts=(9,))[0], "--reason", "no", "--json"
        ).output
    )
    assert refused["state"] == "rejected"
    assert event_id in run("dali", "list", "--region", "Mahdia").output
    shown = run("dali", "show", event_id).output
    assert "approve" in shown
    assert json.loads(run("bilel", "cancel", event_id, "--reason", "done", "--json").output)["state"] == "cancelled"
    assert "no such token" not in shown
    monkeypatch.setenv("GRIDFLEX_EVENTS_TOKEN", "nobody's")
    unknown = CliRunner().invoke(gridflex, ["curtail", "list"])
    assert "knows no such token" in str(unknown.exception)


def test_service__keeps_to_its_own_openapi_document(stack: Stack, people: dict[str, Client], tmp_path: Path) -> None:
    """No 5xx and no undocumented answer; what needs Druid has a test of its own."""
    program = str(Path(sys.executable).parent / "schemathesis")
    url = f"http://127.0.0.1:{stack.config.events.port}/openapi.json"
    left_out = [word for path in ("/changes", "/flexibility") for word in ("--exclude-path", path)]
    command = [
        program, "run", url, *left_out, "--header", f"Authorization: Bearer {TOKENS['chiraz']}", "--checks", CHECKS,
        "--max-examples", EXAMPLES, "--seed", "1", "--phases", "coverage,fuzzing", "--no-color",
    ]  # fmt: skip
    # It keeps what it found in the folder that it runs in.
    done = subprocess.run(command, check=False, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    paths = requests.get(url, timeout=30).json()["paths"]
    assert f"Tested: {sum(map(len, paths.values())) - 2}" in done.stdout
    assert people["dali"].get("/health").json()["status"] == "ok"


def test_service__that_is_killed_comes_back_with_the_ledger(stack: Stack, people: dict[str, Client]) -> None:
    event_id, about = proposed(people, seed=15, region="Nabeul")
    before = people["dali"].get("/audit").json()
    pid = next(one.pid for one in stack.status() if one.name == "events")
    assert pid
    os.kill(pid, 9)
    stack.up(["events"])
    after = people["dali"].get("/audit").json()
    assert (after["records"], after["head"]) == (before["records"], before["head"])
    assert people["bilel"].post(f"/events/{event_id}/approve", about).status_code == 200
