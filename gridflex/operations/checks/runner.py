"""Runs checks one after the other, each with a time limit and a remedy for its failure."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from gridflex.errors import GridflexError

State = Literal["ok", "failed", "skipped"]


class TroubleError(GridflexError):
    """What is wrong, and what to do about it."""

    def __init__(self, detail: str, remedy: str = "") -> None:
        super().__init__(detail, remedy)
        self.detail, self.remedy = detail, remedy


class NotHereError(GridflexError):
    """Why there is nothing to check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One question to the platform."""

    name: str
    ask: Callable[[], str]
    """Gives what was found right; raises ``TroubleError``, any other error of ours, or ``NotHereError``."""
    remedy: str = ""
    """What to do if the error itself does not say it."""
    needs: tuple[str, ...] = ()
    """Checks without whose success this one makes no sense."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A check's answer."""

    name: str
    state: State
    detail: str
    remedy: str = ""
    seconds: float = 0.0


def run_checks(checks: Sequence[Check], timeout_s: float) -> Iterator[Finding]:
    """Ask one after the other; ``timeout_s`` is for each. A check that hangs is left behind and failed."""
    good: set[str] = set()
    for check in checks:
        lacking = [name for name in check.needs if name not in good]
        if lacking:
            yield Finding(name=check.name, state="skipped", detail=f"needs {', '.join(lacking)}")
            continue
        began = time.monotonic()
        finding = _ask(check, timeout_s, began)
        if finding.state == "ok":
            good.add(check.name)
        yield finding


def _ask(check: Check, timeout_s: float, began: float) -> Finding:
    found: list[tuple[State, str, str]] = []

    def run() -> None:
        try:
            found.append(("ok", check.ask(), ""))
        except NotHereError as problem:
            found.append(("skipped", str(problem), ""))
        except TroubleError as problem:
            found.append(("failed", problem.detail, problem.remedy or check.remedy))
        except GridflexError as problem:
            found.append(("failed", str(problem), check.remedy))
        except Exception as problem:  # whatever one check trips over, the others are asked
            found.append(("failed", f"{type(problem).__name__}: {problem}", check.remedy))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(timeout_s)
    answers = found or [("failed", f"no answer within {timeout_s:g} s", check.remedy)]
    state, detail, remedy = answers[0]
    seconds = round(time.monotonic() - began, 2)
    return Finding(name=check.name, state=state, detail=" ".join(detail.split()), remedy=remedy, seconds=seconds)
