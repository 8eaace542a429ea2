"""Starts and stops the process of a service, and knows it again later by its pid file."""

from __future__ import annotations

import json
import logging
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from gridflex.config import ROOT
from gridflex.errors import ServiceError
from gridflex.files import write_atomically
from gridflex.operations.local.log_rotation import older
from gridflex.operations.local.services import Service

log = logging.getLogger(__name__)

MARK = "GRIDFLEX_SERVICE"
"""In the environment of every process that a service starts, so that none is overlooked or mistaken."""
_KEEP_ENVIRON = {"SPT_NOENV": "1"}
"""Airflow's processes name themselves by setproctitle, which else writes the name over the environment."""
_CREATED_TOLERANCE_S = 1.0
_POLL_S = 0.1
_REAPED_S = 3.0
_children: dict[int, subprocess.Popen[bytes]] = {}
"""Started by this very process: it has to reap them when they die."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """Where the processes of one stack keep their pid files and logs."""

    state_dir: Path

    def pid_file(self, service: Service) -> Path:
        """The pid and the time at which that process was created, so that a reused pid is not taken for ours."""
        return self.state_dir / "pids" / f"{service.name}.json"

    def log_file(self, service: Service) -> Path:
        """What the process prints."""
        return self.state_dir / "logs" / f"{service.name}.log"

    def mark(self, service: Service) -> str:
        """The value of ``MARK`` for a service's processes."""
        return f"{service.name}@{self.state_dir}"


def leader(runtime: Runtime, service: Service) -> psutil.Process | None:
    """The service's running process, if there is one."""
    recorded = _recorded(runtime, service)
    if recorded is None:
        return None
    pid, created = recorded
    _reap(pid)
    try:
        process = psutil.Process(pid)
        if abs(process.create_time() - created) > _CREATED_TOLERANCE_S or _is_dead(process):
            return None
    except psutil.NoSuchProcess:
        return None
    return process


def family(runtime: Runtime, service: Service) -> list[psutil.Process]:
    """Every running process that the service started, its leader first.

    A dead leader's children count, and so do those that began a session of their own.
    """
    return families(runtime, [service])[service.name]


def families(runtime: Runtime, services: Sequence[Service]) -> dict[str, list[psutil.Process]]:
    """The same for several services, by name, in one look at the system's processes."""
    found = {runtime.mark(service): (leader(runtime, service), list[psutil.Process]()) for service in services}
    for process in psutil.process_iter():
        first, others = found.get(_mark(process), (process, []))
        if process != first:
            others.append(process)
    return {
        service.name: [*([first] if first else []), *others]
        for service, (first, others) in zip(services, found.values(), strict=True)
    }


def started_by(runtime: Runtime, service: Service) -> list[str]:
    """The command that started the service last; empty if that was not written down.

    The process itself tells no command line until some time after its start.
    """
    try:
        recorded = json.loads(runtime.pid_file(service).read_text(encoding="utf-8"))
        return [str(word) for word in recorded["argv"]]
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        return []


def died(runtime: Runtime, service: Service) -> bool:
    """Whether it was started and has ended without being stopped."""
    return runtime.pid_file(service).is_file() and leader(runtime, service) is None


def start(runtime: Runtime, service: Service) -> int:
    """Start the service in a session of its own and record its pid; gives the pid.

    Raises ``ServiceError`` in one line if its folders, files or program cannot be used.
    """
    try:
        return _start(runtime, service)
    except OSError as problem:
        raise ServiceError(f"{service.name} cannot be started: {problem.strerror}: {problem.filename}") from None


def _start(runtime: Runtime, service: Service) -> int:
    for folder in service.scratch:
        shutil.rmtree(folder, ignore_errors=True)
    for folder in (
        *service.scratch,
        *service.folders,
        runtime.pid_file(service).parent,
        runtime.log_file(service).parent,
    ):
        folder.mkdir(parents=True, exist_ok=True)
    for path, text in service.files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for path in service.secrets:
        _make_secret(path)
    environ = {**os.environ, **service.env, **_KEEP_ENVIRON, MARK: runtime.mark(service)}
    log_path = runtime.log_file(service)
    # Opened to append: the log may be cut at any time (log_rotation).
    with log_path.open("ab") as output:
        _run_first_start(service, environ, output.fileno(), log_path)
        child = subprocess.Popen(
            service.argv,
            cwd=service.cwd,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    _children[child.pid] = child
    _record(runtime, service, child.pid)
    log.debug("started service=%s pid=%d", service.name, child.pid)
    return child.pid


def stop(runtime: Runtime, service: Service) -> bool:
    """End the service and every process it started: SIGTERM, then SIGKILL. Waits until they are gone.

    Says whether there was anything to end.
    """
    left = family(runtime, service)
    found = bool(left)
    asked: set[int] = set()
    deadline = time.monotonic() + service.stop_timeout_s
    while left:
        late = time.monotonic() > deadline
        # The leader ends its children itself; those that outlive it are asked one by one.
        todo = left if late or leader(runtime, service) is None else left[:1]
        for process in (one for one in todo if late or one.pid not in asked):
            _signal(process, signal.SIGKILL if late else signal.SIGTERM)
            asked.add(process.pid)
        time.sleep(_POLL_S)
        left = family(runtime, service)
    _wait_reaped(asked)
    runtime.pid_file(service).unlink(missing_ok=True)
    return found


def exit_code(pid: int) -> int | None:
    """How the process ended, if this process started it and it has ended."""
    child = _children.get(pid)
    return child.poll() if child else None


def rss_mb(processes: list[psutil.Process]) -> int:
    """Resident memory of the processes, in 10**6 bytes."""
    total = 0
    for process in processes:
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return round(total / 1e6)


def last_words(path: Path, lines: int = 12) -> list[str]:
    """The last lines of a log, with those before it was cut; none if there is no log."""
    found = _tail(path, lines)
    return found if len(found) >= lines else (_tail(older(path, 1), lines - len(found)) + found)


def _tail(path: Path, lines: int) -> list[str]:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 64_000 - 400 * lines))
            return file.read().decode("utf-8", "replace").splitlines()[-lines:]
    except FileNotFoundError:
        return []


def told_last(runtime: Runtime, service: Service) -> str:
    """The last lines of a service's log, to stand at the end of an error."""
    path = runtime.log_file(service)
    return "".join([f"; the last words of {path}:", *(f"\n  {line}" for line in last_words(path))])


def _run_first_start(service: Service, environ: dict[str, str], output: int, log_path: Path) -> None:
    first = service.first_start
    if first is None or first.made.exists():
        return
    done = subprocess.run(first.argv, cwd=ROOT, env=environ, stdout=output, stderr=output, check=False)
    if done.returncode:
        words = "\n  ".join(last_words(log_path))
        raise ServiceError(
            f"{service.name} could not be prepared (exit code {done.returncode}); {log_path}:\n  {words}"
        )


def _make_secret(path: Path) -> None:
    """Complete or not there: a killed launcher leaves no half of it."""
    if path.is_file():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, secrets.token_urlsafe(32), private=True)


def _recorded(runtime: Runtime, service: Service) -> tuple[int, float] | None:
    path = runtime.pid_file(service)
    try:
        recorded = json.loads(path.read_text(encoding="utf-8"))
        return int(recorded["pid"]), float(recorded["created"])
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        return None


def _record(runtime: Runtime, service: Service, pid: int) -> None:
    try:
        created = psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        created = time.time()
    write_atomically(
        runtime.pid_file(service), json.dumps({"pid": pid, "created": created, "argv": list(service.argv)})
    )


def _reap(pid: int) -> None:
    child = _children.get(pid)
    if child is not None:
        child.poll()


def _wait_reaped(pids: set[int]) -> None:
    """Give the system a moment to clear the dead away, so that nobody who looks for them finds one."""
    deadline = time.monotonic() + _REAPED_S
    for pid in pids:
        _reap(pid)
        while psutil.pid_exists(pid) and time.monotonic() < deadline:
            time.sleep(_POLL_S)


def _mark(process: psutil.Process) -> str:
    try:
        return "" if _is_dead(process) else process.environ().get(MARK, "")
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return ""


def _is_dead(process: psutil.Process) -> bool:
    """A zombie is dead once its last thread is: until then it holds its ports and files."""
    return process.status() == psutil.STATUS_ZOMBIE and process.num_threads() <= 1


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        log.debug("already gone pid=%d", process.pid)
