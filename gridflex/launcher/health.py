"""Asks services how they are. A probe's answer counts only if the port belongs to the service's own process."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from pathlib import Path

import psutil
import requests
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

PROBE_TIMEOUT_S = 5.0


def holder(port: int) -> str | None:
    """Which program listens on a port, for people; ``None`` if the port is free."""
    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
            return "a process of another user" if connection.pid is None else _program(connection.pid)
    return None


def listens(pid: int, port: int) -> bool:
    """Whether the process, or a child of it, listens on the port."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        return any(
            connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
            for member in family
            for connection in member.net_connections("tcp")
        )
    except psutil.NoSuchProcess:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaProbe:
    """The broker answers with the cluster's metadata and names itself in it."""

    host: str
    port: int

    def check(self, pid: int) -> str | None:
        """See ``Probe``."""
        if not listens(pid, self.port):
            return f"does not listen on port {self.port} yet"
        client = AdminClient({"bootstrap.servers": f"{self.host}:{self.port}", "log_level": 0})
        try:
            brokers = client.list_topics(timeout=PROBE_TIMEOUT_S).brokers.values()
        except KafkaException as problem:
            return f"metadata: {problem.args[0].str()}"
        return None if any(broker.port == self.port for broker in brokers) else "not registered in its cluster yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class ZooKeeperProbe:
    """The server answers ``srvr`` with its mode."""

    host: str
    port: int

    def check(self, pid: int) -> str | None:
        """See ``Probe``."""
        if not listens(pid, self.port):
            return f"does not listen on port {self.port} yet"
        try:
            with socket.create_connection((self.host, self.port), timeout=PROBE_TIMEOUT_S) as connection:
                connection.sendall(b"srvr")
                connection.shutdown(socket.SHUT_WR)
                answer = b"".join(iter(lambda: connection.recv(4096), b"")).decode("utf-8", "replace")
        except OSError as problem:
            return f"srvr: {problem}"
        return None if "Mode:" in answer else f"srvr: {answer.strip() or 'no answer'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpProbe:
    """A GET, or a POST of ``body`` as JSON, answers 200, and ``contains`` stands in the answer."""

    host: str
    port: int
    path: str
    body: str | None = None
    contains: str = ""

    def check(self, pid: int) -> str | None:
        """See ``Probe``."""
        if not listens(pid, self.port):
            return f"does not listen on port {self.port} yet"
        url = f"http://{self.host}:{self.port}{self.path}"
        headers = {"Content-Type": "application/json"}
        try:
            with requests.request(
                "POST" if self.body else "GET", url, data=self.body, headers=headers, timeout=PROBE_TIMEOUT_S
            ) as answer:
                text = answer.text
        except requests.RequestException as problem:
            return f"{self.path}: {type(problem).__name__}"
        if not answer.ok:
            return f"{self.path}: HTTP {answer.status_code}"
        return None if self.contains in text else f"{self.path}: {text.strip()[:80]!r}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusFileProbe:
    """The process itself has written its pid to a status file: its work has begun."""

    path: Path

    def check(self, pid: int) -> str | None:
        """See ``Probe``."""
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))["pid"]
        except (OSError, ValueError, KeyError):
            return "its query has not started yet"
        return None if found == pid else f"its query has not started yet: {self.path.name} is of pid {found}"


def _program(pid: int) -> str:
    try:
        process = psutil.Process(pid)
        command = " ".join(process.cmdline())
        return f"pid {pid} ({process.name()}: {command[:120]})" if command else f"pid {pid} ({process.name()})"
    except psutil.Error:
        return f"pid {pid}"
