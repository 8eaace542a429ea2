"""How a benchmark is told: medians of at least three runs, and ratios against a peer of the same minutes."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridflex.config import ROOT

RUNS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the report."""

    name: str
    value: float
    unit: str
    at_least: float | None = None
    at_most: float | None = None
    note: str = ""
    """What else there is to say of it."""

    @property
    def holds(self) -> bool:
        """Whether it is within its bound."""
        return (self.at_least is None or self.value >= self.at_least) and (
            self.at_most is None or self.value <= self.at_most
        )

    def line(self) -> str:
        """As text."""
        bound = ""
        if self.at_least is not None:
            bound = f"at least {self.at_least:g}: "
        if self.at_most is not None:
            bound = f"at most {self.at_most:g}: "
        verdict = "" if not bound else bound + ("holds" if self.holds else "DOES NOT HOLD")
        return f"{self.name:<64} {self.value:>14,.3f} {self.unit:<12} {verdict}{self.note}".rstrip()


def versus(ours: Callable[[], float], peer: Callable[[], float], runs: int = RUNS) -> tuple[float, float, float]:
    """Rates of both in turn, A B A B; the medians, and the median of the ratios pair by pair."""
    pairs = [(ours(), peer()) for _ in range(runs)]
    return (
        statistics.median(pair[0] for pair in pairs),
        statistics.median(pair[1] for pair in pairs),
        statistics.median(pair[0] / pair[1] for pair in pairs),
    )


def gridflex() -> str:
    """The command line of this environment."""
    return str(Path(sys.executable).parent / "gridflex")


def gridflex_json(arguments: Sequence[str]) -> Any:
    """Run a gridflex command with ``--json`` and read its last line."""
    command = [gridflex(), *arguments, "--json"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


@contextmanager
def errors_to(path: Path) -> Iterator[None]:
    """What this process and those that it starts write to the standard error goes to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = os.dup(2)
    with path.open("ab") as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` of the values lie."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


@contextmanager
def busy_core() -> Iterator[None]:
    """Take one of the machine's cores meanwhile."""
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        busy.kill()
        busy.wait()
