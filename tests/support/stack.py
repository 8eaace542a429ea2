"""A stack of the tests' own: real servers by the real launcher, own state folder, free ports."""

from __future__ import annotations

import itertools
import os
import random
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import psutil

from gridflex.config import Config, Launcher, load_config
from gridflex.errors import ServiceError
from gridflex.operations.local.process import MARK
from gridflex.operations.local.stack import Stack

T = TypeVar("T")
_PORTS = range(*map(int, os.environ.get("TEST_PORTS", "20000:32000").split(":")))
"""Below the ports that the system hands out by itself. Runs beside each other have ranges of their own."""
_FIRST = random.randrange(len(_PORTS))
_NEXT = itertools.cycle([*_PORTS[_FIRST:], *_PORTS[:_FIRST]])
"""Each port has its turn: one that was given out and is not bound yet is not given out again."""
_PATIENCE_S, _LONGEST_PAUSE_S = 60, 5


def stack_environ(folder: Path, **overrides: object) -> dict[str, str]:
    """The environment that gives a stack in ``folder`` its own state and ports, and nothing of a user's config.ini.

    ``overrides``: ``section_key=value``, for example ``readings_max_future_s=60``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    empty = folder / "config.ini"
    empty.touch()
    keys = [f"launcher_{key}" for key in Launcher.model_fields if key.endswith("_port")]
    keys += ["airflow_port", "superset_port", "events_port", "openadr_port"]
    settings = dict(zip(keys, free_ports(len(keys)), strict=True)) | {"launcher_start_timeout_s": 300} | overrides
    own = {"GRIDFLEX_CONFIG": str(empty), "GRIDFLEX_LAUNCHER_STATE_DIR": str(folder / "state")}
    return own | {f"GRIDFLEX_{key}".upper(): str(value) for key, value in settings.items()}


def own_config(folder: Path, **overrides: object) -> Config:
    """The configuration of such a stack."""
    return load_config(environ=stack_environ(folder, **overrides))


@contextmanager
def running_stack(folder: Path, *services: str, **overrides: object) -> Iterator[Stack]:
    """Such a stack, up; afterwards it is down, and not one process of it is left."""
    stack = Stack(own_config(folder, **overrides), print)
    try:
        stack.up(services)
        yield stack
    finally:
        stack.down()
    assert leftovers(stack) == []


def free_ports(count: int) -> list[int]:
    """Ports on which nothing listens, and that this process was not given before."""
    found: list[int] = []
    while len(found) < count:
        port = next(_NEXT)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                found.append(port)
    return found


def leftovers(stack: Stack) -> list[psutil.Process]:
    """Running processes that a service of the stack has started."""
    found = []
    for process in psutil.process_iter():
        try:
            mark = process.environ().get(MARK, "")
            if mark.endswith(f"@{stack.config.state_dir}") and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def pids(stack: Stack) -> dict[str, int | None]:
    """The pid of each service; ``None`` if it is not healthy."""
    return {service.name: service.pid if service.healthy else None for service in stack.status()}


@contextmanager
def halted(stack: Stack, service: str) -> Iterator[None]:
    """One process of the stack stands still, alive but silent; afterwards it goes on."""
    pid = pids(stack)[service]
    assert pid, f"{service} is not healthy"
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def killed(stack: Stack, service: str) -> Iterator[None]:
    """One process of the stack is killed with -9; afterwards it is started again."""
    pid = pids(stack)[service]
    assert pid, f"{service} is not healthy"
    os.kill(pid, signal.SIGKILL)
    try:
        yield
    finally:
        stack.up([service])


def stays_true(probe: Callable[[], object], seconds: float) -> None:
    """Fail if ``probe`` gives something false within so many seconds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert probe()
        time.sleep(0.05)


def crowding() -> float:
    """By how much longer everything takes than on a quiet machine: how many processes want each core, at least 1.

    Over the last minute. A test that limits a time multiplies its limit by it.
    """
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def wait_until(probe: Callable[[], T | None], timeout_s: float = 60, what: str = "", pause_s: float = 0.1) -> T:
    """What ``probe`` gives once it gives something true. ``pause_s``: between two looks.

    It waits for a minute at least: a busy machine may take long over anything. What must be there in time is measured.
    Looking takes a third of the time, mostly, so that it does not slow down what it waits for.

    A server that refuses meanwhile, for example Druid while a killed task's segments come back, is asked again; what it
    said last is told if the time runs out.
    """
    timeout_s = max(timeout_s, _PATIENCE_S)
    deadline = time.monotonic() + timeout_s
    while True:
        refused, began_s = "", time.monotonic()
        try:
            if found := probe():
                return found
        except ServiceError as problem:
            refused = f"; {problem}"
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what or probe}{refused}"
        time.sleep(max(pause_s, min(2 * (time.monotonic() - began_s), _LONGEST_PAUSE_S)))
