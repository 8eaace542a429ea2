"""For whoever waits for the stack to get somewhere: ends the wait when a service does not do its job any more."""

from __future__ import annotations

import time

from gridflex.errors import ServiceError
from gridflex.operations.local import process
from gridflex.operations.local.health import frozen
from gridflex.operations.local.stack import Stack

_LOOK_EVERY_S = 20.0


class Watch:
    """Looks at processes each time, and asks every service for its job now and then."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._looked = time.monotonic()
        self._suspected: set[str] = set()

    def check(self) -> None:
        """Raise ``ServiceError`` for a service that died or is frozen, and for one that two looks running find unable
        to do its job. The message says what to do, and has the last words of its log."""
        runtime = self._stack.runtime
        for service in self._stack.services:
            leader = process.leader(runtime, service)
            if process.died(runtime, service) or (leader is not None and frozen([leader])):
                self._raise_for({service.name})
        if time.monotonic() - self._looked > _LOOK_EVERY_S:
            self._suspected = self._raise_for(self._suspected)
            self._looked = time.monotonic()

    def _raise_for(self, suspected: set[str]) -> set[str]:
        """Raise if one of these has a problem; gives the names of all that have."""
        problems = self._stack.report().problems
        for problem in problems:
            if problem.service in suspected:
                raise ServiceError(
                    f"{problem.service}: {problem.problem}; do: {problem.remedy}{self._words(problem.service)}"
                )
        return {problem.service for problem in problems}

    def _words(self, name: str) -> str:
        found = [service for service in self._stack.services if service.name == name]
        return process.told_last(self._stack.runtime, found[0]) if found else ""
