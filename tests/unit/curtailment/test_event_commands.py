"""What ``gridflex curtail propose`` and its like refuse before they ask the service."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gridflex.cli import gridflex
from gridflex.curtailment.event_commands import _plan
from gridflex.errors import UsageError
from tests.support.events import handed_plan


@pytest.fixture(autouse=True)
def signed_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GRIDFLEX_LAUNCHER_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("GRIDFLEX_EVENTS_TOKEN", "x" * 40)


def run(*words: str) -> Any:
    return CliRunner().invoke(gridflex, ["curtail", *words])


@pytest.mark.parametrize(
    ("text", "message"),
    [(None, "allowed: an event's id, a plan's file, or -"), ("{", "no JSON"), ("[]", "found no JSON object")],
)
def test_propose__of_a_file_that_is_no_plan(tmp_path: Path, text: str | None, message: str) -> None:
    file = tmp_path / "plan.json"
    if text is not None:
        file.write_text(text)
    problem = run("propose", str(file)).exception
    assert isinstance(problem, UsageError)
    assert message in str(problem)


def test_commands__without_a_token_say_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRIDFLEX_EVENTS_TOKEN")
    for words in (("list",), ("show", "event-1"), ("cancel", "event-1", "--reason", "x")):
        problem = run(*words).exception
        assert isinstance(problem, UsageError)
        assert "Put your token into GRIDFLEX_EVENTS_TOKEN" in str(problem)


@pytest.mark.parametrize("name", ["reject", "cancel"])
def test_decision__against_an_event_needs_a_reason(name: str) -> None:
    assert "Missing option '--reason'" in run(name, "event-1").output


def test_show__lets_no_plan_write_to_the_terminal() -> None:
    plan = handed_plan(rebound_kw=[], left_out="\x1b[2J")
    assert "\x1b" not in _plan(plan)
