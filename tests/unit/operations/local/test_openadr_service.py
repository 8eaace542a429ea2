"""OpenADR's VTN and its PostgreSQL as services of the local stack, and the programs they run."""

from __future__ import annotations

from pathlib import Path

import pytest

from gridflex.adapters.openadr.logins import make_logins
from gridflex.adapters.openadr.users import secret_file
from gridflex.config import Config, load_config
from gridflex.errors import ServiceError
from gridflex.operations.local import openadr_programs
from gridflex.operations.local.openadr_programs import build_vtn, missing_vtn, unpack_postgres, vtn_program
from gridflex.operations.local.openadr_service import missing_user, openadr_services, openadr_welcome
from gridflex.operations.local.service_list import all_services
from gridflex.operations.local.services import select


@pytest.fixture
def config(tmp_path: Path) -> Config:
    empty = tmp_path / "config.ini"
    empty.touch()
    return load_config(
        environ={"GRIDFLEX_CONFIG": str(empty), "GRIDFLEX_LAUNCHER_STATE_DIR": str(tmp_path / "state of its own")}
    )


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Nothing is made on this machine yet."""
    monkeypatch.setattr(openadr_programs, "cache_folder", lambda: tmp_path / "cache")
    return tmp_path / "cache"


def test_openadr__starts_only_when_it_is_named_and_brings_its_database_alone() -> None:
    services = all_services(Config())
    both = ["openadr-postgres", "openadr-vtn"]
    assert not set(both) & {one.name for one in select(services, [])}
    assert [one.name for one in select(services, ["openadr"])] == both
    assert [one.name for one in select(services, ["openadr-vtn"])] == both


def test_openadr__is_described_without_a_secret(config: Config) -> None:
    assert openadr_welcome(config) is None
    logins = make_logins(config, {})
    secret_file(config).write_text("signs" * 8)
    text = f"{openadr_services(config)} {openadr_welcome(config)}"
    assert "clients.json" in text
    assert not any(secret in text for secret in ["signs" * 8, *(login.password for login in logins.values())])


def test_openadr__hands_no_variable_of_the_launcher_on(config: Config) -> None:
    for service in openadr_services(config):
        assert 'env -i GRIDFLEX_SERVICE="$GRIDFLEX_SERVICE"' in service.argv[-1]
        assert service.env == {}


def test_openadr__runs_postgres_as_another_user_than_root(monkeypatch: pytest.MonkeyPatch, config: Config) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    for service in openadr_services(config):
        assert "setpriv --reuid=" in service.argv[-1]
        assert "--reuid=0 " not in service.argv[-1]
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert "setpriv" in (missing_user() or "")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert missing_user() is None
    assert all("setpriv" not in service.argv[-1] for service in openadr_services(config))


def test_vtn__without_cargo_is_one_clear_line(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(ServiceError, match="no `cargo` on PATH"):
        build_vtn(print)
    vtn_program().parent.mkdir(parents=True)
    vtn_program().touch()
    assert missing_vtn() is None
    build_vtn(print)


def test_vtn__is_another_program_when_its_source_changes(
    monkeypatch: pytest.MonkeyPatch, cache: Path, tmp_path: Path
) -> None:
    before = vtn_program()
    source = tmp_path / "openadr-vtn"
    (source / "src").mkdir(parents=True)
    for path in ("Cargo.lock", "Cargo.toml", "src/main.rs"):
        (source / path).write_bytes((openadr_programs.SOURCE / path).read_bytes())
    monkeypatch.setattr(openadr_programs, "SOURCE", source)
    assert vtn_program() == before
    with (source / "src" / "main.rs").open("a") as file:
        file.write("\n")
    assert vtn_program() != before


def test_vtn__that_cannot_be_built_says_why_and_what_it_needs(
    monkeypatch: pytest.MonkeyPatch, cache: Path, tmp_path: Path
) -> None:
    cargo = tmp_path / "bin" / "cargo"
    cargo.parent.mkdir()
    cargo.write_text("#!/bin/sh\necho '   Compiling x'\necho 'error: no such library: ssl'\nexit 101\n")
    cargo.chmod(0o755)
    monkeypatch.setenv("PATH", f"{cargo.parent}:/usr/bin:/bin")
    told: list[str] = []
    with pytest.raises(ServiceError, match="no such library: ssl; needed: a C compiler") as problem:
        build_vtn(told.append)
    assert "openadr-vtn-build.log" in str(problem.value)
    assert len(told) == 1
    assert not vtn_program().exists()


def test_postgres__of_another_jar_is_not_used(monkeypatch: pytest.MonkeyPatch, cache: Path, tmp_path: Path) -> None:
    monkeypatch.setattr(openadr_programs, "STACK", tmp_path)
    with pytest.raises(ServiceError, match="run `make setup`"):
        unpack_postgres()
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "postgres.jar").write_bytes(b"something else")
    with pytest.raises(ServiceError, match="it is not used"):
        unpack_postgres()
    assert list(cache.glob("postgres-*")) == []
