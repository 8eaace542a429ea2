"""Asks services for the job that they are there for. A probe's answer counts only if the port is the service's own.

Every question has a deadline, ``PROBE_TIMEOUT_S``.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psutil
import requests
from confluent_kafka import KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from gridflex.adapters.druid.access import TOKEN_USER

PROBE_TIMEOUT_S = 8.0
HEALTH_TOPIC = "gridflex-health"
"""Takes the messages of ``KafkaProbe``; nobody reads it, and it keeps them for an hour."""
_HEALTH_SETTINGS = {"retention.ms": "3600000", "segment.ms": "3600000", "segment.bytes": "1048576"}
_LIFE_SIGN_S = 30.0
_STOPPED = {psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP}
_SESSION_MS = 4000
_CONNECT = struct.Struct(">iqiqi16s")
"""ZooKeeper's ConnectRequest: protocol, last transaction seen, session's time limit, its id, its password."""
_CLOSE_SESSION = struct.pack(">iii", 8, 1, -11)


class Asked(Protocol):
    """One of the questions below."""

    def check(self, pid: int) -> str | None:
        """Nothing if the process does its job, else what it lacks, in a few words."""


def frozen(family: Sequence[psutil.Process]) -> psutil.Process | None:
    """The first of the processes that a signal has stopped: it lives, listens and answers nothing."""
    for process in family:
        try:
            if process.status() in _STOPPED:
                return process
        except psutil.NoSuchProcess:
            continue
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class AllOf:
    """Several questions, one after the other; the first that is not answered counts."""

    probes: tuple[Asked, ...]

    def check(self, pid: int) -> str | None:
        """See ``Probe``."""
        return next((lacks for probe in self.probes if (lacks := probe.check(pid))), None)


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
    """The broker names itself in its cluster's metadata, every partition has a leader, and a message is committed:
    written to ``HEALTH_TOPIC`` and acknowledged."""

    host: str
    port: int

    def check(self, pid: int) -> str | None:
        """See ``Probe``."""
        if not listens(pid, self.port):
            return f"does not listen on port {self.port} yet"
        client = AdminClient({"bootstrap.servers": self._server, "log_level": 0})
        try:
            told = client.list_topics(timeout=PROBE_TIMEOUT_S)
            if not any(broker.port == self.port for broker in told.brokers.values()):
                return "not registered in its cluster yet"
            if HEALTH_TOPIC not in told.topics:
                self._make_topic(client)
        except KafkaException as problem:
            return f"metadata: {problem.args[0].str()}"
        headless = sorted(
            name for name, topic in told.topics.items() if any(one.leader < 0 for one in topic.partitions.values())
        )
        return f"partitions without a leader in topic {', '.join(headless)}" if headless else self._commit()

    @property
    def _server(self) -> str:
        return f"{self.host}:{self.port}"

    def _make_topic(self, client: AdminClient) -> None:
        topic = NewTopic(HEALTH_TOPIC, num_partitions=1, replication_factor=1, config=_HEALTH_SETTINGS)
        try:
            client.create_topics([topic], operation_timeout=PROBE_TIMEOUT_S)[HEALTH_TOPIC].result(PROBE_TIMEOUT_S)
        except KafkaException as problem:
            if problem.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise

    def _commit(self) -> str | None:
        told: list[KafkaError | None] = []
        settings = {"acks": "all", "linger.ms": 0, "message.timeout.ms": int(PROBE_TIMEOUT_S * 1000), "log_level": 0}
        producer = Producer({"bootstrap.servers": self._server, **settings})

        def note(error: KafkaError | None, message: Message) -> None:
            told.append(error)

        producer.produce(HEALTH_TOPIC, value=b"", on_delivery=note)
        producer.flush(PROBE_TIMEOUT_S + 1)
        if not told:
            return f"commits no message within {PROBE_TIMEOUT_S:g} s"
        return None if told[0] is None else f"commits no message: {told[0].str()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ZooKeeperProbe:
    """The server opens a session, which is a transaction in its log, and closes it."""

    host: str
    port: int

    def check(self, pid: int) -> str | None:
        """See ``Probe``."""
        if not listens(pid, self.port):
            return f"does not listen on port {self.port} yet"
        try:
            with socket.create_connection((self.host, self.port), timeout=PROBE_TIMEOUT_S) as connection:
                asked = _CONNECT.pack(0, 0, _SESSION_MS, 0, 16, bytes(16))
                connection.sendall(struct.pack(">i", len(asked)) + asked)
                answer = connection.recv(64)
                session = int.from_bytes(answer[12:20], "big")
                if session:
                    connection.sendall(_CLOSE_SESSION)
                    connection.recv(64)
        except OSError as problem:
            return f"opens no session within {PROBE_TIMEOUT_S:g} s: {problem}"
        return None if session else "opens no session"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpProbe:
    """A GET, or a POST of ``body`` as JSON, answers 200, and ``contains`` stands in the answer."""

    host: str
    port: int
    path: str
    body: str | None = None
    contains: str = ""
    token_file: Path | None = None
    """Of the local Druid, for what it lets nobody ask without its token."""

    def check(self, pid: int) -> str | None:
        """See ``Probe``."""
        if not listens(pid, self.port):
            return f"does not listen on port {self.port} yet"
        url = f"http://{self.host}:{self.port}{self.path}"
        headers = {"Content-Type": "application/json"}
        token = read_text(self.token_file).strip() if self.token_file else ""
        try:
            with requests.request(
                "POST" if self.body else "GET",
                url,
                data=self.body,
                headers=headers,
                auth=(TOKEN_USER, token) if token else None,
                timeout=PROBE_TIMEOUT_S,
            ) as answer:
                text = answer.text
        except requests.RequestException as problem:
            late = isinstance(problem, requests.Timeout)
            return f"{self.path}: " + (f"no answer within {PROBE_TIMEOUT_S:g} s" if late else type(problem).__name__)
        if not answer.ok:
            return f"{self.path}: HTTP {answer.status_code}"
        return None if self.contains in text else f"{self.path}: {text.strip()[:80]!r}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataProbe:
    """Druid's SQL counts the rows of the last hour: what is on the indexer and on the historical is asked for.

    Before the first reading there is no such table; then a question without one counts.
    """

    host: str
    port: int
    table: str

    def check(self, pid: int) -> str | None:
        """See ``Probe``."""
        since = "CURRENT_TIMESTAMP - INTERVAL '1' HOUR"
        lacks = self._ask(pid, f'SELECT COUNT(*) AS answer FROM "{self.table}" WHERE __time >= {since}')  # noqa: S608
        return self._ask(pid, "SELECT 1 AS answer") if lacks and "HTTP 400" in lacks else lacks

    def _ask(self, pid: int, query: str) -> str | None:
        context = {"timeout": int(PROBE_TIMEOUT_S * 1000), "useCache": False, "useResultLevelCache": False}
        body = json.dumps({"query": query, "context": context})
        probe = HttpProbe(host=self.host, port=self.port, path="/druid/v2/sql", body=body, contains='[{"answer":')
        lacks = probe.check(pid)
        return f"a query over the last hour: {lacks}" if lacks else None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusFileProbe:
    """The process itself keeps writing its pid and the time to a status file: its work has begun and goes on."""

    path: Path

    def check(self, pid: int) -> str | None:
        """See ``Probe``."""
        told = read_status(self.path)
        if told.get("pid") != pid:
            whose = f": {self.path.name} is of pid {told['pid']}" if "pid" in told else ""
            return f"its query has not started yet{whose}"
        if not told.get("ready", True):
            return "its first micro-batch is not done yet"
        told_ms = [told[name] for name in ("beat_ms", "updated_ms") if name in told]
        silent_s = time.time() - max(told_ms, default=time.time() * 1000) / 1000
        return f"gives no sign of life for {silent_s:.0f} s" if silent_s > _LIFE_SIGN_S else None


def read_text(path: Path) -> str:
    """A file's text; nothing if there is none that can be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def read_status(path: Path) -> dict[str, Any]:
    """What a process tells in its status file; nothing if there is none."""
    try:
        told = json.loads(read_text(path))
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _program(pid: int) -> str:
    try:
        process = psutil.Process(pid)
        command = " ".join(process.cmdline())
        return f"pid {pid} ({process.name()}: {command[:120]})" if command else f"pid {pid} ({process.name()})"
    except psutil.Error:
        return f"pid {pid}"
