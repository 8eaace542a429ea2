"""One run of ``gridflex up``: starts each service when those before it are healthy, and watches all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from gridflex.errors import ServiceError
from gridflex.operations.local import process
from gridflex.operations.local.health import frozen, holder
from gridflex.operations.local.process import Runtime
from gridflex.operations.local.services import Service
from gridflex.operations.local.steps import Step

_POLL_S = 0.2
_TELL_S = 10.0


class Startup:
    """Starts the services, then runs the steps, until all are healthy."""

    def __init__(
        self, runtime: Runtime, services: Sequence[Service], steps: Sequence[Step], say: Callable[[str], None]
    ) -> None:
        self._runtime = runtime
        self._say = say
        self._items: list[Service | Step] = [*services, *steps]
        self._begun = self._reported = time.monotonic()
        self._pids: dict[str, int] = {}
        self._started_here: set[str] = set()
        self._started: dict[str, float] = {}
        self._done: set[str] = set()

    def run(self, timeout_s: float) -> None:
        """Until all are done. Raises ``ServiceError`` if a service dies or something is missing after the timeout."""
        while True:
            unfinished = [(item, missing) for item in self._items if (missing := self._advance(item))]
            if not unfinished:
                return
            self._report(unfinished)
            if time.monotonic() - self._begun > timeout_s:
                item, missing = next(((i, why) for i, why in unfinished if self._may_start(i)), unfinished[0])
                words = self._words(item) if isinstance(item, Service) else ""
                raise ServiceError(f"{item.name}: not healthy after {timeout_s:.0f} s: {missing}{words}")
            time.sleep(_POLL_S)

    def _report(self, unfinished: Sequence[tuple[Service | Step, str]]) -> None:
        """Now and then, what is still waited for."""
        now = time.monotonic()
        if now - self._reported > _TELL_S:
            self._reported = now
            names = ", ".join(item.name for item, _ in unfinished)
            self._say(f"waiting for {names}, {now - self._begun:.0f} s")

    def _may_start(self, item: Service | Step) -> bool:
        before = item.starts_after if isinstance(item, Service) else item.after
        return self._done.issuperset(before)

    def _advance(self, item: Service | Step) -> str | None:
        """Take the next step of one item; gives what is still missing."""
        if not self._may_start(item):
            return "waits for others"
        if isinstance(item, Service) and item.name in self._pids:
            self._refuse_frozen(item)
        if item.name in self._done:
            return None if isinstance(item, Step) or self._lives(item) else "has to start again"
        self._started.setdefault(item.name, time.monotonic())
        missing = self._start(item) if isinstance(item, Service) else item.act()
        if missing is None:
            self._done.add(item.name)
            where = f"healthy, pid {self._pids[item.name]}, " if isinstance(item, Service) else "made, "
            port = f"port {item.port}, " if isinstance(item, Service) and item.port else ""
            self._say(f"{item.name}: {where}{port}{time.monotonic() - self._started[item.name]:.0f} s")
        return missing

    def _start(self, service: Service) -> str | None:
        if service.name not in self._pids:
            self._pids[service.name] = self._find_or_start(service)
        return service.probe.check(self._pids[service.name]) if self._lives(service) else "has to start again"

    def _find_or_start(self, service: Service) -> int:
        leader = process.leader(self._runtime, service)
        if leader is not None:
            return leader.pid
        process.stop(self._runtime, service)
        for port in service.ports:
            found = holder(port)
            if found is not None:
                raise ServiceError(
                    f"port {port} of {service.name} is taken by {found}; end it, or choose another port in [launcher]"
                )
        self._started_here.add(service.name)
        return process.start(self._runtime, service)

    def _refuse_frozen(self, service: Service) -> None:
        leader = process.leader(self._runtime, service)
        if leader is not None and frozen([leader]):
            raise ServiceError(
                f"{service.name} is frozen: a signal has stopped its pid {leader.pid}; "
                f"`kill -CONT {leader.pid}` lets it go on{self._words(service)}"
            )

    def _lives(self, service: Service) -> bool:
        """Whether it still runs. One that was found running, and was dying already, may be started once."""
        if process.leader(self._runtime, service) is not None:
            return True
        pid = self._pids.pop(service.name)
        if service.name not in self._started_here:
            self._done.discard(service.name)
            return False
        code = process.exit_code(pid)
        how = "killed from outside" if code is None else f"signal {-code}" if code < 0 else f"exit code {code}"
        lived_s = time.monotonic() - self._started[service.name]
        taken = [f"; port {port} is taken by {found}" for port in service.ports if (found := holder(port))]
        raise ServiceError(f"{service.name} died ({how}) after {lived_s:.0f} s{''.join(taken)}{self._words(service)}")

    def _words(self, service: Service) -> str:
        return process.told_last(self._runtime, service)
