"""One data set's whole way, from its files to Druid's answers; of a real one some hours in a run that samples."""

import shutil
from collections import Counter
from pathlib import Path

import pytest

from gridflex.config import ROOT
from ingestion.premises import load_premises
from tests.e2e.conftest import Running
from tests.support.energy import greend_energy_wh, redd_energy_wh
from tests.support.flow import (
    base_days_of,
    expected_flexibility,
    expected_rows,
    gridflex,
    number,
    rejections,
    sums_by_appliance,
    told_flexibility,
    told_rows,
    wait_for,
)
from tests.support.sampling import Sampler

pytestmark = pytest.mark.e2e

REAL = "real data sets, from files to Druid"
REDD_HOURS_S = range(1303160647, 1303189447)
"""Eight hours of house 5; the first that are late are among them."""
REDD_HOURS_READ = 166_728
GREEND_LINES = 21_600
"""Six hours of rows, before and after the second midnight; values are missing for ten minutes."""


def play(running: Running, dataset: str, path: Path, *houses: str) -> dict[str, object]:
    """Replay all of it and wait until Druid has counted every reading."""
    chosen = ("--houses", ",".join(houses)) if houses else ()
    done = gridflex(running.environment, "replay", dataset, "--path", str(path), *chosen, "--shifts", "0:1", "--json")
    assert done["read"] == done["delivered"] + sum(done["rejected"].values())
    query = f'SELECT SUM("count") FROM powerraw WHERE house_id IN ({house_ids(dataset, houses)})'
    wait_for(f"readings of {dataset} in Druid", lambda: number(running.druid, query), done["delivered"])
    return done


def house_ids(dataset: str, houses: tuple[str, ...]) -> str:
    return ", ".join(f"'{dataset}-{house}-0'" for house in houses or ("0",))


def assert_energy(running: Running, dataset: str, house: str, energies: dict[str, float]) -> None:
    found = sums_by_appliance(running.druid, dataset)
    for channel, energy_wh in energies.items():
        assert found[f"{dataset}-{house}-0-{channel}"][1] == pytest.approx(energy_wh, rel=1e-9, abs=1e-9)


def assert_stream_is_batch(running: Running, dataset: str, path: Path, houses: tuple[str, ...]) -> None:
    """What the stream said of these houses; other tests play other houses of the same data set on the same stack."""
    base = base_days_of(running.config, dataset, houses)
    expected = expected_rows(running.config, dataset, path, houses, base)
    flexible = expected_flexibility(running.config, dataset, path, houses, base)
    own = {row[0] for row in (*expected, *flexible)}

    def of_own(rows: Counter[tuple[object, ...]]) -> Counter[tuple[object, ...]]:
        return Counter({row: count for row, count in rows.items() if row[0] in own})

    wait_for("rows of the stream", lambda: of_own(told_rows(running.config, dataset)) == expected, True)
    query = f"SELECT COUNT(*) FROM dutycycle WHERE house_id IN ({house_ids(dataset, houses)})"
    wait_for("rows of the stream in Druid", lambda: number(running.druid, query), expected.total())
    found = "flexibility of the stream"
    wait_for(found, lambda: of_own(told_flexibility(running.config, dataset)) == flexible, True)
    premises = load_premises(ROOT / running.config.replay.premises)
    (region,) = {premises.place(dataset, house, 0).region for house in houses}
    query = f"SELECT SUM(appliances) FROM flexibility WHERE dataset = '{dataset}' AND region = '{region}'"
    wait_for("flexibility in Druid", lambda: number(running.druid, query), flexible.total())


def hours_of_redd(house: Path, copy: Path) -> None:
    """Copy some hours of a house."""
    copy.mkdir(parents=True)
    shutil.copy(house / "labels.dat", copy)
    for file in house.glob("channel_*.dat"):
        with file.open() as lines:
            (copy / file.name).write_text("".join(one for one in lines if int(one.split()[0]) in REDD_HOURS_S))


def hours_of_greend(data: Path, copy: Path) -> None:
    """Copy the last hours of a building's second day and the first of its third."""
    (copy / "building0").mkdir(parents=True)
    shutil.copy(data / "labels.json", copy)
    second, third = sorted((data / "building0").glob("dataset_*.csv"))[1:3]
    head, *rows = second.read_text().splitlines(keepends=True)
    (copy / "building0" / second.name).write_text("".join([head, *rows[-GREEND_LINES:]]))
    rows = third.read_text().splitlines(keepends=True)
    (copy / "building0" / third.name).write_text("".join(rows[: GREEND_LINES + 1]))


@pytest.mark.sampled(1, pool=REAL)
def test_redd__real_house_reaches_druid_to_the_last_reading(
    running: Running, shared_data: Path, tmp_path: Path, sampler: Sampler
) -> None:
    path, read, late = shared_data / "redd", 1_930_008, 38
    if sampler.seed is not None:
        hours_of_redd(path / "low_freq" / "house_5", tmp_path / "low_freq" / "house_5")
        path, read, late = tmp_path, REDD_HOURS_READ, 19
    done = play(running, "redd", path, "5")
    assert (done["read"], done["rejected"]) == (read, {"late": late})
    assert_energy(running, "redd", "5", redd_energy_wh(path / "low_freq" / "house_5"))
    assert_stream_is_batch(running, "redd", path, ("5",))
    assert rejections(running.config, "replay") == {"late": late}


@pytest.mark.sampled(1, pool=REAL)
def test_greend__real_plugs_reach_druid_to_the_last_reading(
    running: Running, shared_data: Path, tmp_path: Path, sampler: Sampler
) -> None:
    path, read = shared_data / "greend_format_from_eco", 1_033_770
    if sampler.seed is not None:
        hours_of_greend(path, tmp_path)
        path, read = tmp_path, 2 * 3 * GREEND_LINES
    done = play(running, "greend", path)
    assert done["read"] == read
    assert_energy(running, "greend", "0", greend_energy_wh(path / "building0"))
    assert_stream_is_batch(running, "greend", path, ("0",))
