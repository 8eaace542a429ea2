"""The events service as a service of the local stack, on the loopback interface alone."""

from __future__ import annotations

import sys

from gridflex.adapters.events.tokens import events_url, tokens_file
from gridflex.config import ROOT, Config
from gridflex.operations.local.health import HttpProbe
from gridflex.operations.local.kafka_service import KAFKA
from gridflex.operations.local.services import Service
from gridflex.operations.local.spark_service import config_environ
from gridflex.operations.local.steps import TOPICS

EVENTS = "events"


def events_service(config: Config) -> Service:
    """Describe the events service, which starts only when it is named."""
    host, port = config.launcher.host, config.events.port
    return Service(
        name=EVENTS,
        argv=(sys.executable, "-m", "gridflex.events"),
        # It says ok only while the ledger answers.
        probe=HttpProbe(host=host, port=port, path="/health", contains='"ok"'),
        port=port,
        depends_on=(KAFKA,),
        starts_after=(KAFKA, TOPICS),
        env=config_environ(config),
        cwd=ROOT,
        folders=(tokens_file(config).parent,),
        optional=True,
    )


def events_welcome(config: Config) -> str | None:
    """Where the service is and where its tokens are; nothing before the first start."""
    file = tokens_file(config)
    return f"events: {events_url(config)}/docs (tokens in {file})" if file.is_file() else None
