"""Makes plans in processes of their own, a limited number at once: a plan takes a core for seconds."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from gridflex.config import Config
from gridflex.curtailment.planning import PlanOptions, make_plan
from gridflex.domain.curtailment import HeldEvent
from gridflex.errors import GridflexError, ServiceError
from gridflex.events.rates import TooManyError

_STOP_S = 5.0


class Planner:
    """Plans for whoever asks, ``events.plans_at_once`` at a time."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._free = threading.BoundedSemaphore(config.events.plans_at_once)

    def plan(self, options: PlanOptions, held: Sequence[HeldEvent]) -> Mapping[str, Any]:
        """The plan document; see ``make_plan``. Raises ``TooManyError`` when others are being made."""
        if not self._free.acquire(blocking=False):
            raise TooManyError(f"{self._config.events.plans_at_once} plan(s) are being made; ask again in some seconds")
        try:
            return self._planned(options, held)
        finally:
            self._free.release()

    def _planned(self, options: PlanOptions, held: Sequence[HeldEvent]) -> Mapping[str, Any]:
        context = get_context("spawn")
        ours, theirs = context.Pipe(duplex=False)
        worker = context.Process(target=_work, args=(theirs, self._config, options, held), daemon=True)
        worker.start()
        theirs.close()
        try:
            return self._answer(ours)
        finally:
            ours.close()
            worker.kill()
            worker.join(_STOP_S)

    def _answer(self, ours: Connection) -> Mapping[str, Any]:
        timeout_s = self._config.events.plan_timeout_s
        if not ours.poll(timeout_s):
            raise ServiceError(f"no plan within {timeout_s:g} s (events.plan_timeout_s): ask for less")
        try:
            answer = ours.recv()
        except EOFError:
            raise ServiceError("the process that makes the plan died: is there enough memory?") from None
        if isinstance(answer, GridflexError):
            raise answer
        found: Mapping[str, Any] = answer
        return found


def _work(theirs: Connection, config: Config, options: PlanOptions, held: Sequence[HeldEvent]) -> None:
    try:
        theirs.send(make_plan(config, options, held))
    except GridflexError as problem:
        theirs.send(problem)
