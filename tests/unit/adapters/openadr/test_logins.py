"""Secrets of the VTN's clients, and its own tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path

import pytest

from gridflex.adapters.openadr import Role, open_client, openadr_url
from gridflex.adapters.openadr.logins import logins_file, make_logins
from gridflex.adapters.openadr.users import signed_token
from gridflex.config import Config, load_config
from gridflex.errors import ConfigError, ServiceError, UsageError

BUSINESS, VEN = "GRIDFLEX_OPENADR_CLIENT_SECRET", "GRIDFLEX_OPENADR_VEN_CLIENT_SECRET"
LONG = "s" * 32


def config(folder: Path, **keys: str) -> Config:
    own = {f"GRIDFLEX_OPENADR_{name}".upper(): value for name, value in keys.items()}
    (folder / "config.ini").touch()
    given = {"GRIDFLEX_CONFIG": str(folder / "config.ini"), "GRIDFLEX_LAUNCHER_STATE_DIR": str(folder / "state")}
    return load_config(environ=given | own)


def test_secrets__are_made_once_for_their_owner_alone(tmp_path: Path) -> None:
    here = config(tmp_path)
    made = make_logins(here, {})
    assert make_logins(here, {}) == made
    assert logins_file(here).stat().st_mode & 0o077 == 0
    assert len({login.password for login in made.values()}) == 2
    assert made[Role.BUSINESS].password not in repr(made)


def test_secrets__of_the_environment_are_in_no_file(tmp_path: Path) -> None:
    here = config(tmp_path)
    assert make_logins(here, {BUSINESS: LONG})[Role.BUSINESS].password == LONG
    assert LONG not in logins_file(here).read_text()
    assert list(json.loads(logins_file(here).read_text())) == ["gridflex-ven"]


@pytest.mark.parametrize("environ", [{BUSINESS: "short"}, {VEN: "é" * 30}, {BUSINESS: LONG, VEN: LONG}])
def test_secrets__that_are_weak_or_shared_are_refused(tmp_path: Path, environ: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="allowed"):
        make_logins(config(tmp_path), environ)


def test_secrets__in_a_broken_file_are_one_clear_line(tmp_path: Path) -> None:
    here = config(tmp_path)
    make_logins(here, {})
    logins_file(here).write_text("{")
    with pytest.raises(ServiceError, match="remove it"):
        make_logins(here, {})


def test_client__without_a_secret_says_where_one_is(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"put it into {VEN}; `gridflex up openadr` makes one"):
        open_client(config(tmp_path), Role.VEN, {})


def test_client__never_takes_this_machines_secret_to_another_vtn(tmp_path: Path) -> None:
    make_logins(config(tmp_path), {})
    with pytest.raises(UsageError, match=r"no secret for gridflex-ven at https://vtn\.example"):
        open_client(config(tmp_path, url="https://vtn.example/openadr3"), Role.VEN, {})


@pytest.mark.parametrize(
    "keys", [{"url": "http://vtn.example"}, {"url": "https://v", "token_url": "http://tokens.example"}]
)
def test_client__sends_no_secret_over_an_open_line(tmp_path: Path, keys: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="anyone on the way could read the secret"):
        open_client(config(tmp_path, **keys), Role.BUSINESS, {BUSINESS: LONG})


def test_url__is_the_loopback_address_whatever_the_launcher_listens_on(tmp_path: Path) -> None:
    here = config(tmp_path, port="31001")
    assert openadr_url(here) == "http://127.0.0.1:31001"
    wide = here.model_copy(update={"launcher": here.launcher.model_copy(update={"host": "0.0.0.0"})})  # noqa: S104
    assert openadr_url(wide) == "http://127.0.0.1:31001"


def test_clients__must_be_two() -> None:
    with pytest.raises(ConfigError, match="allowed: another one than client_id"):
        load_config(environ={"GRIDFLEX_CONFIG": "/dev/null", "GRIDFLEX_OPENADR_VEN_CLIENT_ID": "gridflex-business"})


def test_token__is_signed_with_the_secret_and_lasts_a_minute() -> None:
    head, body, mark = signed_token(LONG, ["read_all"], now_s=1_000_000.5).split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    assert (claims["scope"], claims["exp"] - claims["iat"]) == (["read_all"], 60)
    digest = hmac.digest(LONG.encode(), f"{head}.{body}".encode(), hashlib.sha256)
    assert base64.urlsafe_b64decode(mark + "==") == digest
