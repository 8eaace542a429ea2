"""``python -m gridflex.events``: runs the events service until it is told to stop."""

from __future__ import annotations

import click
import uvicorn

from gridflex.command_line import run
from gridflex.config import load_config
from gridflex.events.app import create_app

_MOST_CONNECTIONS = 200
_STOP_S = 5


@click.command()
def serve() -> None:
    """Run the events service; `gridflex up events` starts it with the rest."""
    config = load_config()
    uvicorn.run(
        create_app(config),
        host=config.launcher.host,
        port=config.events.port,
        log_config=None,
        access_log=False,
        server_header=False,
        # An address that a client may choose would get around the limit of wrong tokens.
        proxy_headers=False,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_graceful_shutdown=_STOP_S,
    )


if __name__ == "__main__":
    run(serve)
