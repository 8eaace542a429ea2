"""Delays sign-in after wrong passwords, and ends a person's sessions when that person signs out."""

from __future__ import annotations

import math
import secrets
from typing import Any

from flask import Flask, Response, current_app, has_request_context, jsonify, request, session
from flask_login import user_logged_in, user_logged_out

from guards.sign_in_store import SignInStore

PER_USER_AND_ADDRESS, PER_ADDRESS, PER_USER = 5, 20, 20
"""Wrong passwords a minute. The last is what somebody with many addresses gets, and may keep a person waiting."""
_TOKEN = "sign_in"  # noqa: S105


def store() -> SignInStore:
    """The store of sign-ins of this application."""
    found: SignInStore = current_app.extensions["gridflex_sign_in"]
    return found


def limits(name: str) -> dict[str, int]:
    """The keys under which wrong passwords are counted, each with its limit. ``name``: a user's name or address, as
    typed.
    """
    name, address = str(name).strip().lower()[:200], request.remote_addr or "" if has_request_context() else ""
    return {
        f"both {address} {name}": PER_USER_AND_ADDRESS,
        f"address {address}": PER_ADDRESS,
        f"user {name}": PER_USER,
    }


def install(app: Flask, file: Any) -> None:
    """Makes the application count wrong passwords and keep its open sessions in ``file``."""
    app.extensions["gridflex_sign_in"] = SignInStore(file)
    app.before_request(_too_many)
    user_logged_in.connect(_opened, app)
    user_logged_out.connect(_closed, app)


def is_open(user_id: int) -> bool:
    """Whether the session of this request's cookie is still open."""
    token = session.get(_TOKEN)
    return isinstance(token, str) and store().is_open(token, user_id)


def _too_many() -> Response | None:
    """The answer 429 to a sign-in that must wait, before its password is checked; None if it need not."""
    if request.method != "POST" or not request.path.rstrip("/").endswith("/login"):
        return None
    body = request.get_json(silent=True) if request.is_json else request.form
    name = body.get("username") if hasattr(body, "get") else None
    wait_s = math.ceil(store().wait_s(limits(name or "")))
    if wait_s <= 0:
        return None
    message = f"Too many wrong passwords. Try again in {wait_s} s."
    answer = jsonify(message=message) if request.is_json else current_app.response_class(message, mimetype="text/plain")
    answer.status_code = 429
    answer.headers["Retry-After"] = str(wait_s)
    return answer


def _opened(app: Flask, user: Any, **_: Any) -> None:
    if not has_request_context():
        return
    token = secrets.token_urlsafe(24)
    session[_TOKEN] = token
    store().open_session(token, user.id, app.permanent_session_lifetime.total_seconds())


def _closed(app: Flask, **_: Any) -> None:
    token = session.pop(_TOKEN, None) if has_request_context() else None
    if isinstance(token, str):
        store().close_session(token)
