"""How errors become answers: one line each, with the status that says whose turn it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from gridflex.domain.curtailment import Actor, Role
from gridflex.errors import (
    ActorError,
    DispatchError,
    GridflexError,
    LimitError,
    TransitionError,
    UsageError,
)
from gridflex.events.event_service import TooLargeError, UnknownEventError
from gridflex.events.models import Problem
from gridflex.events.rates import TooManyError
from gridflex.events.refusals import Refusals
from gridflex.events.sign_in import UnknownTokenError, UnknownUserError

_LONGEST = 2000
_MOST_PROBLEMS = 3
_NOT_AVAILABLE = 503
_STATUS: Mapping[type[Exception], int] = {
    UnknownTokenError: 401,
    UnknownUserError: 403,
    ActorError: 403,
    UnknownEventError: 404,
    TransitionError: 409,
    TooLargeError: 413,
    LimitError: 422,
    DispatchError: 422,
    UsageError: 422,
    TooManyError: 429,
}
_REFUSED = frozenset({401, 403, 429})
_TOLD = {
    400: "The body is no JSON.",
    401: "No token, or one that is nobody's.",
    403: "The token's owner may not do this: by role, by region, or because another person must.",
    404: "There is no such event.",
    408: "The body did not come in time.",
    409: "The event's state, its content or the clock does not allow it.",
    413: "The body, or the plan in it, is too large.",
    422: "A value is missing or wrong, or a program or rule forbids it.",
    429: "Too many requests, or too many plans at once.",
    503: "Kafka or Druid does not answer, or has nothing fresh.",
}


def documented(*more: int) -> dict[int | str, dict[str, Any]]:
    """The refusals of a route for the OpenAPI document: those that any route may give, and ``more``."""
    statuses = sorted({401, 403, 408, 413, 422, 429, 503, *more})
    return {status: {"model": Problem, "description": _TOLD[status]} for status in statuses}


def allowed_to(*roles: Role) -> dict[str, Any]:
    """Who may use a route, for the OpenAPI document (``x-roles``); without ``roles`` every user.

    It enforces nothing: a test compares it with what the service does.
    """
    return {"x-roles": [str(role) for role in roles or (Role.VIEWER, Role.PLANNER, Role.APPROVER)]}


def answer_errors(app: FastAPI, refusals: Refusals) -> None:
    """Answer every error of the house in one line, and note who was refused."""

    async def refuse(request: Request, problem: Exception) -> JSONResponse:
        status = next((_STATUS[kind] for kind in type(problem).__mro__ if kind in _STATUS), _NOT_AVAILABLE)
        return told(request, status, str(problem))

    async def invalid(request: Request, problem: Exception) -> JSONResponse:
        found = problem.errors() if isinstance(problem, RequestValidationError) else []
        return told(request, 422, "; ".join(_invalid(one) for one in found[:_MOST_PROBLEMS]))

    async def other(request: Request, problem: Exception) -> JSONResponse:
        status = problem.status_code if isinstance(problem, HTTPException) else 500
        headers = dict(problem.headers or {}) if isinstance(problem, HTTPException) else {}
        return told(request, status, str(getattr(problem, "detail", "")), headers)

    def told(request: Request, status: int, why: str, headers: dict[str, str] | None = None) -> JSONResponse:
        why = _line(why)
        if status in _REFUSED:
            actor = getattr(request.state, "actor", None)
            refusals.note(
                who=actor.name if isinstance(actor, Actor) else "",
                address=request.client.host if request.client else "",
                method=request.method, path=request.url.path, status=status, why=why,
            )  # fmt: skip
        added = {401: {"WWW-Authenticate": "Bearer"}, 429: {"Retry-After": "5"}}.get(status, {})
        return JSONResponse({"detail": why}, status, {**added, **(headers or {})})

    app.exception_handler(GridflexError)(refuse)
    app.exception_handler(RequestValidationError)(invalid)
    app.exception_handler(HTTPException)(other)


def _invalid(error: Mapping[str, Any]) -> str:
    where = ".".join(str(part) for part in error["loc"])
    found = "" if error["type"] in {"missing", "json_invalid"} else f", found {ascii(error.get('input'))[:80]}"
    return f"{where}: {error['msg']}{found}"


def _line(text: str) -> str:
    """One line that every client can read, whatever was sent."""
    words = " ".join(text.encode("utf-8", "backslashreplace").decode("utf-8").split())[:_LONGEST]
    return "".join(letter if letter.isprintable() else "?" for letter in words)
