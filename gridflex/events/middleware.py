"""Around every request: its body is taken whole, up to a size and within a time; its answer gets careful headers."""

from __future__ import annotations

import asyncio

from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_BODY_S = 20.0


class BodyLimit:
    """ASGI middleware: 413 for a body that is too large, 408 for one that does not come."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app, self._max_bytes = app, max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"")
        if declared.isdigit() and int(declared[:20]) > self._max_bytes:
            await self._refused(scope, receive, send, 413)
            return
        try:
            async with asyncio.timeout(_BODY_S):
                body = await self._whole(receive)
        except TimeoutError:
            await self._refused(scope, receive, send, 408)
            return
        if body is None:
            await self._refused(scope, receive, send, 413)
            return
        await self._app(scope, _replayed(body, receive), send)

    async def _whole(self, receive: Receive) -> bytes | None:
        """The body; ``None`` if it is too large. Who hung up has sent an empty one."""
        parts, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return b""
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            more = message.get("more_body", False)
            if size > self._max_bytes:
                return None
        return b"".join(parts)

    async def _refused(self, scope: Scope, receive: Receive, send: Send, status: int) -> None:
        allowed = f"at most {self._max_bytes:,} bytes" if status == 413 else f"within {_BODY_S:.0f} s"
        headers = {"Connection": "close"}
        await JSONResponse({"detail": f"body: allowed: {allowed}"}, status, headers)(scope, receive, send)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Gives the body once, then what comes after it: that the client has hung up."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again


class AnswerHeaders:
    """ASGI middleware: answers are nobody else's to keep, to frame, or to guess the type of."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Cache-Control", "no-store")
                headers["X-Content-Type-Options"] = "nosniff"
                headers["X-Frame-Options"] = "DENY"
            await send(message)

        await self._app(scope, receive, sent)
