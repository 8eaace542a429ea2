"""Defines ``gridflex feeds``, which prints the registry's rows with this installation's topics."""

from __future__ import annotations

import json
from typing import Any

import click

from gridflex.adapters.kafka.feed_topics import topic_names
from gridflex.config import Config, load_config
from gridflex.contracts import feeds as registry
from gridflex.printed_table import table


@click.group()
def feeds() -> None:
    """The kinds of messages that go through Kafka, and the table of each."""


@feeds.command("list")
@click.option("--json", "as_json", is_flag=True, help="A JSON array of objects.")
def list_feeds(as_json: bool) -> None:
    """Print each feed's name, topic, schema and data source."""
    rows = feed_rows(load_config())
    click.echo(json.dumps(rows) if as_json else table(rows))


def feed_rows(config: Config) -> list[dict[str, Any]]:
    """A row for each feed; ``schema`` is the one that is written today."""
    return [
        {"name": feed.name, "topic": topic, "schema": feed.schemas[0], "data_source": feed.data_source}
        for feed, topic in zip(registry.feeds(), topic_names(config.kafka), strict=True)
    ]
