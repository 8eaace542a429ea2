"""Finds the Java that runs the servers."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from gridflex.errors import ServiceError

OLDEST_JAVA = 17
NEWEST_JAVA = 21
_ADVICE = f"install Java {OLDEST_JAVA} (Debian: apt-get install openjdk-17-jdk-headless) or point JAVA_HOME at one"


def java_program() -> str:
    """Path of ``java``: ``$JAVA_HOME/bin/java``, else the one on ``PATH``, else plain ``java``. Does not run it."""
    home = os.environ.get("JAVA_HOME")
    return str(Path(home) / "bin" / "java") if home else shutil.which("java") or "java"


def check_java() -> None:
    """Raise ``ServiceError``, in one line, unless there is a Java that can run the servers."""
    program = java_program()
    if program == "java":
        raise ServiceError(f"Java not found: no `java` on PATH and JAVA_HOME is not set; {_ADVICE}")
    try:
        told = subprocess.run([program, "-version"], capture_output=True, text=True, check=True).stderr
    except (OSError, subprocess.CalledProcessError) as problem:
        raise ServiceError(f"Java does not run: {program}: {problem}; {_ADVICE}") from None
    found = re.search(r'version "(\d+)', told)
    if found is None or not OLDEST_JAVA <= int(found.group(1)) <= NEWEST_JAVA:
        first_line = told.splitlines()[0] if told else "nothing"
        raise ServiceError(
            f"Java at {program} says {first_line!r}; allowed: Java {OLDEST_JAVA} to {NEWEST_JAVA}; {_ADVICE}"
        )
