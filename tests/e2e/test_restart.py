"""`gridflex down` ends the stack, `gridflex up` brings back what was up. Last of all: the demo's houses play on."""

import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from gridflex.operations.local.replay_service import REPLAY, demo_data, replay_status
from gridflex.operations.local.spark_service import SPARK
from tests.e2e.conftest import RECOVERIES, Running
from tests.support.flow import ROOT
from tests.support.stack import leftovers, pids, wait_until

pytestmark = pytest.mark.e2e


@pytest.mark.sampled(1, pool=RECOVERIES)
def test_up__brings_back_the_replay_that_was_up_before_down(running: Running) -> None:
    stack = running.stack
    today, folder = datetime.now(UTC).date().isoformat(), str(demo_data(stack.config))
    options = ("--out", folder, "--houses", "1", "--days", "1", "--start", today)
    subprocess.run([sys.executable, "-m", "ingestion", "generate", "redd", *options], cwd=ROOT, check=True)
    stack.up([REPLAY])

    def played() -> dict[str, int]:
        told: dict[str, int] = json.loads(replay_status(stack.config).read_text())
        return told

    wait_until(lambda: played()["delivered"] > 1000, what="the replay plays")
    before = pids(stack)
    assert {REPLAY, SPARK} <= set(stack.down())
    assert leftovers(stack) == []
    kept = played()
    up = stack.up()
    after = pids(stack)
    assert {REPLAY, SPARK} <= set(up)
    assert "superset" not in up
    assert after.keys() == before.keys()
    assert all(after.values())
    assert played()["delivered"] >= kept["delivered"]
    ours = "dataset = 'redd' AND house_id LIKE 'redd-1-%'"
    asked = f"SELECT SUM(\"count\") AS n FROM powerraw WHERE {ours} AND __time >= CURRENT_TIMESTAMP - INTERVAL '2' DAY"
    wait_until(lambda: (running.druid.sql(asked)[0]["n"] or 0) >= kept["delivered"], 120, "its readings are in Druid")
