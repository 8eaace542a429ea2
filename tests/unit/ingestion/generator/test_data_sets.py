"""What the generator writes: the native layouts, the native defects, and nothing by chance."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from gridflex.config import Readings
from gridflex.domain.readings import MS_PER_DAY, Floats
from gridflex.errors import UsageError
from ingestion.feeds import Reader, open_reader
from ingestion.generator.commands import generate as command
from ingestion.generator.generate import GeneratorSpec, Summary, discard, generate

DAY = date(2012, 2, 29)


def make(out: Path, dataset: str, **changes: object) -> Summary:
    order = {"houses": 2, "days": 1, "seed": 7, "start": DAY, "defects": 1.0, **changes}
    return generate(GeneratorSpec(dataset=dataset, out=out, **order))  # type: ignore[arg-type]


def opened(path: Path, dataset: str) -> Reader:
    return open_reader(dataset, path, houses=None, readings=Readings())


def totals(reader: Reader) -> tuple[int, Counter[str], Floats]:
    """Delivered, rejected by reason, Wh by series."""
    delivered, rejected, energy_wh = 0, Counter[str](), np.zeros(len(reader.series))
    for block in reader.blocks():
        delivered += len(block)
        for rejection in block.rejections:
            rejected[rejection.reason] += rejection.count
        energy_wh += np.bincount(block.series, block.power_w * block.observed_s / 3600, len(reader.series))
    return delivered, rejected, energy_wh


def content(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


@pytest.mark.parametrize(
    ("kind", "start", "days", "lead_days"),
    [
        ("redd", "1969-12-31", 1, 0), ("redd", "2099-12-31", 2, 0), ("greend", "2000-01-01", 1, 0),
        ("greend", "2049-12-30", 9, 0), ("redd", "2001-06-01", 1, 400), ("redd", "9999-12-31", 1, 0),
        ("redd", "2011-01-01", 10**9, 0), ("redd", "0001-01-01", 1, 5),
    ],
)  # fmt: skip
def test_generate__impossible_years_are_refused(
    tmp_path: Path, kind: str, start: str, days: int, lead_days: int
) -> None:
    with pytest.raises(UsageError, match="all days must lie between 2001-01-02 and 2049-12-30"):
        make(tmp_path / "out", kind, start=date.fromisoformat(start), days=days, lead_days=lead_days)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("kind", "start"), [("greend", "2001-01-02"), ("redd", "2049-12-30")])
def test_generate__any_possible_year_is_read_again_in_full(tmp_path: Path, kind: str, start: str) -> None:
    summary = make(tmp_path / "out", kind, start=date.fromisoformat(start), houses=1, defects=0.0)
    assert totals(opened(tmp_path / "out", kind))[0] == summary.readings


@pytest.mark.parametrize("defects", ["nan", "inf", "-1", "1001"])
def test_generate__defects_beyond_measure_are_refused(tmp_path: Path, defects: str) -> None:
    done = CliRunner().invoke(
        command, ["redd", "--out", str(tmp_path / "out"), "--houses", "1", "--days", "1", "--defects", defects]
    )
    assert done.exit_code == 2
    assert "--defects" in done.output


@pytest.fixture(scope="module", params=["redd", "greend"])
def dataset(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def made(dataset: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Summary]:
    """Two houses of one day with many defects."""
    out = tmp_path_factory.mktemp("made") / dataset
    return out, make(out, dataset, defects=5.0)


def test_generate__the_same_order_gives_the_same_bytes_and_another_seed_others(
    dataset: str, made: tuple[Path, Summary], tmp_path: Path
) -> None:
    again, other = tmp_path / "again", tmp_path / "other"
    make(again, dataset, defects=5.0)
    make(other, dataset, defects=5.0, seed=8, houses=1)
    first = content(made[0])
    assert content(again) == first
    changed = [name for name, data in content(other).items() if name in first and first[name] != data]
    assert len(changed) > 1


def test_generate__a_house_does_not_depend_on_how_many_there_are(
    dataset: str, made: tuple[Path, Summary], tmp_path: Path
) -> None:
    make(tmp_path / "one", dataset, defects=5.0, houses=1)
    alone, both = content(tmp_path / "one"), content(made[0])
    files = [name for name in alone if "/" in name]
    assert len(files) > 1
    assert all(alone[name] == both[name] for name in files)


def test_generate__its_readings_are_those_that_a_reader_delivers(dataset: str, made: tuple[Path, Summary]) -> None:
    delivered, rejected, _ = totals(opened(made[0], dataset))
    assert delivered == made[1].readings
    expected = {"greend": {"missing", "bad_time", "broken_line", "unknown_column"}, "redd": set()}
    assert set(rejected) == expected[dataset]


def test_generate__fills_whole_utc_days(dataset: str, made: tuple[Path, Summary]) -> None:
    first, last = opened(made[0], dataset).span_ms()
    midnight = int(datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC).timestamp() * 1000)
    assert midnight <= first < midnight + 5000
    assert midnight + MS_PER_DAY - 5000 < last < midnight + MS_PER_DAY


def test_generate__without_defects_nothing_is_wrong(dataset: str, tmp_path: Path) -> None:
    summary = make(tmp_path / "clean", dataset, defects=0.0, houses=1)
    delivered, rejected, _ = totals(opened(tmp_path / "clean", dataset))
    assert (delivered, rejected) == (summary.readings, Counter())
    truth = [json.loads(line) for line in (tmp_path / "clean/truth.jsonl").read_text().splitlines()]
    assert len(truth) == summary.activations
    assert all(line["observed"] for line in truth)


def redd_times(folder: Path) -> Iterator[Floats]:
    for file in folder.glob("low_freq/house_1/channel_*.dat"):
        yield np.fromfile(file, sep=" ").reshape(-1, 2)[:, 0]


def test_generate_redd__rows_are_out_of_order_and_steps_long_as_in_the_real_set(tmp_path: Path) -> None:
    make(tmp_path / "redd", "redd", houses=1)
    back, steps = [], []
    for time_s in redd_times(tmp_path / "redd"):
        back += [float(step) for step in np.diff(time_s) if step < 0]
        steps.append(np.diff(np.sort(time_s)))
    every = np.concatenate(steps)
    assert min(back) >= -94
    assert -7 in back
    assert set(np.unique(every[every < 60])) == {3.0, 4.0, 8.0, 9.0}
    assert np.mean(every > 4) == pytest.approx(0.005, abs=0.002)


def test_generate_redd__labels_have_the_real_typos_only_with_defects(tmp_path: Path) -> None:
    for defects, label in ((1.0, "dishwaser"), (0.0, "dishwasher")):
        make(tmp_path / label, "redd", houses=1, defects=defects)
        assert label in (tmp_path / label / "low_freq/house_1/labels.dat").read_text().split()


def test_generate_redd__mains_are_the_sum_of_the_circuits_and_a_rest(tmp_path: Path) -> None:
    make(tmp_path / "redd", "redd", defects=0.0)
    reader = opened(tmp_path / "redd", "redd")
    _, _, energy_wh = totals(reader)
    for house in ("1", "2"):
        mains = sum(
            wh
            for wh, one in zip(energy_wh, reader.series, strict=True)
            if one.house == house and one.appliance == "mains"
        )
        rest = sum(
            wh
            for wh, one in zip(energy_wh, reader.series, strict=True)
            if one.house == house and one.appliance != "mains"
        )
        assert mains - rest == pytest.approx(2 * 60 * 24, rel=0.05)
        assert 3000 < mains < 25_000


def test_generate_greend__has_every_defect_of_the_real_set(tmp_path: Path) -> None:
    make(tmp_path / "greend", "greend", houses=1, days=2, defects=10.0)
    folder = tmp_path / "greend/building0"
    text = b"".join(file.read_bytes() for file in sorted(folder.glob("dataset_2012-*.csv")))
    headers = [line for line in text.split(b"\n") if line.startswith(b"timestamp")]
    fields = Counter(line.count(b",") for line in text.split(b"\n") if line[:1] == b"1")
    assert len(headers) > 5
    assert len(set(headers)) > 1
    assert {8, 9, 10} <= set(fields)
    assert b"NULL" in text
    assert b"\0" * 10 in text
    assert b"timestamp" in b"".join(line[1:] for line in text.split(b"\n"))
    assert (folder / "dataset_2012-02-28.csv").read_bytes() == b""
    assert b"\n94668484" in (folder / "dataset_2000-01-01.csv").read_bytes()
    labels = json.loads((tmp_path / "greend/labels.json").read_text())
    assert "fride w/ freezer" in labels["building0"]


def test_generate__never_writes_into_a_folder_in_use(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="not empty"):
        make(tmp_path, "redd")
    discard(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["mine.txt"]


def test_command__ends_with_one_json_object_and_can_replace_its_own_work(tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ["redd", "--out", str(out), "--houses", "1", "--days", "1", "--start", "2012-02-29", "--json"]
    found = json.loads(CliRunner().invoke(command, arguments, catch_exceptions=False).output)
    assert found["readings"] == totals(opened(out, "redd"))[0]
    assert {key: found[key] for key in ("dataset", "houses", "days", "path")} == {
        "dataset": "redd", "houses": 1, "days": 1, "path": str(out),
    }  # fmt: skip
    assert isinstance(CliRunner().invoke(command, arguments).exception, UsageError)
    before = content(out)
    assert json.loads(CliRunner().invoke(command, [*arguments, "--force"]).output) == found
    assert content(out) == before


def test_command__explains_itself() -> None:
    text = CliRunner().invoke(command, ["--help"]).output
    assert all(option in text for option in ("--out", "--houses", "--days", "--seed", "--start", "--defects", "--json"))
