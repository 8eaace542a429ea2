"""The state folder of a local stack: made for its owner alone, marked as Gridflex's, and only then ever deleted."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gridflex.errors import ServiceError, UsageError
from gridflex.files import write_atomically

OWNER_FILE = "gridflex-state"
LOCK_FILE = "launcher.lock"
TOPICS_FILE = "topics.json"
"""Which topics the readers began to read, by their identity."""
_UP_FILE = "up.json"
_OWNER_MODE = 0o700
_OURS = frozenset(
    {
        *(OWNER_FILE, LOCK_FILE, _UP_FILE, TOPICS_FILE),
        *("pids", "logs", "kafka", "zookeeper", "druid", "spark", "replay", "demo", "exchange", "airflow", "superset"),
        *("events", "openadr"),
    }
)
"""What the servers and commands make. A replay may come before the first ``up``."""
_NOBODYS = frozenset({"lost+found", ".DS_Store"})


def claim(folder: Path) -> None:
    """Make the folder, for its owner alone, and mark it as Gridflex's.

    Raises ``UsageError`` if it holds what Gridflex did not make, ``ServiceError`` in one line if it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=_OWNER_MODE)
        found = {path.name for path in folder.iterdir()}
        foreign = found - _OURS - _NOBODYS
        if OWNER_FILE not in found and foreign:
            raise UsageError(
                f"launcher.state_dir: {folder} holds {min(foreign)}, which Gridflex did not make; "
                "allowed: a new or an empty folder"
            )
        if folder.stat().st_uid == os.getuid():
            folder.chmod(_OWNER_MODE)  # readings of households, tokens, passwords: nobody else's
        if OWNER_FILE not in found:
            (folder / OWNER_FILE).write_text("State of a local Gridflex stack: `gridflex reset` deletes it.\n")
    except OSError as problem:
        raise _unusable(folder, problem) from None


def is_there(folder: Path) -> bool:
    """Whether there is a state folder. Raises ``ServiceError`` in one line if something else stands in its place."""
    try:
        list(folder.iterdir())
    except FileNotFoundError:
        return False
    except OSError as problem:
        raise _unusable(folder, problem) from None
    return True


def delete(folder: Path) -> None:
    """Delete the folder with all that is in it. Raises ``UsageError`` if it is not marked as Gridflex's."""
    must_be_ours(folder)
    try:
        # The mark goes last: what could not be deleted can be tried again.
        for path in folder.iterdir():
            if path.name != OWNER_FILE:
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        shutil.rmtree(folder)
    except OSError as problem:
        raise ServiceError(f"cannot delete {problem.filename or folder}: {problem.strerror}") from None


def must_be_ours(folder: Path) -> None:
    """Raise ``UsageError`` unless the folder is marked as Gridflex's."""
    if not (folder / OWNER_FILE).is_file():
        raise UsageError(
            f"{folder} was not made by gridflex (no file {OWNER_FILE} in it): not deleted; "
            "if nothing else is in it, delete it yourself"
        )


@contextmanager
def alone(folder: Path, doing: str) -> Iterator[None]:
    """Hold the folder's lock, so that no two launchers work on one stack at once. Raises ``ServiceError``."""
    claim(folder)
    try:
        lock = (folder / LOCK_FILE).open("a+")
    except OSError as problem:
        raise _unusable(folder, problem) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise ServiceError(f"{lock.read().strip() or 'another launcher'} is at work on {folder}") from None
        lock.truncate(0)
        lock.write(f"gridflex {doing} (pid {os.getpid()})")
        lock.flush()
        yield


def remember_up(folder: Path, names: Iterable[str]) -> None:
    """Write down which services are up, so that a later ``up`` brings them back."""
    write_atomically(folder / _UP_FILE, json.dumps(list(names)))


def remembered_up(folder: Path) -> list[str]:
    """The services that were up last."""
    try:
        found = json.loads((folder / _UP_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []


def _unusable(folder: Path, problem: OSError) -> ServiceError:
    return ServiceError(
        f"launcher.state_dir: {folder} cannot be used: {problem.strerror}"
        f"{f' ({problem.filename})' if problem.filename and problem.filename != str(folder) else ''}; "
        "allowed: a folder that can be made and written"
    )
