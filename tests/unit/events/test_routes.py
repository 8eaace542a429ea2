"""Routes as an attacker or a careless client meets them; nothing here gets as far as the ledger's writer."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from fastapi.testclient import TestClient

from gridflex.events.app import create_app
from gridflex.events.dependencies import Parts
from gridflex.events.shared_ledger import Snapshot
from tests.support.events import ENVIRON, SERVICE_TOKEN, TOKENS, bearer, drafts, events_config, handed_plan

SFAX, TUNIS = handed_plan(), handed_plan(region="Tunis")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    """The service over a ledger of two drafts, in Sfax and in Tunis; nobody opens Kafka."""
    app = create_app(events_config(tmp_path_factory.mktemp("events"), events_max_body_kb=900), ENVIRON)
    parts: Parts = app.state.parts
    parts.shared_ledger._know(Snapshot.of(drafts(SFAX, TUNIS)))
    return TestClient(app, raise_server_exceptions=False)


@pytest.fixture
def client(service: TestClient) -> TestClient:
    """The service as if nobody had asked it yet; an address may try three wrong tokens."""
    parts: Parts = service.app.state.parts  # type: ignore[attr-defined]
    parts.refusals._kept.clear()
    for limit, per_min in ((parts.requests, 1000), (parts.wrong_tokens, 3)):
        limit._left.clear()
        limit._per_min = per_min
    return service


def event_id(client: TestClient, plan: dict[str, Any]) -> str:
    found = client.get("/events", params={"region": plan["region"]}, headers=bearer("dali")).json()["events"]
    return found[0]["event_id"]


def refused(client: TestClient) -> Any:
    parts: Parts = client.app.state.parts  # type: ignore[attr-defined]
    return parts.refusals.last()


def test_token__is_wanted_by_every_route_but_health(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    asked = {(method, path) for path, found in paths.items() for method in found if path != "/health"}
    assert len(asked) >= 12
    client.app.state.parts.wrong_tokens._per_min = 1000  # type: ignore[attr-defined]
    for method, path in asked:
        answer = client.request(method, path.replace("{event_id}", "event-0"), json={})
        assert (method, path, answer.status_code) == (method, path, 401)
        assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer nobody"},
        {"Authorization": f"Basic {TOKENS['amira']}"},
        {"Authorization": f"Bearer {TOKENS['amira']}x"},
        {"Authorization": f"Bearer {TOKENS['amira']}".encode() + b"\xff"},
        {"Gridflex-User": "amira"},
        {"Authorization": "Bearer " + "a" * 60_000},
    ],
)
def test_token__that_is_wrong_tells_nothing(client: TestClient, headers: dict[str, Any]) -> None:
    answer = client.get("/events", headers=headers)
    assert answer.status_code == 401
    assert "no such token" in answer.json()["detail"]


def test_tokens__that_are_wrong_are_counted_and_right_ones_go_on(client: TestClient) -> None:
    wrong = [client.get("/events", headers={"Authorization": f"Bearer {n}"}).status_code for n in range(5)]
    assert wrong == [401, 401, 401, 429, 429]
    assert client.get("/events", headers=bearer("dali")).status_code == 200


def test_requests__of_one_user_have_a_limit_of_their_own(client: TestClient) -> None:
    client.app.state.parts.requests._per_min = 2  # type: ignore[attr-defined]
    found = [client.get("/programs", headers=bearer("dali")) for _ in range(3)]
    assert [answer.status_code for answer in found] == [200, 200, 429]
    assert found[2].headers["Retry-After"]
    assert client.get("/programs", headers=bearer("bilel")).status_code == 200


def test_superset__speaks_for_its_user_with_the_service_token_alone(client: TestClient) -> None:
    service = {"Authorization": f"Bearer {SERVICE_TOKEN}"}
    found = client.get("/events", headers=service | {"Gridflex-User": "emna"}).json()["events"]
    assert [one["region"] for one in found] == ["Sfax"]
    for headers in (service, service | {"Gridflex-User": "root"}, bearer("dali") | {"Gridflex-User": "bilel"}):
        assert client.get("/events", headers=headers).status_code == 403


def test_region__that_is_not_ones_own_is_neither_seen_nor_touched(client: TestClient) -> None:
    elsewhere = event_id(client, TUNIS)
    about = {"content_hash": "0" * 64}
    assert [one["region"] for one in client.get("/events", headers=bearer("emna")).json()["events"]] == ["Sfax"]
    assert client.get(f"/events/{event_id(client, SFAX)}", headers=bearer("emna")).json()["content"] == SFAX
    asked = [
        client.get("/events", params={"region": "Tunis"}, headers=bearer("emna")),
        client.get("/flexibility", params={"region": "Tunis"}, headers=bearer("emna")),
        client.get(f"/events/{elsewhere}", headers=bearer("emna")),
        client.post(f"/events/{elsewhere}/propose", json=about, headers=bearer("emna")),
        client.post(f"/events/{elsewhere}/cancel", json={"reason": "x"}, headers=bearer("emna")),
        client.post("/events", json=TUNIS, headers=bearer("emna")),
        client.post("/plans", json=PLAN | {"region": "Tunis"}, headers=bearer("emna")),
        client.post(f"/events/{event_id(client, SFAX)}/amend", json={"content": TUNIS, "reason": "x"},
                    headers=bearer("emna")),
    ]  # fmt: skip
    assert [answer.status_code for answer in asked] == [403] * len(asked)
    assert {one.who for one in refused(client)} == {"emna"}


PLAN = {"region": "Sfax", "target_kw": 5.0, "start": "2099-01-01T10:00", "duration": "30m"}


@pytest.mark.parametrize("name", ["dali", "bilel"])
def test_role__that_plans_nothing_drafts_nothing(client: TestClient, name: str) -> None:
    assert client.post("/events", json=SFAX, headers=bearer(name)).status_code == 403
    assert client.post("/plans", json=PLAN, headers=bearer(name)).status_code == 403


def test_event__that_is_not_there_is_404(client: TestClient) -> None:
    for path in ("event-000000000000", "..%2f..%2fetc", "%00", "x" * 90):
        assert client.get(f"/events/{path}", headers=bearer("dali")).status_code == 404


GROUP = SFAX["groups"][0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"groups": [GROUP | {"region": "Tunis"}]}, "found region 'Tunis'; allowed: 'Sfax'"),
        ({"groups": [GROUP | {"cohorts": [10]}]}, "body.groups.0.cohorts.0"),
        ({"groups": [GROUP | {"cohorts": [0]}]}, "cohort 0 is the control group"),
        ({"groups": [GROUP, GROUP]}, "is called twice"),
        ({"groups": [GROUP | {"appliance": "oxygen_concentrator"}]}, "is not part of program 'emergency'"),
        ({"groups": [GROUP | {"off": [{"start": "2020-01-01T00:00:00Z", "end": "2099-01-01T00:00:00Z"}]}]}, "off-runs"),
        (
            {"groups": [GROUP | {"off": [{"start": "2026-13-01T00:00:00Z", "end": "2026-13-01T00:01:00Z"}]}]},
            "cannot be",
        ),
        ({"groups": []}, "body.groups"),
        ({"program": "best"}, "program: found 'best'; allowed: standard"),
        ({"program": "standard"}, "approve_by_ms"),
        ({"start_ms": 5, "approve_by_ms": 5}, "now before approve_by_ms"),
        ({"end_ms": 4_102_444_800_001}, "body.end_ms"),
        ({"start_ms": True}, "body.start_ms"),
        ({"target_kw": -1}, "body.target_kw"),
        ({"feeder": "Sfax-F99"}, "the plan is for feeder 'Sfax-F99' alone"),
        ({"region": "Sf\x1b[31max"}, "body.region"),
        ({"seed": 7}, "it was changed after it was planned"),
    ],
)
def test_plan__that_must_not_become_an_event_is_refused_in_one_line(
    client: TestClient, change: dict[str, Any], message: str
) -> None:
    plan = SFAX | change
    if "seed" not in change:
        del plan["id"]
    answer = client.post("/events", json=plan, headers=bearer("amira"))
    assert answer.status_code == 422, answer.text
    assert message in answer.json()["detail"]
    assert "\n" not in answer.json()["detail"]


def deep(levels: int) -> str:
    return "[" * levels + "]" * levels


@pytest.mark.parametrize(
    ("body", "statuses"),
    [
        (b"", {422}),
        (b"{", {422}),
        (b"[]", {422}),
        (b"\xff\xfe", {400, 422}),
        (json.dumps(SFAX)[:-1].encode() + b', "x": NaN}', {422}),
        (json.dumps(SFAX)[:-1].encode() + b', "x": 1e999}', {422}),
        (json.dumps(SFAX)[:-1].encode() + b', "x": "\\ud800"}', {422}),
        (json.dumps(SFAX)[:-1].encode() + b', "\\ud800": 1}', {422}),
        (json.dumps(SFAX | {"region": "?"}).replace("?", "\\ud800").encode(), {403, 422}),
        (json.dumps(SFAX)[:-1].encode() + f', "x": {deep(13)}}}'.encode(), {422}),
        (json.dumps(SFAX)[:-1].encode() + f', "x": {deep(800)}}}'.encode(), {400, 422}),
        (deep(200_000).encode(), {400, 422}),
        (b'{"x": ' + b"9" * 100_000 + b"}", {400, 422}),
        (b" " * 2_000_000, {413}),
    ],
)
def test_body__that_no_client_of_ours_sends_is_refused(client: TestClient, body: bytes, statuses: set[int]) -> None:
    headers = bearer("amira") | {"Content-Type": "application/json"}
    answer = client.post("/events", content=body, headers=headers)
    assert answer.status_code in statuses, answer.text
    assert isinstance(answer.json()["detail"], str)


def test_body__without_a_length_has_the_same_limit(client: TestClient) -> None:
    headers = bearer("amira") | {"Content-Type": "application/json"}
    answer = client.post("/events", content=(b" " * 100_000 for _ in range(20)), headers=headers)
    assert answer.status_code == 413


def test_refusal__is_logged_in_one_line_without_the_token(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    secret = "secret-" + "z" * 30
    with caplog.at_level(logging.WARNING):
        client.get("/events/%0aforged who=root", headers={"Authorization": f"Bearer {secret}"})
        client.post("/events", json=SFAX | {"region": "Sfax\nforged"}, headers=bearer("dali"))
        client.get("/events", params={"region": "Tunis\nforged"}, headers=bearer("emna"))
    lines = [record.getMessage() for record in caplog.records if record.name == "gridflex.events.refusals"]
    assert len(lines) == 2
    assert all("\n" not in line for line in lines)
    assert secret not in caplog.text
    assert not any(token in caplog.text for token in TOKENS.values())
    assert "who=emna" in lines[1]


def test_docs__name_every_call_and_load_nothing_from_elsewhere(client: TestClient) -> None:
    answer = client.get("/docs")
    paths = client.get("/openapi.json").json()["paths"]
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert all(f"{method.upper()} {path}<" in answer.text for path, found in paths.items() for method in found)
    assert "://" not in answer.text
    assert "<script" not in answer.text


def test_me__is_whose_token_it_is(client: TestClient) -> None:
    told = client.get("/me", headers=bearer("emna")).json()
    assert told == {"name": "emna", "roles": ["approver", "planner"], "regions": ["Sfax"]}


def test_event__says_what_a_vtn_asked_for_and_lists_them_alone(client: TestClient) -> None:
    origin = {"vtn": "http://vtn", "event_id": "e", "modified": "m", "digest": "0" * 64, "kw": [5.0], "program": "peak"}
    parts: Parts = client.app.state.parts  # type: ignore[attr-defined]
    before = parts.shared_ledger.snapshot
    parts.shared_ledger._snapshot = Snapshot.of(drafts(SFAX, handed_plan(seed=77, origin=origin)))
    try:
        found = client.get("/events", params={"from_vtn": True}, headers=bearer("dali")).json()["events"]
        assert [one["origin"] for one in found] == [origin]
        assert len(client.get("/events", headers=bearer("dali")).json()["events"]) == 2
        again = client.post("/events", json=handed_plan(seed=78, origin=origin), headers=bearer("amira"))
        assert again.status_code == 409
        assert f"the VTN's event e is {found[0]['event_id']} already: draft" in again.json()["detail"]
        for other in ({"kw": "x"}, {"program": 5}, {"program": "\x1b[2J"}):
            plan = handed_plan(seed=79, origin=origin | other)
            assert client.post("/events", json=plan, headers=bearer("amira")).status_code == 422
    finally:
        parts.shared_ledger._snapshot = before


def test_reports__without_a_vtn_are_a_409(client: TestClient) -> None:
    answer = client.get(f"/events/{event_id(client, SFAX)}/reports", headers=bearer("dali"))
    assert answer.status_code == 409
    assert "events go to no VTN" in answer.json()["detail"]
    assert client.get(f"/events/{event_id(client, SFAX)}", headers=bearer("dali")).json()["openadr"] is None
