"""What generated houses did before their files begin."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest

from gridflex.adapters.druid.batch import SPEC_DIR
from gridflex.config import ROOT
from gridflex.domain.readings import MS_PER_DAY
from gridflex.errors import UsageError
from ingestion.generator.backfill import as_stored
from ingestion.generator.generate import GeneratorSpec, first_second, generate, planned, read_spec
from ingestion.generator.lead_days import lead_day_rows
from ingestion.premises import load_premises

PREMISES = load_premises(ROOT / "ingestion" / "premises.csv")


def spec(out: Path, **changes: object) -> GeneratorSpec:
    made = GeneratorSpec(
        dataset="redd", out=out, houses=2, days=1, seed=4, start=date(2024, 5, 6), defects=0, lead_days=3
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_past__has_each_circuit_in_each_half_hour_of_the_lead_days(tmp_path: Path) -> None:
    rows = lead_day_rows(spec(tmp_path), PREMISES)
    start_ms = first_second(spec(tmp_path)) * 1000
    times = rows["time_ms"].to_numpy()
    assert (times.min(), times.max()) == (start_ms - 3 * MS_PER_DAY, start_ms - 1_800_000)
    assert len(rows) == 3 * 48 * len(set(rows["appliance_id"].to_pylist()))
    assert "mains" not in set(rows["appliance"].to_pylist())
    assert pc.sum(rows["energy_wh"]).as_py() == pytest.approx(pc.sum(rows["power_w"]).as_py() / 2)


def test_past__is_of_the_houses_that_are_written(tmp_path: Path) -> None:
    generate(spec(tmp_path / "out"))
    truth = [json.loads(line) for line in (tmp_path / "out" / "truth.jsonl").read_text().splitlines()]
    start_ms = first_second(spec(tmp_path)) * 1000
    assert min(line["start_ms"] for line in truth) >= start_ms
    rows = lead_day_rows(read_spec(tmp_path / "out"), PREMISES)
    assert {line["appliance_id"] for line in truth} <= set(rows["appliance_id"].to_pylist())
    fridge = next(line for line in truth if line["appliance"] == "fridge")
    past_w = rows.filter(pc.equal(rows["appliance_id"], fridge["appliance_id"]))["power_w"].to_numpy()
    assert 0.1 * fridge["power_w"] < np.mean(past_w) < fridge["power_w"]


def test_lead_days__change_neither_which_houses_there_are_nor_when_files_begin(tmp_path: Path) -> None:
    without, with_lead = planned(spec(tmp_path, lead_days=0), 0), planned(spec(tmp_path), 0)
    assert without.labels(typos=False) == with_lead.labels(typos=False)
    generate(spec(tmp_path / "out"))
    first = (tmp_path / "out" / "low_freq" / "house_1" / "channel_3.dat").read_text().split()[0]
    assert 0 <= float(first) - first_second(spec(tmp_path)) < 10


def test_rows__have_what_the_rollups_spec_reads(tmp_path: Path) -> None:
    schema = json.loads((SPEC_DIR / "batch_powerraw.json").read_text())["spec"]["dataSchema"]
    stream = json.loads((SPEC_DIR / "powerraw.json").read_text())["spec"]["dataSchema"]
    read = {metric["fieldName"] for metric in schema["metricsSpec"]} | set(schema["dimensionsSpec"]["dimensions"])
    stored = as_stored(lead_day_rows(spec(tmp_path), PREMISES))
    assert set(stored.column_names) == {schema["timestampSpec"]["column"], *read}
    assert [metric["name"] for metric in schema["metricsSpec"]] == [one["name"] for one in stream["metricsSpec"]]
    assert schema["dimensionsSpec"] == stream["dimensionsSpec"]
    assert not schema["granularitySpec"]["rollup"], "a row that is summed up with a replay's can't be taken back"
    assert schema["granularitySpec"]["segmentGranularity"] == stream["granularitySpec"]["segmentGranularity"]
    assert schema["granularitySpec"]["queryGranularity"] == stream["granularitySpec"]["queryGranularity"]


def test_order__of_a_foreign_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no order.json"):
        read_spec(tmp_path)
