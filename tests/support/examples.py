"""Says how many examples a property test tries: all of them, or a quarter in a run that samples."""

from __future__ import annotations

import os

_SHARE, _FEWEST = 4, 5


def examples(count: int) -> int:
    """How many of ``count`` examples are tried: a quarter if ``SAMPLE`` is set, as by ``make check``, else all.

    Hypothesis chooses other examples in each run, so that runs together try more than any of them.
    """
    return max(_FEWEST, count // _SHARE) if os.environ.get("SAMPLE") else count
