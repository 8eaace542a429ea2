"""`gridflex deploy check` and the metrics of a real events service: over TLS, with wrong tokens, when it stands still,
and when its ledger was tampered with.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import requests
import uvicorn
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from gridflex.adapters.kafka.feed_topics import topic_of
from gridflex.adapters.kafka.ledger_messages import ledger_feed
from gridflex.config import Config
from gridflex.errors import ServiceError
from gridflex.events.__main__ import server_options
from gridflex.events.app import create_app, openapi_document
from gridflex.events.dependencies import Parts
from gridflex.operations.checks.events import events_checks
from gridflex.operations.checks.runner import Finding, run_checks
from gridflex.operations.cluster.metrics import events_metrics
from gridflex.operations.local.stack import Stack
from tests.support.certificates import make_authority, make_certificate
from tests.support.events import ENVIRON, TOKENS, USERS, bearer, handed_plan
from tests.support.stack import free_ports, running_stack, wait_until

pytestmark = pytest.mark.component


@dataclass(frozen=True)
class Service:
    """The events service in this process, behind TLS as on a cluster."""

    config: Config
    parts: Parts
    other_ca: Path
    """An authority that did not sign its certificate."""

    def elsewhere(self, **changes: str) -> Config:
        return self.config.model_copy(update={"events": self.config.events.model_copy(update=changes)})


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("check"), "kafka", events_users=USERS) as running:
        yield running


@pytest.fixture(scope="module")
def service(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder, port = tmp_path_factory.mktemp("tls"), free_ports(1)[0]
    authority, other = make_authority(folder, "ca"), make_authority(folder, "other")
    settings = {"url": f"https://127.0.0.1:{port}", "ca_file": str(authority), "port": port}
    config = stack.config.model_copy(update={"events": stack.config.events.model_copy(update=settings)})
    app = create_app(config, ENVIRON)
    with served(app, config, ssl_certfile=str(make_certificate(folder, "events"))):
        yield Service(config, app.state.parts, other)


@contextmanager
def served(app: object, config: Config, **tls: str) -> Iterator[None]:
    server = uvicorn.Server(uvicorn.Config(app, **server_options(config), **tls))  # type: ignore[arg-type]
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started, 30, "the events service")
        yield
    finally:
        server.should_exit = True
        thread.join(30)


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDFLEX_EVENTS_TOKEN", TOKENS["dali"])


def checked(config: Config) -> list[Finding]:
    return list(run_checks(events_checks(config, 30), 30))


def states(config: Config) -> list[str]:
    return [found.state for found in checked(config)]


def test_check__reads_the_ledger_as_a_user(service: Service) -> None:
    plan = handed_plan()
    verify = service.config.events.ca_file
    answer = requests.post(
        service.config.events.url + "/events", json=plan, headers=bearer("amira"), verify=verify, timeout=30
    )
    assert answer.status_code == 201, answer.text
    first, second, _ = checked(service.config)
    assert (first.state, second.state) == ("ok", "ok")
    assert "signed in; events: 0 scheduled, 0 active; looked for what is due" in first.detail
    assert second.detail == "1 record(s) in order"


def test_check__tells_wrong_certificates_wrong_tokens_and_nobody_apart(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = checked(service.elsewhere(ca_file=str(service.other_ca)))[0]
    assert wrong.state == "failed"
    assert f"is not trusted: {service.other_ca} did not sign its certificate for this name" in wrong.detail
    nowhere = checked(service.elsewhere(url=f"http://127.0.0.1:{free_ports(1)[0]}", ca_file=""))
    assert [found.state for found in nowhere] == ["failed", "skipped", "skipped"]
    assert "no events service at http://127.0.0.1" in nowhere[0].detail
    monkeypatch.setenv("GRIDFLEX_EVENTS_TOKEN", "nobody's")
    assert "knows no such token" in checked(service.config)[0].detail
    monkeypatch.delenv("GRIDFLEX_EVENTS_TOKEN")
    silent = checked(service.config)
    assert [found.state for found in silent] == ["ok", "skipped", "skipped"]
    assert silent[0].detail.endswith("nobody signed in: no GRIDFLEX_EVENTS_TOKEN in the environment")


def test_check__skips_what_was_not_started_on_this_machine(stack: Stack) -> None:
    assert states(stack.config) == ["skipped", "skipped", "skipped"]


def test_check__tells_what_the_service_says_of_its_vtn(stack: Stack) -> None:
    url = f"http://127.0.0.1:{free_ports(1)[0]}"
    config = stack.config.model_copy(update={"openadr": stack.config.openadr.model_copy(update={"url": url})})
    with served(create_app(config, ENVIRON), config):
        found = checked(config)[2]
    told = f"no event goes to {url}: the events service has no secret of gridflex-business"
    assert (found.state, found.detail) == ("failed", told)
    with served(create_app(config, ENVIRON | {"GRIDFLEX_OPENADR_CLIENT_SECRET": "y" * 30}), config):
        found = wait_until(lambda: "was not asked yet" not in (one := checked(config)[2]).detail and one, 20, "it asks")
    assert (found.state, found.detail) == ("failed", f"no event goes to {url}: no VTN at {url}: connection refused")


def test_address__is_believed_of_a_proxy_alone(service: Service, stack: Stack) -> None:
    """Behind TLS nginx says who comes; where nothing stands before the service, whoever comes could say anything."""
    url, verify = service.config.events.url, service.config.events.ca_file
    wrong = {"Authorization": "Bearer nobody's", "X-Forwarded-For": "10.8.0.9"}
    assert requests.get(url + "/events", headers=wrong, verify=verify, timeout=30).status_code == 401
    assert service.parts.refusals.last()[0].address == "10.8.0.9"
    open_config = stack.config
    app = create_app(open_config, ENVIRON)
    with served(app, open_config):
        address = f"http://127.0.0.1:{open_config.events.port}/events"
        assert requests.get(address, headers=wrong, timeout=30).status_code == 401
    assert app.state.parts.refusals.last()[0].address == "127.0.0.1"


def test_stalled_dispatcher__is_found_by_check_health_and_metrics(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = {one["MetricName"]: one["Value"] for one in events_metrics(service.config)}
    assert measured["DispatchAgeSeconds"] < 10
    assert measured["RefusedCommands"] == 0
    dispatcher = service.parts.dispatcher

    def away() -> None:
        raise ServiceError("Kafka did not answer")

    monkeypatch.setattr(dispatcher, "step", away)
    wait_until(lambda: dispatcher._waits, 10, "a step that fails")
    monkeypatch.setattr(dispatcher, "_looked_s", dispatcher._looked_s - 100)
    found = checked(service.config)
    assert [one.state for one in found] == ["failed", "skipped", "skipped"]
    assert found[0].detail.startswith(f"{service.config.events.url}: nothing was dispatched for 1")
    assert found[0].detail.endswith("s: Kafka did not answer")
    health = requests.get(service.config.events.url + "/health", verify=service.config.events.ca_file, timeout=30)
    assert (health.status_code, "nothing was dispatched" in health.text) == (503, True)
    age = next(one for one in events_metrics(service.config) if one["MetricName"] == "DispatchAgeSeconds")
    assert age["Value"] > 60
    monkeypatch.undo()
    monkeypatch.setenv("GRIDFLEX_EVENTS_TOKEN", TOKENS["dali"])
    wait_until(lambda: dispatcher.age_s() < 5, 20, "a dispatcher that goes on")


def test_status__counts_only_ones_own_regions(service: Service) -> None:
    url, verify = service.config.events.url, service.config.events.ca_file
    answer = requests.post(
        url + "/events", json=handed_plan(region="Tunis"), headers=bearer("amira"), verify=verify, timeout=30
    )
    assert answer.status_code == 201, answer.text
    seen = {
        name: requests.get(url + "/status", headers=bearer(name), verify=verify, timeout=30).json()["events"]["draft"]
        for name in ("dali", "emna")
    }
    assert seen == {"dali": 2, "emna": 1}


def test_roles__are_those_of_the_api_reference(service: Service) -> None:
    """Each call of each role: refused by 403 exactly if the OpenAPI document does not name the role."""
    people = {"planner": "amira", "approver": "bilel", "viewer": "dali"}
    fresh = count(1)
    with requests.Session() as session:

        def ask(name: str, method: str, path: str, body: Any = None) -> requests.Response:
            return session.request(
                method,
                service.config.events.url + path,
                json=body,
                headers=bearer(name),
                timeout=30,
                stream=True,
                verify=service.config.events.ca_file,
            )

        def event(action: str) -> tuple[str, dict[str, Any]]:
            """A new event on which that can be done, and what says so."""
            plan = handed_plan(region=f"Region {next(fresh)}")
            found = ask("chiraz", "POST", "/events", plan).json()
            about = {"content_hash": found["content_hash"], "reason": "test"}
            if action in {"approve", "reject"}:
                assert ask("chiraz", "POST", f"/events/{found['event_id']}/propose", about).status_code == 200
            changed = {"content": handed_plan(region=plan["region"], seed=1), "reason": "test"}
            return found["event_id"], {"cancel": {"reason": "test"}, "amend": changed}.get(action, about)

        bodies = {
            "/plans": {"region": "Sfax", "target_kw": 5.0, "start": "2099-01-01T10:00", "duration": "30m"},
            "/enrolment": {"house_id": "redd-5-0", "opted_out": True},
        }
        wrong = []
        for path, methods in openapi_document()["paths"].items():
            for method, call in methods.items():
                for role, name in people.items():
                    asked, body = path, bodies.get(path) if method == "post" else None
                    if "{event_id}" in path:
                        event_id, about = event(path.rsplit("/", 1)[-1])
                        asked, body = path.replace("{event_id}", event_id), about if method == "post" else None
                    elif (method, path) == ("post", "/events"):
                        body = handed_plan(region=f"Region {next(fresh)}")
                    with ask(name, method, asked, body) as answer:
                        allowed = role in call.get("x-roles", people)
                        if (answer.status_code != 403) != allowed or answer.status_code == 422:
                            wrong.append((method, path, role, answer.status_code))
        assert not wrong


def test_ledger__that_was_tampered_with_is_found(service: Service) -> None:
    """At last, because the ledger is spoiled afterwards: its first record is removed, then a forged one is added."""
    kafka = service.config.kafka
    topic = topic_of(kafka, ledger_feed())
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    next(iter(admin.delete_records([TopicPartition(topic, 0, 1)]).values())).result(30)
    wrong = next(found for found in checked(service.config) if found.state == "failed")
    assert wrong.detail.startswith("the ledger cannot be trusted: ")
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    producer.produce(topic, value=b"forged", key=b"event-1")
    assert producer.flush(30) == 0
    found = wait_until(lambda: (one := checked(service.config)[0]).state == "failed" and one, 20, "a failed check")
    assert "record" in found.detail
    assert "The events service does not work" in found.remedy
