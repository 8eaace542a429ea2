"""Defines ``gridflex curtail audit``, which verifies the ledger from its first record."""

from __future__ import annotations

import json
import re
from dataclasses import asdict

import click

from gridflex.adapters.kafka.ledger_messages import Audit, audit_topic
from gridflex.config import load_config
from gridflex.domain.curtailment import Head, head
from gridflex.errors import UsageError

_HEAD = re.compile(r"(\d+):([0-9a-f]{64})")


@click.command()
@click.option("--topic", metavar="NAME", help="Another topic than the ledger's own: a copy of it.")
@click.option("--head", "kept", metavar="RECORDS:HASH", help="What an earlier audit printed, kept elsewhere.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def audit(topic: str | None, kept: str | None, as_json: bool) -> None:
    """Verify the ledger of curtailment events from its first record.

    Names the first record that was changed, dropped, swapped or added, or that records what no rule allows; then the
    exit code is 1. Else prints how many records there are and the hash of the last: keep both elsewhere, and give them
    to a later audit as --head. Without it nobody can tell that the last records are missing, or all were written anew.
    """
    found = audit_topic(load_config().kafka, topic, None if kept is None else _head(kept))
    click.echo(json.dumps(_object(found)) if as_json else _line(found))
    if found.finding is not None:
        raise click.exceptions.Exit(1)


def _head(text: str) -> Head:
    found = _HEAD.fullmatch(text)
    if not found:
        raise UsageError(f"--head: found {text!r}; allowed: RECORDS:HASH, as an audit prints them")
    return Head(records=int(found[1]), hash=found[2])


def _object(found: Audit) -> dict[str, object]:
    if found.finding is not None:
        return {"ok": False, "finding": asdict(found.finding)}
    end = head(found.records)
    return {"ok": True, "records": end.records, "hash": end.hash, "head": f"{end.records}:{end.hash}"}


def _line(found: Audit) -> str:
    if found.finding is not None:
        return f"{found.finding} ({found.finding.position} records before it are in order)"
    end = head(found.records)
    return f"{end.records} records, all in order; head {end.records}:{end.hash}"
