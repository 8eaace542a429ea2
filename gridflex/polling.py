"""Repeats a question until its answer is accepted or the time is over."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

_Answer = TypeVar("_Answer")


def poll_until(
    ask: Callable[[], _Answer],
    done: Callable[[_Answer], object],
    *,
    timeout_s: float,
    pause_s: float,
    late: Callable[[_Answer], Exception] | None = None,
) -> _Answer:
    """Call until the answer is ``done``, at least once, then every ``pause_s`` seconds; returns that answer.

    After ``timeout_s`` raises what ``late`` makes of the last answer; without ``late`` the last answer is given.

    >>> answers = iter([1, 2, 3])
    >>> poll_until(lambda: next(answers), lambda number: number > 1, timeout_s=60, pause_s=0)
    2
    """
    deadline = time.monotonic() + timeout_s
    while not done(answer := ask()):
        if time.monotonic() > deadline:
            if late is None:
                break
            raise late(answer)
        time.sleep(pause_s)
    return answer
