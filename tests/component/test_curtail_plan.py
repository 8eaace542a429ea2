"""``gridflex curtail plan`` on flexibility that a real Druid has taken in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gridflex.adapters.avro import Coded, StringTable, encode_columns
from gridflex.adapters.druid.client import Druid
from gridflex.adapters.kafka.enrolment import publish, read_enrolment
from gridflex.adapters.kafka.writer import TransactionalWriter
from gridflex.config import ROOT
from gridflex.contracts.schemas import flexibility_schema
from gridflex.domain.enrolment import Enrolment
from gridflex.operations.local.stack import Stack
from tests.support.stack import wait_until

pytestmark = pytest.mark.component

MINUTE_MS = 60_000
REGION, FEEDERS, PER_FEEDER = "Planland", ("PLN-F01", "PLN-F02"), 60
USUAL_W = {"fridge": 50.0, "freezer": 40.0, "lighting": 0.0}
IDENTITY = ("dataset", "region", "feeder", "house_id", "appliance_id", "appliance")
RETRY_MIN = 12


@pytest.fixture(scope="module")
def told(stack: Stack, druid: Druid) -> int:
    """Flexibility of every minute from five before now to some after, so that a plan always finds a fresh one."""
    first_ms = time.time_ns() // 1_000_000 // MINUTE_MS * MINUTE_MS - 5 * MINUTE_MS
    identities = [
        ("redd", REGION, feeder, f"redd-{feeder}{house}-0", f"redd-{feeder}{house}-0-{place}", name)
        for feeder in FEEDERS
        for house in range(PER_FEEDER)
        for place, name in enumerate(USUAL_W)
    ]
    with TransactionalWriter(stack.config.kafka, "plan-flexibility") as writer:
        for minute in range(5 + RETRY_MIN):
            messages = _messages(identities, first_ms + minute * MINUTE_MS)
            writer.commit({stack.config.kafka.topic_flexibility: messages}, str(minute))
    rows = len(identities) * (5 + RETRY_MIN)
    count = f"SELECT SUM(appliances) AS n FROM flexibility WHERE region = '{REGION}'"
    wait_until(lambda: druid.has_table("flexibility") and druid.sql(count)[0]["n"] == rows, 120, "rows in Druid")
    return first_ms


def _messages(identities: list[tuple[str, ...]], time_ms: int) -> list[tuple[bytes, bytes]]:
    usual_w = np.array([USUAL_W[identity[-1]] for identity in identities])
    columns: dict[Any, Any] = {field.name: np.zeros(len(identities)) for field in flexibility_schema().fields
                               if field.avro_type == "double"}  # fmt: skip
    for horizon in (0, 15, 30, 60):
        columns[f"flex_{horizon}_w"] = usual_w
        columns[f"variance_{horizon}_w2"] = usual_w**2
        columns[f"shared_{horizon}_w"] = usual_w * 0.1
    columns |= {
        "event_time_ms": np.full(len(identities), time_ms),
        IDENTITY: Coded(codes=np.arange(len(identities)), table=StringTable(identities)),
        "fresh": np.ones(len(identities), dtype=np.int64),
        "callable": np.ones(len(identities), dtype=np.int64),
    }
    values = encode_columns(flexibility_schema(), columns)
    return [(identity[4].encode(), value) for identity, value in zip(identities, values, strict=True)]


@pytest.fixture(scope="module")
def environment(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Of a command that asks this stack's Druid and Kafka, and knows nothing of a user's config.ini."""
    config = tmp_path_factory.mktemp("plan") / "config.ini"
    config.touch()
    return os.environ | {
        "GRIDFLEX_CONFIG": str(config),
        "GRIDFLEX_DRUID_ROUTER_URL": stack.config.druid.router_url,
        "GRIDFLEX_KAFKA_BOOTSTRAP_SERVERS": stack.config.kafka.bootstrap_servers,
    }


def run(environment: dict[str, str], **options: object) -> subprocess.CompletedProcess[str]:
    start = datetime.fromtimestamp(time.time() // 300 * 300 + 1800, UTC).isoformat()
    given = {"region": REGION, "target_kw": 1.5, "start": start, "duration": "30m", "program": "emergency"} | options
    words = [word for name, value in given.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    command = [str(Path(sys.executable).parent / "gridflex"), "curtail", "plan", *words]
    command.append("--json")
    return subprocess.run(command, check=False, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_plan__rests_on_what_druid_and_enrolments_say(stack: Stack, told: int, environment: dict[str, str]) -> None:
    publish(stack.config.kafka, [Enrolment(house_id="redd-1", opted_out=True)])
    done = run(environment)
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    assert {"id", "expected_kw", "groups", "households", "control_group", "rebound_kw", "binding"} <= plan.keys()
    assert plan["meets_target"]
    assert len(plan["expected_kw"]) == 6
    assert all(one.keys() == {"start", "p10", "p50", "p90"} for one in plan["expected_kw"])
    assert all(one["p10"] <= one["p50"] <= one["p90"] for one in plan["expected_kw"])
    assert min(one["p50"] for one in plan["expected_kw"]) >= 1.5 - 1e-5
    assert {one["appliance"] for one in plan["groups"]} <= {"fridge", "freezer"}
    assert {one["feeder"] for one in plan["groups"]} <= set(FEEDERS)
    assert 0 < plan["households"] <= len(FEEDERS) * PER_FEEDER * 1.1
    basis = {(one["feeder"], one["appliance"]): one for one in plan["basis"]["flexibility"]}
    fridges = basis[FEEDERS[0], "fridge"]
    assert fridges["flex_w"] == pytest.approx([PER_FEEDER * USUAL_W["fridge"]] * 4)
    assert (fridges["appliances"], fridges["known"]) == (PER_FEEDER, PER_FEEDER)
    assert fridges["households"] == pytest.approx(PER_FEEDER, rel=0.1)
    assert plan["basis"]["flexibility_ms"] > told
    assert plan["basis"]["enrolment_offset"] == read_enrolment(stack.config.kafka).offset
    assert plan["basis"]["enrolment_changes"] > 0


def test_plan__of_one_feeder_and_class_calls_no_other(told: int, environment: dict[str, str]) -> None:
    plan = json.loads(run(environment, feeder=FEEDERS[1], appliance="freezer", target_kw=0.5).stdout)
    assert {(one["feeder"], one["appliance"]) for one in plan["groups"]} == {(FEEDERS[1], "freezer")}


@pytest.mark.parametrize(
    ("wrong", "code", "message"),
    [
        ({"region": "Atlantis"}, 2, "no region 'Atlantis'; known: "),
        ({"feeder": "PLN-F99"}, 2, "no feeder 'PLN-F99' in Planland; known: PLN-F01, PLN-F02"),
        ({"appliance": "sauna"}, 2, "no appliance class 'sauna' there; known: freezer, fridge, lighting"),
        ({"target_kw": 0}, 2, "target: found 0 kW; allowed: above 0"),
        ({"start": "2020-01-01T10:00"}, 2, "start: found 2020-01-01 10:00 UTC; allowed: later than now"),
        ({"duration": "7m"}, 2, "duration: found 7 min; allowed: 5, 10, ... min"),
        ({"program": "best"}, 2, "--program: found 'best'; allowed: standard, cooling, emergency"),
        ({"duration": "6h"}, 1, "hours per event: found 6 h; allowed: at most 4 h"),
    ],
)
def test_plan__says_in_one_line_what_is_wrong(
    told: int, environment: dict[str, str], wrong: dict[str, object], code: int, message: str
) -> None:
    done = run(environment, **wrong)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
