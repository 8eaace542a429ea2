"""What a VTN refuses, or why it gives no answer."""

from __future__ import annotations

from gridflex.errors import ServiceError


class OpenAdrError(ServiceError):
    """A VTN that refused or gave no answer, in one line."""

    def __init__(self, message: str, status: int | None = None, *, maybe_done: bool = False) -> None:
        """``status``: of HTTP; ``None`` without an answer. ``maybe_done``: what was asked may have been done."""
        super().__init__(message)
        self.status = status
        self.maybe_done = maybe_done
