"""Asks a PostgreSQL server at its socket for a query's answer, in its own protocol: no client library is needed."""

from __future__ import annotations

import os
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

from gridflex.operations.local.health import PROBE_TIMEOUT_S

USER = "gridflex"
DATABASE = "postgres"
SOCKET = ".s.PGSQL.5432"
_PROTOCOL = 196_608
_QUERY = b"SELECT count(*) FROM pg_class\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresProbe:
    """The server lets this user in and counts the tables of its database."""

    folder: Path
    """Of its data, with its socket in it."""

    def check(self, pid: int) -> str | None:
        """See ``Probe``."""
        recorded = self.folder / "postmaster.pid"
        try:
            if recorded.read_text(encoding="utf-8").split()[:1] != [str(pid)]:
                return "has not taken its data folder yet"
            answers = self._ask()
        except FileNotFoundError:
            return "has not taken its data folder yet"
        except OSError as problem:
            return f"answers no query within {PROBE_TIMEOUT_S:g} s: {problem}"
        told = answers.get(b"E")
        if told is not None:
            words = [part[1:].decode(errors="replace") for part in told.split(b"\0") if part[:1] == b"M"]
            return f"answers no query: {' '.join(words)[:200]}"
        return None if b"D" in answers else "answers no query"

    def _ask(self) -> dict[bytes, bytes]:
        """The messages that answer a query, by their kind."""
        # By the open folder: a socket's path may have 107 letters only.
        folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(PROBE_TIMEOUT_S)
                connection.connect(f"/proc/self/fd/{folder}/{SOCKET}")
                login = struct.pack(">i", _PROTOCOL) + f"user\0{USER}\0database\0{DATABASE}\0\0".encode()
                connection.sendall(struct.pack(">i", len(login) + 4) + login)
                found = _until_ready(connection)
                if b"E" in found:
                    return found
                connection.sendall(b"Q" + struct.pack(">i", len(_QUERY) + 4) + _QUERY)
                found = _until_ready(connection)
                connection.sendall(b"X" + struct.pack(">i", 4))
                return found
        finally:
            os.close(folder)


def _until_ready(connection: socket.socket) -> dict[bytes, bytes]:
    """Messages until the server waits for the next query, or has refused this one."""
    found: dict[bytes, bytes] = {}
    while b"Z" not in found and b"E" not in found:
        kind, size = struct.unpack(">ci", _read(connection, 5))
        found[kind] = _read(connection, size - 4)
    return found


def _read(connection: socket.socket, size: int) -> bytes:
    parts = b""
    while len(parts) < size:
        part = connection.recv(size - len(parts))
        if not part:
            raise ConnectionError("the server closed the connection")
        parts += part
    return parts
