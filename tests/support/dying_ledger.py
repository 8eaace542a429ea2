"""A process that appends to the ledger and kills itself with SIGKILL at a step: ``python -m tests.support.dying_ledger
STEP EVENT COMMANDS``."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import confluent_kafka

from gridflex.adapters.kafka import ledger
from gridflex.config import load_config
from tests.support.curtailment import LIFE

STEPS = ("begin", "record produced", "all produced", "before commit", "during commit", "after commit")


def command_messages(event_id: str, count: int) -> list[tuple[bytes, bytes]]:
    """Messages that stand for an event's commands."""
    return [(event_id.encode(), f"{event_id}-{number}".encode()) for number in range(count)]


class _Dying(confluent_kafka.Producer):
    step = ""

    def _reached(self, step: str) -> None:
        if step == self.step:
            os.kill(os.getpid(), signal.SIGKILL)

    def begin_transaction(self, *arguments: Any) -> None:
        super().begin_transaction(*arguments)
        self._reached("begin")

    def produce_batch(self, topic: str, messages: Sequence[Any], *arguments: Any) -> int:
        taken = super().produce_batch(topic, messages, *arguments)
        if topic == "commands":
            self._reached("all produced")
        elif self.step == "record produced":
            self.flush(10)
            self._reached("record produced")
        return taken

    def commit_transaction(self, *arguments: Any) -> None:
        if self.step == "before commit":
            self.flush(10)
        self._reached("before commit")
        if self.step == "during commit":
            threading.Timer(0.002, os.kill, (os.getpid(), signal.SIGKILL)).start()
        super().commit_transaction(*arguments)
        self._reached("after commit")


def main(step: str, event_id: str, commands: str) -> None:
    """Draft an event, with so many commands in the same transaction; dies before it is done."""
    _Dying.step = step
    with patch.object(ledger, "Producer", _Dying), ledger.LedgerWriter(load_config().kafka) as writer:
        drafted = replace(LIFE[0], event_id=event_id)
        writer.append(drafted, {"commands": command_messages(event_id, int(commands))})


if __name__ == "__main__":
    main(*sys.argv[1:])
