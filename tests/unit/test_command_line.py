from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support.flow import GRIDFLEX
from tests.support.stack import stack_environ


def test_command__says_in_one_line_that_druid_is_down(tmp_path: Path) -> None:
    """Attempts to connect that fail are no lines of their own."""
    done = subprocess.run(
        [GRIDFLEX, "curtail", "flex"],
        env=stack_environ(tmp_path, druid_router_url="http://127.0.0.1:1"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: Druid does not answer at http://127.0.0.1:1 (druid.router_url)")
