"""Answers "not found" at addresses at which Superset fails whoever asks."""

from __future__ import annotations

from flask import Flask, abort, current_app, request

_UNUSED = ("/api/v1/database/oauth2/",)
"""Druid signs in with user and password, so that nobody comes back here from another sign-in."""


def install(app: Flask) -> None:
    """Check the address of each request before Superset handles it."""
    app.before_request(_not_found)


def _not_found() -> None:
    head, _, language = request.path.rstrip("/").partition("/lang/")
    unknown = not head and bool(language) and language not in (current_app.config.get("LANGUAGES") or {})
    if unknown or request.path in _UNUSED:
        abort(404)
