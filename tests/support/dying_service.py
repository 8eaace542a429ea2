"""The events service under uvicorn, with a clock that a test moves, that kills itself at a step of a change:
``python -m tests.support.dying_service CLOCK_FILE [STEP ACTION]``.

The file says by how many seconds the service's clock is ahead of this machine's. Nothing else differs from
``python -m gridflex.events``; without a step it lives on.
"""

from __future__ import annotations

import sys
import time
from contextlib import nullcontext
from pathlib import Path


def shift_clock(file: Path) -> None:
    """Comes before anything takes the clock as its default."""
    assert "gridflex.events.shared_ledger" not in sys.modules
    seconds, nanoseconds = time.time, time.time_ns
    time.time = lambda: seconds() + float(file.read_text())
    time.time_ns = lambda: nanoseconds() + round(float(file.read_text()) * 1e9)


def main(clock_file: str, step: str = "", action: str = "") -> None:
    """Serve until it dies."""
    shift_clock(Path(clock_file))
    from gridflex.command_line import run
    from gridflex.events.__main__ import serve
    from tests.support.dying_producer import dying_at

    sys.argv[1:] = []
    with dying_at(step, action) if step else nullcontext():
        run(serve)


if __name__ == "__main__":
    main(*sys.argv[1:])
