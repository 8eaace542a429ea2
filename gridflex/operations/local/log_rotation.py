"""Keeps the logs of a local stack small while its services run: ``python -m gridflex.operations.local.log_rotation``.

A service holds its log open for as long as it runs, so that renaming it would not help: a log that has grown to its
limit is copied to ``NAME.log.1``, the older ones move up by one, the oldest goes, and the log itself is cut to nothing.
Services append, so that their next line is its first one. Only what is written between the last byte's copy and the
cut, some microseconds, is lost.

It needs nothing but the standard library: it runs for as long as the stack does.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

_LOOK_S = 1.0
_SWEEP_S = 600.0
_DAY_S = 86_400


def older(log: Path, number: int) -> Path:
    """Where the log before stands; 1 is the newest of them.

    >>> older(Path("kafka.log"), 1).name
    'kafka.log.1'
    """
    return log.with_name(f"{log.name}.{number}")


def shorten(folder: Path, max_bytes: int, files: int) -> list[Path]:
    """Copy and cut each log that has reached ``max_bytes``; ``files`` older ones are kept. Gives what was cut."""
    cut = []
    for log in sorted(folder.glob("*.log")):
        try:
            if log.stat().st_size >= max_bytes:
                _copy_and_cut(log, files)
                cut.append(log)
        except FileNotFoundError:
            continue
    return cut


def sweep(folder: Path, max_bytes: int, days: int) -> list[Path]:
    """Delete the files below ``folder`` that are older than ``days``, and the oldest while all hold over ``max_bytes``.

    The newest file stays. Gives what was deleted. Folders that are empty then go as well.
    """
    found = sorted(_files(folder), reverse=True)
    limit_s, total, gone = time.time() - days * _DAY_S, 0, []
    for number, (changed_s, size, path) in enumerate(found):
        total += size
        if number and (changed_s < limit_s or total > max_bytes):
            path.unlink(missing_ok=True)
            gone.append(path)
    for path in gone:
        _remove_empty(path.parent, folder)
    return gone


def main(arguments: Sequence[str] | None = None) -> None:
    """Trim the logs until SIGTERM, or until their folder is gone."""
    parser = argparse.ArgumentParser(prog="log_rotation")
    parser.add_argument("folder", type=Path, help="Holds the services' logs.")
    parser.add_argument("--max-bytes", type=int, required=True, help="Of one log.")
    parser.add_argument("--files", type=int, required=True, help="Older logs kept of each.")
    parser.add_argument("--sweep", type=Path, action="append", default=[], help="Folder of logs, a file for each run.")
    parser.add_argument("--sweep-bytes", type=int, default=0, help="Of all files of such a folder.")
    parser.add_argument("--days", type=int, default=0, help="Age of a file of such a folder.")
    told = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _end)
    swept = 0.0
    while told.folder.is_dir():
        for log in shorten(told.folder, told.max_bytes, told.files):
            _say(f"cut {log.name}")
        if time.monotonic() - swept > _SWEEP_S or not swept:
            swept = time.monotonic()
            for folder in told.sweep:
                gone = sweep(folder, told.sweep_bytes, told.days)
                if gone:
                    _say(f"deleted {len(gone)} old file(s) below {folder}")
        time.sleep(_LOOK_S)


def _copy_and_cut(log: Path, files: int) -> None:
    fresh = log.with_name(f"{log.name}.new")
    try:
        if files:
            shutil.copyfile(log, fresh)
            for number in range(files - 1, 0, -1):
                if older(log, number).exists():
                    older(log, number).replace(older(log, number + 1))
            fresh.replace(older(log, 1))
    except OSError as problem:
        # Above all a full disk: what is there would fill it on.
        with suppress(OSError):
            fresh.unlink()
        _say(f"{log.name} not kept: {problem.strerror}")
    os.truncate(log, 0)


def _files(folder: Path) -> list[tuple[float, int, Path]]:
    found = []
    for path in folder.rglob("*"):
        try:
            status = path.lstat()
        except FileNotFoundError:
            continue
        if path.is_file() and not path.is_symlink():
            found.append((status.st_mtime, status.st_size, path))
    return found


def _remove_empty(folder: Path, top: Path) -> None:
    while folder != top:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent


def _say(line: str) -> None:
    sys.stdout.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {line}\n")
    sys.stdout.flush()


def _end(number: int, frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    main()
