"""Calls Superset's REST API as one of its users."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import requests

from gridflex.errors import ServiceError

Json = dict[str, Any]
_TIMEOUT_S = 60
_PAGE = 100


class Superset:
    """A session of one user. Every method raises ``ServiceError`` when Superset does not answer, or refuses."""

    def __init__(self, url: str, user: str, password: str, verify: str | bool = True) -> None:
        """``verify``: who may have signed the certificate of an https address; True: whoever the system trusts."""
        self._url = url.rstrip("/")
        self._session = requests.Session()
        self._session.verify = verify
        body = {"username": user, "password": password, "provider": "db", "refresh": False}
        token = self._ask("POST", "/api/v1/security/login", json=body).json()["access_token"]
        self._session.headers["Authorization"] = f"Bearer {token}"
        csrf = self.get("/api/v1/security/csrf_token/")["result"]
        self._session.headers.update({"X-CSRFToken": csrf, "Referer": self._url})

    def get(self, path: str, **query: Any) -> Json:
        """Send a GET; ``query`` becomes parameters. Returns the JSON."""
        address = f"{path}?{urlencode(query)}" if query else path
        found: Json = self._ask("GET", address).json()
        return found

    def send(self, method: str, path: str, body: Any = None) -> Json:
        """Send a request that changes something, or queries with a body."""
        found: Json = self._ask(method, path, json=body).json()
        return found

    def every(self, path: str) -> Iterator[Json]:
        """All items of a listing, page by page."""
        page = 0
        while True:
            found = self.get(path, q=f"(page:{page},page_size:{_PAGE})")["result"]
            yield from found
            if len(found) < _PAGE:
                return
            page += 1

    def import_assets(self, archive: bytes) -> None:
        """Create or overwrite all assets of the ZIP file, in one transaction of Superset's."""
        files = {"bundle": ("assets.zip", archive, "application/zip")}
        self._ask("POST", "/api/v1/assets/import/", files=files)

    def export_assets(self) -> bytes:
        """All assets as a ZIP file."""
        return self._ask("GET", "/api/v1/assets/export/").content

    def _ask(self, method: str, path: str, **arguments: Any) -> requests.Response:
        try:
            answer = self._session.request(
                method, self._url + path, timeout=_TIMEOUT_S, allow_redirects=False, **arguments
            )
        except requests.RequestException as problem:
            raise ServiceError(f"Superset does not answer at {self._url} ({type(problem).__name__})") from None
        # A page that is not allowed redirects to the login, which would look like success.
        if not answer.ok or answer.is_redirect:
            raise ServiceError(f"Superset refused {method} {path}: HTTP {answer.status_code}: {answer.text[:500]}")
        return answer
