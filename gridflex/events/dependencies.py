"""What every route needs: who asks, and the parts of the service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from gridflex.adapters.events.tokens import USER_HEADER
from gridflex.config import Config
from gridflex.domain.curtailment import Actor
from gridflex.events.changes import Streams
from gridflex.events.dispatcher import Dispatcher
from gridflex.events.event_service import EventService
from gridflex.events.publisher import Publisher
from gridflex.events.rates import RateLimit, TooManyError
from gridflex.events.refusals import Refusals
from gridflex.events.shared_ledger import SharedLedger
from gridflex.events.sign_in import SignIn, UnknownTokenError

_bearer = HTTPBearer(auto_error=False, description="A token of the events service.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a running service is made of."""

    config: Config
    shared_ledger: SharedLedger
    event_service: EventService
    dispatcher: Dispatcher
    sign_in: SignIn
    refusals: Refusals
    streams: Streams
    requests: RateLimit
    """By user."""
    wrong_tokens: RateLimit
    """By address."""
    publisher: Publisher
    """Brings events to a VTN, if there is one."""


def parts_of(request: Request) -> Parts:
    """The service that answers this request."""
    found: Parts = request.app.state.parts
    return found


async def signed_in(
    request: Request,
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Actor:
    """Who asks. A token that is right is never counted among an address's wrong ones."""
    parts, address = parts_of(request), request.client.host if request.client else ""
    users = request.headers.getlist(USER_HEADER)
    try:
        actor = parts.sign_in.actor(given.credentials if given else "", ",".join(users) if users else None)
    except UnknownTokenError:
        if not parts.wrong_tokens.take(address):
            raise TooManyError("too many wrong tokens from this address; wait a minute") from None
        raise
    request.state.actor = actor
    if not parts.requests.take(actor.name):
        most = parts.config.events.requests_per_min
        raise TooManyError(f"{actor.name} asks too often; allowed: {most:,} requests a minute")
    return actor


async def sent_json(request: Request) -> Any:
    """The body as it was sent: a plan is hashed as it is, not as a model reads it."""
    try:
        return await request.json()
    except ValueError:
        return None  # what the model of the body says of it is answered


Asking = Annotated[Actor, Depends(signed_in)]
Service = Annotated[Parts, Depends(parts_of)]
Sent = Annotated[Any, Depends(sent_json)]
