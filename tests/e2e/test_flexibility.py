"""`gridflex curtail flex` and the SQL of docs/flexibility.md against what the stream told."""

from __future__ import annotations

import re
import subprocess
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from gridflex.config import ROOT
from gridflex.domain.flexibility import HORIZONS_MIN, quantiles
from gridflex.domain.readings import MS_PER_DAY
from tests.e2e.conftest import Running
from tests.support.flow import GRIDFLEX, gridflex, number, wait_for
from tests.support.topics import read_records

pytestmark = pytest.mark.e2e

HOUSES = ("701", "702", "703")
MINUTE_MS = 60_000
Told = list[dict[str, Any]]


@pytest.fixture(scope="module")
def told(running: Running, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Three generated houses over a day, one of which opted out... of being measured after some hours."""
    path = tmp_path_factory.mktemp("flexible")
    gridflex(running.environment, "generate", "redd", "--out", str(path), "--houses", "3", "--days", "1", "--seed", "9",
             "--json")  # fmt: skip
    for place, house in enumerate(HOUSES, start=1):
        folder = path / "low_freq" / f"house_{house}"
        (path / "low_freq" / f"house_{place}").rename(folder)
        if house == HOUSES[-1]:
            for channel in folder.glob("channel_*.dat"):
                lines = channel.read_text().splitlines(keepends=True)
                channel.write_text("".join(lines[: len(lines) // 2]))
    done = gridflex(running.environment, "replay", "redd", "--path", str(path), "--shifts", "0:1", "--replay-id",
                    "flexible", "--json")  # fmt: skip
    ids = ", ".join(f"'redd-{house}-0'" for house in HOUSES)
    query = f'SELECT SUM("count") FROM powerraw WHERE house_id IN ({ids})'
    wait_for("readings in Druid", lambda: number(running.druid, query), done["delivered"])
    latest = f"SELECT MAX(end_ms) FROM dutycycle WHERE kind = 'window' AND house_id = 'redd-{HOUSES[0]}-0'"
    last_ms = number(running.druid, f"SELECT MAX(last_event_time_ms) FROM powerraw WHERE house_id IN ({ids})")
    wait_for("windows of the last minutes", lambda: last_ms - number(running.druid, latest) < 2 * MINUTE_MS, True)
    kafka = running.config.kafka
    records = read_records(kafka.bootstrap_servers, kafka.topic_flexibility)
    wait_for("flexibility in Druid", lambda: number(running.druid, "SELECT SUM(appliances) FROM flexibility"),
             len(records))  # fmt: skip
    return records


@pytest.fixture(scope="module")
def minute_ms(told: Told) -> int:
    """A minute of the afternoon, when the third house is silent."""
    own = {record["event_time_ms"] for record in told if record["house_id"] == f"redd-{HOUSES[0]}-0"}
    return max(own) // MS_PER_DAY * MS_PER_DAY + 18 * 60 * MINUTE_MS


def at(minute_ms: int) -> str:
    return datetime.fromtimestamp(minute_ms / 1000, UTC).isoformat()


def flex(running: Running, *arguments: str) -> Told:
    rows: Told = gridflex(running.environment, "curtail", "flex", "--json", *arguments)
    return rows


def test_flex__is_the_sum_of_what_each_appliance_told(running: Running, told: Told, minute_ms: int) -> None:
    found = flex(running, "--at", at(minute_ms))

    slices: dict[tuple[str, str, str], Told] = defaultdict(list)
    for record in told:
        if record["event_time_ms"] == minute_ms:
            slices[record["region"], record["feeder"], record["appliance"]].append(record)
    assert slices
    by_slice = {(row["region"], row["feeder"], row["appliance"], row["horizon_min"]): row for row in found}
    assert len(by_slice) == len(found)
    for (region, feeder, appliance), records in slices.items():
        for horizon in HORIZONS_MIN:
            moments = (
                sum(record[name.format(horizon)] for record in records)
                for name in ("flex_{}_w", "variance_{}_w2", "shared_{}_w")
            )
            expected = [float(one) / 1000 for one in quantiles(*map(np.array, moments))]
            row = by_slice[region, feeder, appliance, horizon]
            assert [row["p10_kw"], row["p50_kw"], row["p90_kw"]] == pytest.approx(expected, abs=2e-6)
    assert sum(row["p50_kw"] for row in found) > 0.1


def test_flex__rests_on_fresh_data_alone(running: Running, told: Told, minute_ms: int) -> None:
    silent = {
        (record["region"], record["feeder"], record["appliance"])
        for record in told
        if record["house_id"] == f"redd-{HOUSES[-1]}-0"
    }
    speaking = {
        (record["region"], record["feeder"], record["appliance"])
        for record in told
        if record["event_time_ms"] == minute_ms
    }
    only_silent = silent - speaking
    assert only_silent
    found = flex(running, "--at", at(minute_ms))
    for row in found:
        key = (row["region"], row["feeder"], row["appliance"])
        assert 0 <= row["p10_kw"] <= row["p50_kw"] <= row["p90_kw"]
        assert 0 <= row["fresh_share"] <= 1
        if key in only_silent:
            assert (row["p90_kw"], row["fresh_share"]) == (0, 0)
    assert only_silent <= {(row["region"], row["feeder"], row["appliance"]) for row in found}
    shares = {row["fresh_share"] for row in found if (row["region"], row["feeder"], row["appliance"]) in speaking}
    assert 1 in shares


def test_flex__filters_by_region_and_feeder(running: Running, minute_ms: int) -> None:
    everything = flex(running, "--at", at(minute_ms))
    region, feeder = everything[0]["region"], everything[0]["feeder"]
    of_region = flex(running, "--at", at(minute_ms), "--region", region)
    assert of_region == [row for row in everything if row["region"] == region]
    of_feeder = flex(running, "--at", at(minute_ms), "--region", region, "--feeder", feeder)
    assert of_feeder == [row for row in of_region if row["feeder"] == feeder]


def test_flex__says_which_regions_there_are(running: Running, minute_ms: int) -> None:
    done = run(running, "--at", at(minute_ms), "--region", "Atlantis")
    assert done.returncode == 2
    assert re.search(r"no region 'Atlantis'; known: \w+", done.stderr)


def test_flex__tells_people_the_totals_and_the_units(running: Running, minute_ms: int) -> None:
    found = flex(running, "--at", at(minute_ms))
    done = run(running, "--at", at(minute_ms))
    assert done.returncode == 0, done.stderr
    now_kw = sum(row["p50_kw"] for row in found if row["horizon_min"] == 0)
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("all ")]
    assert f"{now_kw:,.2f} (" in line
    assert "kW: P50 (P10 to P90)" in done.stdout
    assert "rebound kWh" in done.stdout


def test_flex__without_a_reading_at_that_minute_says_so(running: Running, told: Told) -> None:
    later = at(max(record["event_time_ms"] for record in told) + 60 * MINUTE_MS)
    assert sum(row["p90_kw"] for row in flex(running, "--at", later)) == 0
    done = run(running, "--at", later)
    assert "No fresh data at that minute: the newest minute with flexibility is" in done.stdout


def test_documented_sql__gives_the_numbers_of_the_command(running: Running, minute_ms: int) -> None:
    text = (ROOT / "docs" / "flexibility.md").read_text(encoding="utf-8")
    queries = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
    assert len(queries) == 2
    now = "TIME_FLOOR(CURRENT_TIMESTAMP - INTERVAL '90' SECOND, 'PT1M')"
    by_region, fresh = (query.replace(now, f"MILLIS_TO_TIMESTAMP({minute_ms})") for query in queries)
    found = flex(running, "--at", at(minute_ms))
    for row in running.druid.sql(by_region):
        own = [one for one in found if one["region"] == row["region"] and one["horizon_min"] == 60]
        assert row["p50_mw"] * 1000 == pytest.approx(sum(one["p50_kw"] for one in own), abs=1e-5)
        assert row["p10_mw"] <= row["p50_mw"] <= row["p90_mw"]
        assert row["households"] >= (row["p50_mw"] > 0)
        if len(own) == 1:
            assert row["p90_mw"] * 1000 == pytest.approx(own[0]["p90_kw"], abs=1e-5)
    shares = {(row["region"], row["feeder"], row["appliance"]): row["fresh"] / row["known"]
              for row in running.druid.sql(fresh)}  # fmt: skip
    expected = {(row["region"], row["feeder"], row["appliance"]): row["fresh_share"] for row in found}
    assert shares == pytest.approx(expected, abs=1e-6)


def run(running: Running, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(GRIDFLEX), "curtail", "flex", *arguments]
    return subprocess.run(command, check=False, env=running.environment, cwd=ROOT, capture_output=True, text=True,
                          timeout=120)  # fmt: skip
