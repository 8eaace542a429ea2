"""Stores the state of houses in files that a replay's position names: the one that was committed is always there.

Each transaction's file is written before it is committed, and the one before is removed afterwards. A replay that is
killed in between goes on from the file that its position names, and writes the next one again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gridflex.errors import SourceError
from gridflex.files import write_atomically


class StateFiles:
    """The state files of one replay, by number; 0 means that there is no state."""

    def __init__(self, folder: Path, replay_id: str, number: int) -> None:
        self._folder, self._replay_id = folder, replay_id
        self.number = number
        """Of the file that is committed."""
        self._last = self._pending = number
        self._text = ""
        """Written last."""
        self._folder.mkdir(parents=True, exist_ok=True)

    def read(self) -> dict[str, Any] | None:
        """The committed state; ``None``: there is none. Raises ``SourceError`` if the file is missing."""
        if not self.number:
            return None
        path = self._path(self.number)
        try:
            values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as problem:
            raise SourceError(
                f"replay {self._replay_id} was stopped during an event, and what its appliances are behind with cannot "
                f"be read from {path}: {problem}. Put the file back, or start the replay again with another --replay-id"
            ) from None
        return values

    def write(self, values: dict[str, Any] | None) -> int:
        """Write the state to a new file. Returns the number to commit."""
        text = "" if values is None else json.dumps(values, separators=(",", ":"))
        if text and text == self._text:
            return self._pending
        self._text = text
        if text:
            self._last += 1
            write_atomically(self._path(self._last), text)
        self._pending = self._last if text else 0
        return self._pending

    def committed(self) -> None:
        """Remove all files but the last written one, whose number is committed."""
        if self.number == self._pending:
            return
        self.number = self._pending
        for path in self._folder.glob(f"{self._replay_id}.houses.*.json"):
            if path != self._path(self.number):
                path.unlink(missing_ok=True)

    def _path(self, number: int) -> Path:
        return self._folder / f"{self._replay_id}.houses.{number}.json"
