"""A process that appends to the ledger and kills itself with SIGKILL at a step: ``python -m tests.support.dying_ledger
STEP EVENT COMMANDS``."""

from __future__ import annotations

import sys
from dataclasses import replace

from gridflex.adapters.kafka.ledger import LedgerWriter
from gridflex.config import load_config
from tests.support.curtailment import LIFE
from tests.support.dying_producer import dying_at


def command_messages(event_id: str, count: int) -> list[tuple[bytes, bytes]]:
    """Messages that stand for an event's commands."""
    return [(event_id.encode(), f"{event_id}-{number}".encode()) for number in range(count)]


def main(step: str, event_id: str, commands: str) -> None:
    """Draft an event, with so many commands in the same transaction; dies before it is done."""
    with dying_at(step), LedgerWriter(load_config().kafka) as writer:
        drafted = replace(LIFE[0], event_id=event_id)
        writer.append(drafted, {"commands": command_messages(event_id, int(commands))})


if __name__ == "__main__":
    main(*sys.argv[1:])
