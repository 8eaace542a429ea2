"""Stores wrong passwords and open sessions in one SQLite file that all worker processes share.

Superset's own counter of requests lives in one process's memory, and its cookies hold all of a session, so that nothing
ends it but its day's end. See docs/adr/0018.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
import time
from collections.abc import Mapping
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS failure (who TEXT NOT NULL, at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS failure_who ON failure (who, at);
CREATE TABLE IF NOT EXISTS session (token TEXT PRIMARY KEY, user_id INTEGER NOT NULL, until REAL NOT NULL);
"""
WINDOW_S = 60.0


class SignInStore:
    """Counts wrong passwords and keeps open sessions. All methods may be called by any thread of any process."""

    def __init__(self, file: Path) -> None:
        """``file``: made if it is not there."""
        self._file, self._mine = file, threading.local()

    def wait_s(self, limits: Mapping[str, int]) -> float:
        """Seconds until another password may be tried; 0 if one may now.

        ``limits``: how many wrong ones are allowed within a minute, by who tries: a name, an address, both.
        """
        now = time.time()
        waits = [0.0]
        for who, allowed in limits.items():
            found = self._ask("SELECT at FROM failure WHERE who = ? AND at > ? ORDER BY at DESC LIMIT ?",
                              who, now - WINDOW_S, allowed)  # fmt: skip
            if len(found) >= allowed:
                waits.append(found[-1][0] + WINDOW_S - now)
        return max(waits)

    def begin(self, limits: Mapping[str, int]) -> float | None:
        """Counts an attempt as wrong before the password is checked, so that simultaneous attempts are all counted.

        Gives its time, by which ``forgive`` finds it; nothing if it may not be tried now.
        """
        connection = self._connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            if self.wait_s(limits) > 0:
                return None
            now = time.time()
            connection.executemany("INSERT INTO failure VALUES (?, ?)", [(who, now) for who in limits])
            connection.execute("DELETE FROM failure WHERE at < ?", (now - WINDOW_S,))
            return now
        finally:
            connection.execute("COMMIT")

    def forgive(self, limits: Mapping[str, int], begun: float) -> None:
        """Takes back an attempt whose password was right; earlier wrong ones stay until they are a minute old."""
        for who in limits:
            self._ask("DELETE FROM failure WHERE who = ? AND at = ?", who, begun)

    def open_session(self, token: str, user_id: int, lifetime_s: float) -> None:
        """Stores the token as a session of the user."""
        now = time.time()
        self._ask("DELETE FROM session WHERE until < ?", now)
        self._ask("INSERT INTO session VALUES (?, ?, ?)", _digest(token), user_id, now + lifetime_s)

    def is_open(self, token: str, user_id: int) -> bool:
        """Whether the token is a session of the user that has neither ended nor become too old."""
        query = "SELECT 1 FROM session WHERE token = ? AND user_id = ? AND until > ?"
        return bool(self._ask(query, _digest(token), user_id, time.time()))

    def close_session(self, token: str) -> None:
        """Ends the session of the token."""
        self._ask("DELETE FROM session WHERE token = ?", _digest(token))

    def close_all(self, user_id: int) -> None:
        """Ends all sessions of the user."""
        self._ask("DELETE FROM session WHERE user_id = ?", user_id)

    def _ask(self, sql: str, *values: object) -> list[tuple[float]]:
        return self._connection().execute(sql, values).fetchall()

    def _connection(self) -> sqlite3.Connection:
        found: sqlite3.Connection | None = getattr(self._mine, "connection", None)
        if found is None:
            found = sqlite3.connect(self._file, timeout=10, isolation_level=None)
            found.execute("PRAGMA journal_mode = WAL")
            found.execute("PRAGMA synchronous = NORMAL")
            found.executescript(_SCHEMA)
            self._mine.connection = found
        return found


def _digest(token: str) -> str:
    """The hash of a token that is stored: whoever reads the file cannot use the session."""
    return hashlib.sha256(token.encode()).hexdigest()
