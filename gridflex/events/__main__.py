"""``python -m gridflex.events``: runs the events service until it is told to stop."""

from __future__ import annotations

from typing import Any

import click
import uvicorn

from gridflex.command_line import run
from gridflex.config import Config, load_config
from gridflex.events.app import create_app

_MOST_CONNECTIONS = 200
_STOP_S = 5
_PROXY = "127.0.0.1"


def server_options(config: Config) -> dict[str, Any]:
    """How uvicorn runs the service.

    Without a proxy the address that a request names is ignored: who may choose it gets around the limit of wrong
    tokens. An https address means that a proxy on this machine ends TLS, and overwrites it.
    """
    return {
        "host": config.launcher.host,
        "port": config.events.port,
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "proxy_headers": config.events.url.startswith("https:"),
        "forwarded_allow_ips": _PROXY,
        "limit_concurrency": _MOST_CONNECTIONS,
        "timeout_graceful_shutdown": _STOP_S,
    }


@click.command()
def serve() -> None:
    """Run the events service; `gridflex up events` starts it with the rest."""
    config = load_config()
    uvicorn.run(create_app(config), **server_options(config))


if __name__ == "__main__":
    run(serve)
