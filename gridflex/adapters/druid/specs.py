"""Druid's supervisor specs: the JSON of ``database/druid_specs`` with this installation's values in their places."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gridflex.adapters.kafka.security import druid_security
from gridflex.config import ROOT, Config
from gridflex.contracts.schemas import Schema, duty_cycle_schema, flexibility_schema, reading_schema, rejection_schema

SPEC_DIR = ROOT / "database" / "druid_specs"
POWERRAW = "powerraw"
DUTYCYCLE = "dutycycle"
DEADLETTER = "deadletter"
FLEXIBILITY = "flexibility"
DIGEST = "gridflex_digest"
"""In a spec's context: the digest of the spec as it was submitted, so that an unchanged one is left alone."""

Spec = dict[str, Any]


def read_spec(name: str, folder: Path = SPEC_DIR) -> Spec:
    """The spec of one data source, as it stands in its file."""
    spec: Spec = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return spec


def supervisor_specs(config: Config) -> dict[str, Spec]:
    """The specs of all data sources, ready to be submitted, by data source."""
    return {
        POWERRAW: readings_spec(config, [reading_schema()]),
        DUTYCYCLE: _filled(DUTYCYCLE, config, config.kafka.topic_duty_cycles, [duty_cycle_schema()]),
        DEADLETTER: _filled(DEADLETTER, config, config.kafka.topic_dead_letters, [rejection_schema()]),
        FLEXIBILITY: _filled(FLEXIBILITY, config, config.kafka.topic_flexibility, [flexibility_schema()]),
    }


def readings_spec(config: Config, schemas: Sequence[Schema]) -> Spec:
    """The spec of the readings: messages of any of ``schemas`` are read, side by side."""
    spec = _filled(POWERRAW, config, config.kafka.topic_readings, schemas, task_count=config.druid.task_count)
    limits = {"max_power_w": config.readings.max_power_w, "max_future_s": config.readings.max_future_s}
    for transform in spec["spec"]["dataSchema"]["transformSpec"]["transforms"]:
        if transform["name"] in limits:
            transform["expression"] = repr(float(limits.pop(transform["name"])))
    if limits:
        raise KeyError(f"{POWERRAW}.json has no transform {', '.join(limits)}")
    return _with_digest(spec)


def _filled(name: str, config: Config, topic: str, schemas: Sequence[Schema], task_count: int = 1) -> Spec:
    spec = read_spec(name)
    io_config = spec["spec"]["ioConfig"]
    io_config["topic"] = topic
    io_config["taskCount"] = task_count
    io_config["consumerProperties"] |= {"bootstrap.servers": config.kafka.bootstrap_servers}
    io_config["consumerProperties"] |= druid_security(config.kafka)
    decoder = io_config["inputFormat"]["valueFormat"]["avroBytesDecoder"]
    decoder["schemas"] = {str(schema.schema_id): json.loads(schema.text) for schema in schemas}
    return _with_digest(spec)


def is_submitted(found: Spec, spec: Spec) -> bool:
    """Whether what Druid runs is this spec."""
    return bool((found.get("context") or {}).get(DIGEST) == spec["context"][DIGEST])


def _with_digest(spec: Spec) -> Spec:
    spec.pop("context", None)
    digest = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()
    return {**spec, "context": {DIGEST: digest}}
