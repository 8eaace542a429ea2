"""Druid as on a cluster: TLS and users in front of a real router.

Druid's basic-security extension is not to be had here, so that a small proxy of our own ends TLS and asks who comes: it
answers as that extension does, with 401 and 403, and hands everything else to the router.
"""

from __future__ import annotations

import base64
import http.client
import os
import secrets
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest.mock import patch
from urllib.parse import urlsplit

from gridflex.config import DRUID_LOGIN, Druid
from tests.support.certificates import make_authority, make_certificate

BATCH, SUPERSET = "batch", "superset"
"""Users; the latter may only ask by SQL."""
_NOT_PASSED_ON = {"connection", "transfer-encoding", "content-length", "date", "server"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SecureDruid:
    """The door: its settings, its users' passwords, and an authority that it does not come from."""

    druid: Druid
    passwords: dict[str, str]
    other_ca: Path

    @contextmanager
    def signed_in(self, user: str, password: str | None = None) -> Iterator[None]:
        """Clients of this process sign in as the user."""
        with patch.dict(os.environ, self.environ(user, password)):
            yield

    def environ(self, user: str, password: str | None = None) -> dict[str, str]:
        """What makes a process a client that signs in as the user."""
        return {
            **dict(zip(DRUID_LOGIN, (user, password or self.passwords[user]), strict=True)),
            "GRIDFLEX_DRUID_ROUTER_URL": self.druid.router_url,
            "GRIDFLEX_DRUID_CA_FILE": self.druid.ca_file,
        }


@contextmanager
def secure_druid(folder: Path, router: Druid) -> Iterator[SecureDruid]:
    """Such a door before that router, which it gives the orders of whoever may; afterwards it is gone."""
    folder.mkdir(parents=True, exist_ok=True)
    authority = make_authority(folder, "ca")
    other = make_authority(folder, "other")
    passwords = {user: secrets.token_hex(20) for user in (BATCH, SUPERSET)}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(make_certificate(folder, "router"))
    server = _Server(("127.0.0.1", 0), _door(passwords, router))
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        druid = Druid(router_url=f"https://127.0.0.1:{server.server_port}", ca_file=str(authority), query_timeout_s=30)
        yield SecureDruid(druid=druid, passwords=passwords, other_ca=other)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that does not trust the certificate hangs up; it says so itself."""


def _door(passwords: dict[str, str], router: Druid) -> type[BaseHTTPRequestHandler]:
    known = {base64.b64encode(f"{user}:{word}".encode()).decode(): user for user, word in passwords.items()}

    class Door(BaseHTTPRequestHandler):
        timeout = 30

        def do_GET(self) -> None:
            self._pass_on()

        def do_POST(self) -> None:
            self._pass_on()

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing."""

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            user = known.get((self.headers.get("Authorization") or "").removeprefix("Basic "))
            if user is None:
                self._answer(401, {"WWW-Authenticate": 'Basic realm="druid"'}, b"<html>401 Unauthorized</html>")
            elif user == SUPERSET and self.path.startswith("/druid/indexer"):
                self._answer(403, {}, b'{"error":"Forbidden"}')
            else:
                self._answer(*_of_router(router, self.command, self.path, body))

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Door


def _of_router(router: Druid, method: str, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(urlsplit(router.router_url).netloc, timeout=60)
    token = Path(router.token_file).read_text(encoding="utf-8")
    basic = base64.b64encode(f"gridflex:{token}".encode()).decode()
    try:
        connection.request(method, path, body, {"Content-Type": "application/json", "Authorization": f"Basic {basic}"})
        answer = connection.getresponse()
        headers = {name: value for name, value in answer.getheaders() if name.lower() not in _NOT_PASSED_ON}
        return answer.status, headers, answer.read()
    finally:
        connection.close()
