"""The VTN of the tests: the real one, in a stack of its own."""

from __future__ import annotations

import socket
import threading

import pytest

from gridflex.operations.local.openadr_programs import missing_vtn, vtn_program


def need_vtn(request: pytest.FixtureRequest) -> None:
    """Skip, with the reason, where the VTN is not built and must not be: its build takes five minutes of a core.

    A run that leaves nothing out (without ``--sample``) builds it.
    """
    if vtn_program().is_file():
        return
    if lacks := missing_vtn():
        pytest.skip(lacks)
    if request.config.getoption("--sample"):
        pytest.skip(f"the OpenADR VTN is not built yet ({vtn_program()}): `make setup-openadr` builds it")


class LossyLine:
    """A line to a server of this machine that can lose an answer after the request has arrived."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.lost: bytes = b""
        """The beginning of a request, such as ``POST /events``, whose answer gets lost."""
        self.breaks = False
        """The connection ends then; else nothing ever comes."""
        self.requests: list[str] = []
        """Method and path of every request."""
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client = self._listener.accept()[0]
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._server_port))
            losing = threading.Event()
            threading.Thread(target=self._there, args=(client, server, losing), daemon=True).start()
            threading.Thread(target=self._back, args=(client, server, losing), daemon=True).start()

    def _there(self, client: socket.socket, server: socket.socket, losing: threading.Event) -> None:
        with server:
            while asked := _received(client):
                words = asked.split(b" ", 2)
                if words[0] in {b"GET", b"POST", b"PUT", b"DELETE"}:
                    self.requests.append(b" ".join(words[:2]).decode())
                    if self.lost and asked.startswith(self.lost):
                        losing.set()
                server.sendall(asked)

    def _back(self, client: socket.socket, server: socket.socket, losing: threading.Event) -> None:
        with client:
            while answered := _received(server):
                if not losing.is_set():
                    client.sendall(answered)
                elif self.breaks:
                    return


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(1 << 20)
    except OSError:
        return b""
