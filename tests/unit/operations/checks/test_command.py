from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gridflex.errors import ServiceError
from gridflex.operations.checks.command import line
from gridflex.operations.checks.runner import Check, Finding, NotHereError, TroubleError, run_checks


def fails(problem: Exception) -> str:
    raise problem


def found(*checks: Check, timeout_s: float = 5) -> dict[str, Finding]:
    return {finding.name: finding for finding in run_checks(checks, timeout_s)}


def test_check__that_hangs_is_failed_and_the_next_is_asked() -> None:
    never = threading.Event()
    told = found(
        Check(name="hangs", ask=lambda: str(never.wait()), remedy="wake it"),
        Check(name="next", ask=lambda: "fine"),
        timeout_s=0.2,
    )
    assert (told["hangs"].state, told["hangs"].detail) == ("failed", "no answer within 0.2 s")
    assert told["hangs"].remedy == "wake it"
    assert told["next"].state == "ok"


@pytest.mark.parametrize(
    ("problem", "state", "detail", "remedy"),
    [
        (TroubleError("two of three", "bring it back"), "failed", "two of three", "bring it back"),
        (TroubleError("two of three"), "failed", "two of three", "as ever"),
        (ServiceError("nobody\nanswers"), "failed", "nobody answers", "as ever"),
        (NotHereError("never started"), "skipped", "never started", ""),
        (KeyError("x"), "failed", "KeyError: 'x'", "as ever"),
    ],
    ids=repr,
)
def test_check__tells_what_is_wrong_and_what_to_do(problem: Exception, state: str, detail: str, remedy: str) -> None:
    told = found(Check(name="it", ask=lambda: fails(problem), remedy="as ever"))["it"]
    assert (told.state, told.detail, told.remedy) == (state, detail, remedy)


def test_check__is_skipped_when_what_it_needs_is_not_ok() -> None:
    told = found(
        Check(name="first", ask=lambda: fails(ServiceError("no"))),
        Check(name="second", ask=lambda: "fine", needs=("first",)),
        Check(name="third", ask=lambda: "fine", needs=("second",)),
    )
    assert [told[name].detail for name in ("second", "third")] == ["needs first", "needs second"]
    assert {told[name].state for name in ("second", "third")} == {"skipped"}


def test_finding__is_one_line() -> None:
    told = found(Check(name="it", ask=lambda: fails(ServiceError("a\n  b")), remedy="go on"))["it"]
    assert line(told).splitlines() == ["failed   it                     a b; do: go on"]


def test_command__refuses_a_configuration_that_is_not_there(tmp_path: Path) -> None:
    """As wrong usage, which a script tells from a check that failed."""
    command = [str(Path(sys.executable).parent / "gridflex"), "deploy", "check", "--config", str(tmp_path / "none.ini")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: configuration file not found: {tmp_path / 'none.ini'}\n"
