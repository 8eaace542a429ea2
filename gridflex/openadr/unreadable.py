"""Keeps a VTN's events that cannot be read: a line of a file for each, to be shown to the VTN's operator."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from gridflex.adapters.openadr import Unreadable
from gridflex.domain.curtailment import content_hash
from gridflex.files import write_atomically

logger = logging.getLogger(__name__)

_MOST_LINES = 500
_LONGEST = 20_000
"""Of one event's text."""


class UnreadableEvents:
    """Events of one VTN that cannot be read. Each is told and kept once, and again when it changes."""

    def __init__(self, file: Path, vtn: str, clock: Callable[[], float] = time.time) -> None:
        """``file``: lines of JSON, the oldest first; at most 500 are kept."""
        self._file, self._vtn, self._clock = file, vtn, clock
        self._count, self._told = 0, frozenset[str]()

    def tell(self, found: list[Unreadable]) -> None:
        """Of one round. A file that cannot be written is told of and stops nothing."""
        now = {_digest(self._vtn, one): one for one in found}
        unknown = {digest: one for digest, one in now.items() if digest not in self._told}
        self._told = frozenset(now)
        try:
            self._keep(unknown)
        except OSError as problem:
            logger.warning("unreadable=%d kept=none reason=%s", len(found), problem)
        if len(found) != self._count:
            self._count = len(found)
            logger.log(logging.WARNING if found else logging.INFO, "vtn=%s unreadable=%d", self._vtn, len(found))

    def _keep(self, unknown: Mapping[str, Unreadable]) -> None:
        known = self._lines() if unknown else []
        digests = {_digest_of(line) for line in known}
        fresh = [one for digest, one in unknown.items() if digest not in digests]
        for one in fresh:
            logger.warning("vtn_event=%s unreadable reason=%s kept=%s", one.id or "unknown", one.reason, self._file)
        if fresh:
            lines = [*known, *(self._line(one) for one in fresh)][-_MOST_LINES:]
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_atomically(self._file, "".join(f"{line}\n" for line in lines), private=True)

    def _lines(self) -> list[str]:
        try:
            return self._file.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:  # it is told of when it is written
            return []

    def _line(self, one: Unreadable) -> str:
        return json.dumps({
            "seen": datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="seconds"),
            "vtn": self._vtn,
            "event_id": one.id,
            "reason": one.reason,
            "digest": _digest(self._vtn, one),
            "event": json.dumps(one.document)[:_LONGEST],
        })  # fmt: skip


def _digest(vtn: str, one: Unreadable) -> str:
    return content_hash([vtn, json.dumps(one.document, sort_keys=True)])


def _digest_of(line: str) -> str:
    try:
        found = json.loads(line)
    except ValueError:
        return ""
    return str(found.get("digest", "")) if isinstance(found, dict) else ""
