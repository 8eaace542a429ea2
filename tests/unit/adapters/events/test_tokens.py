from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from gridflex.adapters.events.client import EventsClient
from gridflex.adapters.events.tokens import make_tokens, tokens_file
from gridflex.errors import ConfigError, ServiceError, UsageError
from tests.support.events import ENVIRON, SERVICE_TOKEN, TOKENS, events_config
from tests.support.stack import free_ports


def test_tokens__are_made_once_for_their_owner_alone(tmp_path: Path) -> None:
    config = events_config(tmp_path)
    made, again = make_tokens(config, {}), make_tokens(config, {})
    assert made == again
    assert stat.S_IMODE(tokens_file(config).stat().st_mode) == 0o600
    assert len({*made.people.values(), made.service}) == len(TOKENS) + 1
    assert min(map(len, made.people.values())) > 40
    assert not any(token in repr(made) for token in (*made.people.values(), made.service))


def test_tokens__of_the_environment_stand_in_no_file(tmp_path: Path) -> None:
    config = events_config(tmp_path)
    tokens = make_tokens(config, ENVIRON)
    assert {user.name: token for user, token in tokens.people.items()} == TOKENS
    text = tokens_file(config).read_text()
    assert json.loads(text) == {"users": {}}
    assert SERVICE_TOKEN not in text


def test_tokens__of_who_is_no_user_any_more_are_forgotten(tmp_path: Path) -> None:
    make_tokens(events_config(tmp_path), {})
    config = events_config(tmp_path, events_users="amira:planner")
    make_tokens(config, {})
    assert json.loads(tokens_file(config).read_text())["users"].keys() == {"amira"}


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"GRIDFLEX_EVENTS_TOKEN_AMIRA": "short"}, "GRIDFLEX_EVENTS_TOKEN_AMIRA: allowed: at least 24 letters"),
        ({"GRIDFLEX_EVENTS_TOKEN_AMIRA": SERVICE_TOKEN}, "are the same token; allowed: one each"),
    ],
)
def test_tokens__that_protect_nothing_are_refused(tmp_path: Path, environ: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as problem:
        make_tokens(events_config(tmp_path), ENVIRON | environ)
    assert SERVICE_TOKEN not in str(problem.value)


def test_tokens__file_that_is_no_json_is_told_in_one_line(tmp_path: Path) -> None:
    config = events_config(tmp_path)
    tokens_file(config).parent.mkdir(parents=True)
    tokens_file(config).write_text("{")
    with pytest.raises(ServiceError, match=r"tokens\.json is no JSON: remove it"):
        make_tokens(config, {})


@pytest.mark.parametrize(
    ("token", "overrides", "message"),
    [
        ("", {}, "Put your token into GRIDFLEX_EVENTS_TOKEN"),
        ("a\nb", {}, "allowed: printable letters"),
        ("x" * 30, {"events_url": "http://grid.example"}, "anyone on the way could read the token"),
    ],
)
def test_client__says_what_lacks_before_it_asks(
    tmp_path: Path, token: str, overrides: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        EventsClient(events_config(tmp_path, **overrides), {"GRIDFLEX_EVENTS_TOKEN": token})


def test_client__without_a_service_says_how_to_start_it(tmp_path: Path) -> None:
    config = events_config(tmp_path, events_port=free_ports(1)[0])
    with pytest.raises(ServiceError, match="`gridflex up events` starts it") as problem:
        EventsClient(config, {"GRIDFLEX_EVENTS_TOKEN": TOKENS["amira"]}).events()
    assert TOKENS["amira"] not in str(problem.value)
