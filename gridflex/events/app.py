"""The events service as a web application."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from anyio import to_thread
from fastapi import FastAPI

from gridflex.adapters.events.tokens import make_tokens
from gridflex.adapters.openadr.logins import SECRET_VARIABLES, Role, logins_file, open_client
from gridflex.config import Config
from gridflex.errors import GridflexError
from gridflex.events import docs_page, enrolment_routes, event_routes, reading_routes, report_routes
from gridflex.events.answers import answer_errors
from gridflex.events.changes import Streams
from gridflex.events.dependencies import Parts
from gridflex.events.dispatcher import Dispatcher
from gridflex.events.event_service import EventService
from gridflex.events.middleware import AnswerHeaders, BodyLimit
from gridflex.events.planner import Planner
from gridflex.events.publisher import Publisher
from gridflex.events.rates import RateLimit
from gridflex.events.refusals import Refusals
from gridflex.events.shared_ledger import SharedLedger
from gridflex.events.sign_in import SignIn
from gridflex.events.top_up import TopUps

logger = logging.getLogger(__name__)

_LOOK_S = 5.0
_DESCRIPTION = """Curtailment events: plan, propose, approve by another person, cancel, follow.

Every call but `/health` wants `Authorization: Bearer TOKEN`. See docs/events.md."""


def create_app(config: Config, environ: Mapping[str, str] | None = None) -> FastAPI:
    """The application; it opens the ledger when it starts. Makes tokens that lack. Raises ``ConfigError``."""
    shared_ledger = SharedLedger(config.kafka)
    refusals = Refusals()
    event_service = EventService(config, shared_ledger, Planner(config))
    event_service.dispatch = dispatcher = Dispatcher(
        config.kafka, shared_ledger, event_service.check, TopUps(event_service)
    )
    app = _described(refusals)
    publisher = _publisher(config, shared_ledger, environ)
    app.state.parts = Parts(
        config=config,
        shared_ledger=shared_ledger,
        event_service=event_service,
        dispatcher=dispatcher,
        sign_in=SignIn.of(make_tokens(config, environ)),
        refusals=refusals,
        streams=Streams(shared_ledger),
        requests=RateLimit(config.events.requests_per_min),
        wrong_tokens=RateLimit(config.events.wrong_tokens_per_min),
        publisher=publisher,
    )
    app.add_middleware(BodyLimit, max_bytes=config.events.max_body_kb * 1000)
    app.add_middleware(AnswerHeaders)
    return app


def openapi_document() -> dict[str, Any]:
    """The service's OpenAPI document, without a configuration."""
    return _described(Refusals()).openapi()


def _described(refusals: Refusals) -> FastAPI:
    """All routes, and nothing behind them yet."""
    app = FastAPI(
        title="Gridflex events", version="1", description=_DESCRIPTION, lifespan=_life, docs_url=None, redoc_url=None
    )
    app.include_router(event_routes.router)
    app.include_router(report_routes.router)
    app.include_router(reading_routes.router)
    app.include_router(enrolment_routes.router)
    app.include_router(docs_page.router)
    answer_errors(app, refusals)
    return app


@asynccontextmanager
async def _life(app: FastAPI) -> AsyncIterator[None]:
    """Opens the ledger, looks every few seconds at what another service may have written, and dispatches."""
    parts: Parts = app.state.parts
    over = threading.Event()
    looking = threading.Thread(target=_look, args=(parts.shared_ledger, over), daemon=True)
    looking.start()
    parts.dispatcher.start()
    parts.publisher.start()
    try:
        yield
    finally:
        over.set()
        await to_thread.run_sync(parts.publisher.stop)
        await to_thread.run_sync(parts.dispatcher.stop)
        await to_thread.run_sync(looking.join, 5)
        await to_thread.run_sync(_close, parts.shared_ledger)


def _publisher(config: Config, shared_ledger: SharedLedger, environ: Mapping[str, str] | None) -> Publisher:
    environ = os.environ if environ is None else environ

    def is_on() -> bool:
        """A local VTN's secrets may come while this service runs."""
        made_here = not config.openadr.url and logins_file(config).is_file()
        return bool(config.openadr.program) and bool(environ.get(SECRET_VARIABLES[Role.BUSINESS]) or made_here)

    return Publisher(lambda: open_client(config, Role.BUSINESS, environ), is_on, config.openadr.program, shared_ledger)


def _look(shared_ledger: SharedLedger, over: threading.Event) -> None:
    while True:
        try:
            shared_ledger.alive()
        except GridflexError as problem:
            logger.warning("ledger=away reason=%s", problem)
        if over.wait(_LOOK_S):
            return


def _close(shared_ledger: SharedLedger) -> None:
    try:
        shared_ledger.close()
    except GridflexError as problem:
        logger.warning("ledger=not_closed reason=%s", problem)
