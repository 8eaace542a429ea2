"""Runs the events service of ``tests.support.dying_service`` at a stack's Kafka, one process after the other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import requests

from gridflex.config import ROOT
from gridflex.operations.local.events_service import events_service
from gridflex.operations.local.stack import Stack
from tests.support.events import bearer
from tests.support.stack import wait_until


class KilledService:
    """One address, one clock, and the process that serves there now."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self._stack, self._clock, self._log = stack, folder / "clock", folder / "service.log"
        self.url = f"http://127.0.0.1:{stack.config.events.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self._clock.write_text("0")

    def move_to(self, now_s: float) -> None:
        """Move the service's clock to an instant, seconds since the epoch."""
        ahead_s = now_s - time.time()
        assert ahead_s > float(self._clock.read_text()), "the clock must not go backwards"
        later = self._clock.with_suffix(".new")
        later.write_text(str(ahead_s))
        later.replace(self._clock)

    @contextmanager
    def running(self, step: str = "", action: str = "") -> Iterator[KilledService]:
        """A process that dies at a step of the first change that is ``action``; afterwards it has."""
        words = [sys.executable, "-m", "tests.support.dying_service", str(self._clock), *filter(None, (step, action))]
        environ = os.environ | dict(events_service(self._stack.config).env)
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(words, cwd=ROOT, env=environ, stdout=log, stderr=log)
        try:
            yield self
            if step:
                assert self.process.wait(300) == -signal.SIGKILL, self._log.read_text()[-4000:]
        finally:
            self.process.kill()
            self.process.wait()

    @property
    def is_alive(self) -> bool:
        """Whether the process has not died yet."""
        return self.process is not None and self.process.poll() is None

    def is_ready(self) -> bool:
        """Whether it answers for the ledger."""
        with suppress(requests.RequestException):
            return self.get("dali", "/health").json()["status"] == "ok"
        return False

    def get(self, name: str, path: str) -> requests.Response:
        """Ask as one person."""
        return requests.get(self.url + path, headers=bearer(name), timeout=60)

    def post(self, name: str, path: str, body: object) -> int | None:
        """Do something as one person; the status, ``None`` if there was no answer."""
        with suppress(requests.ConnectionError):
            return requests.post(self.url + path, json=body, headers=bearer(name), timeout=60).status_code
        return None

    def wait_ready(self) -> None:
        """Until it answers, or is dead."""
        wait_until(lambda: self.is_ready() or not self.is_alive, 90, "the events service")
