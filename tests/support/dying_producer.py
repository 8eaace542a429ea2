"""A ledger's producer that kills its own process with SIGKILL at a step of a transaction."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import confluent_kafka

from gridflex.adapters.kafka import ledger
from gridflex.domain.curtailment import Change

STEPS = ("begin", "record produced", "all produced", "before commit", "during commit", "after commit")
"""``all produced``: some of it may still wait in this process; ``before commit``: Kafka has all of it."""
_DURING_COMMIT_S = 0.002
_FLUSH_S = 10


class _Dying(confluent_kafka.Producer):
    step = action = current = ""

    def _is_at(self, step: str) -> bool:
        return step == self.step and self.action in {"", self.current}

    def _reached(self, step: str) -> None:
        if self._is_at(step):
            os.kill(os.getpid(), signal.SIGKILL)

    def begin_transaction(self, *arguments: Any) -> None:
        super().begin_transaction(*arguments)
        self._reached("begin")

    def produce_batch(self, topic: str, messages: Sequence[Any], *arguments: Any) -> int:
        taken = super().produce_batch(topic, messages, *arguments)
        if self._is_at("record produced"):
            self.flush(_FLUSH_S)
            self._reached("record produced")
        return taken

    def commit_transaction(self, *arguments: Any) -> None:
        self._reached("all produced")
        if self._is_at("before commit"):
            self.flush(_FLUSH_S)
            self._reached("before commit")
        if self._is_at("during commit"):
            threading.Timer(_DURING_COMMIT_S, os.kill, (os.getpid(), signal.SIGKILL)).start()
        super().commit_transaction(*arguments)
        self._reached("after commit")


@contextmanager
def dying_at(step: str, action: str = "") -> Iterator[None]:
    """Writers of the ledger die at a step of their first change, or of the first that is ``action``."""
    append = ledger.LedgerWriter.append

    def noted(writer: Any, change: Any, *arguments: Any) -> Any:
        _Dying.current = str(change.action) if isinstance(change, Change) else ""
        return append(writer, change, *arguments)

    _Dying.step, _Dying.action = step, action
    with patch.object(ledger, "Producer", _Dying), patch.object(ledger.LedgerWriter, "append", noted):
        yield
