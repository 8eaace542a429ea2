"""The events service as a service of the local stack."""

from __future__ import annotations

from pathlib import Path

from gridflex.adapters.events.tokens import make_tokens
from gridflex.config import Config
from gridflex.operations.local.events_service import events_service, events_welcome
from gridflex.operations.local.service_list import all_services
from gridflex.operations.local.services import select
from tests.support.events import events_config


def test_events__start_only_when_they_are_named_and_bring_kafka_alone() -> None:
    services = all_services(Config())
    assert "events" not in [one.name for one in select(services, [])]
    assert [one.name for one in select(services, ["events"])] == ["kafka", "events"]


def test_events__are_described_without_a_token(tmp_path: Path) -> None:
    config = events_config(tmp_path)
    assert events_welcome(config) is None
    tokens = make_tokens(config, {})
    secrets = (*tokens.people.values(), tokens.service)
    text = f"{events_service(config)} {events_welcome(config)}"
    assert "tokens.json" in text
    assert not any(secret in text for secret in secrets)
