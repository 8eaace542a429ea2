"""Fills this installation's values into Druid's supervisor specs, the JSON of ``database/druid_specs``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gridflex.adapters.kafka.feed_topics import topic_of
from gridflex.adapters.kafka.security import druid_security
from gridflex.config import ROOT, Config
from gridflex.contracts.feeds import Feed, stored_feeds
from gridflex.contracts.schemas import Schema, accepted_schemas

SPEC_DIR = ROOT / "database" / "druid_specs"
DIGEST = "gridflex_digest"
"""In a spec's context: the digest of the spec as it was submitted, so that an unchanged one is left alone."""

Spec = dict[str, Any]


def read_spec(name: str, folder: Path | None = None) -> Spec:
    """The spec of one data source from its file in ``SPEC_DIR`` or another folder."""
    spec: Spec = json.loads(((folder or SPEC_DIR) / f"{name}.json").read_text(encoding="utf-8"))
    return spec


def batch_specs() -> list[Spec]:
    """The specs of batch tasks, by their files' names."""
    return [read_spec(path.stem) for path in sorted(SPEC_DIR.glob("batch_*.json"))]


def supervisor_specs(config: Config, feeds: Sequence[Feed] | None = None) -> dict[str, Spec]:
    """The specs of these feeds, by default of all that Druid reads, ready to be submitted, by data source."""
    return {feed.table: supervisor_spec(config, feed) for feed in (stored_feeds() if feeds is None else feeds)}


def supervisor_spec(config: Config, feed: Feed, schemas: Sequence[Schema] | None = None) -> Spec:
    """The spec of one feed, which reads messages of any of ``schemas``; default: those that its row accepts."""
    spec = read_spec(feed.table)
    io_config = spec["spec"]["ioConfig"]
    io_config["topic"] = topic_of(config.kafka, feed)
    io_config["taskCount"] = task_count(config, feed)
    io_config["consumerProperties"] |= {"bootstrap.servers": config.kafka.bootstrap_servers}
    io_config["consumerProperties"] |= druid_security(config.kafka)
    decoder = io_config["inputFormat"]["valueFormat"]["avroBytesDecoder"]
    known = accepted_schemas(feed) if schemas is None else schemas
    decoder["schemas"] = {str(schema.schema_id): json.loads(schema.text) for schema in known}
    _set_limits(config, spec)
    return _with_digest(spec)


def task_count(config: Config, feed: Feed) -> int:
    """How many of Druid's tasks read a feed."""
    return config.druid.task_count if feed.tasks == "configured" else feed.tasks


def _set_limits(config: Config, spec: Spec) -> None:
    """Give transforms that are named like a limit of readings the configured limit."""
    limits = {"max_power_w": config.readings.max_power_w, "max_future_s": config.readings.max_future_s}
    for transform in spec["spec"]["dataSchema"].get("transformSpec", {}).get("transforms", ()):
        if transform["name"] in limits:
            transform["expression"] = repr(float(limits[transform["name"]]))


def is_submitted(found: Spec, spec: Spec) -> bool:
    """Whether Druid runs this spec."""
    return bool((found.get("context") or {}).get(DIGEST) == spec["context"][DIGEST])


def _with_digest(spec: Spec) -> Spec:
    spec.pop("context", None)
    digest = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()
    return {**spec, "context": {DIGEST: digest}}
