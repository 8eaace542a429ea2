import gzip
import os
import time
from pathlib import Path

import pyarrow as pa
import pytest

from gridflex.adapters.druid.batch import table_spec
from gridflex.adapters.druid.staging_area import StagingArea, as_csv
from gridflex.config import Config, load_config
from gridflex.domain.interval import Interval

ROWS = pa.table(
    {"time_ms": [1], "name": ['a "quoted", name'], "kwh": [0.1 + 0.2], "upper": pa.array([None], pa.float64())}
)


def configured(tmp_path: Path, inline_bytes: int) -> Config:
    return load_config(
        environ={"GRIDFLEX_LAUNCHER_STATE_DIR": str(tmp_path), "GRIDFLEX_BATCH_INLINE_BYTES": str(inline_bytes)}
    )


def test_csv__keeps_every_digit_and_leaves_nulls_empty() -> None:
    assert as_csv(ROWS).decode() == '"time_ms","name","kwh","upper"\n1,"a ""quoted"", name",0.30000000000000004,\n'


def test_stage__small_results_travel_inside_the_task(tmp_path: Path) -> None:
    with StagingArea(configured(tmp_path, 1000)).stage("history", b"time_ms\n1\n") as source:
        assert source["inputSource"] == {"type": "inline", "data": "time_ms\n1\n"}
    assert not (tmp_path / "exchange").exists()


def test_stage__large_results_stand_in_a_file_as_long_as_they_are_needed(tmp_path: Path) -> None:
    data = b"time_ms\n" + b"1\n" * 1000
    with StagingArea(configured(tmp_path, 100)).stage("history", data) as source:
        (path,) = source["inputSource"]["files"]
        assert source["inputSource"]["type"] == "local"
        assert gzip.decompress(Path(path).read_bytes()) == data
        assert Path(path).parent == tmp_path / "exchange"
    assert list((tmp_path / "exchange").iterdir()) == []


def test_stage__clears_what_a_killed_run_left_a_day_ago(tmp_path: Path) -> None:
    folder = tmp_path / "exchange"
    folder.mkdir()
    old, fresh = folder / "history-old.csv.gz", folder / "history-fresh.csv.gz"
    for path in (old, fresh):
        path.touch()
    os.utime(old, (time.time() - 90_000,) * 2)
    with StagingArea(configured(tmp_path, 1)).stage("history", b"time_ms\n1\n"):
        pass
    assert list(folder.iterdir()) == [fresh]


def test_stage__names_an_object_store_as_druid_does(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = load_config(
        environ={"GRIDFLEX_BATCH_EXCHANGE": "s3://lake/exchange?region=eu-west-1", "GRIDFLEX_BATCH_INLINE_BYTES": "1"}
    )
    staging_area = StagingArea(config)
    monkeypatch.setattr(staging_area, "_store", lambda: (pa.fs.LocalFileSystem(), str(tmp_path)))
    with staging_area.stage("history", b"time_ms\n1\n") as source:
        (uri,) = source["inputSource"]["uris"]
        assert source["inputSource"]["type"] == "s3"
        assert uri.startswith("s3://lake/exchange/history-")
        assert (tmp_path / uri.rsplit("/", 1)[1]).is_file()


@pytest.mark.parametrize(
    ("zone", "granularity"),
    [("UTC", "DAY"), ("Africa/Tunis", {"type": "period", "period": "P1D", "timeZone": "Africa/Tunis"})],
)
def test_table_spec__segments_are_days_of_the_configured_zone(zone: str, granularity: object) -> None:
    spec = table_spec("history", Interval(start_ms=0, end_ms=86_400_000), zone)
    found = spec["spec"]["dataSchema"]["granularitySpec"]
    assert found["segmentGranularity"] == granularity
    assert found["intervals"] == ["1970-01-01T00:00:00.000Z/1970-01-02T00:00:00.000Z"]
    assert spec["spec"]["ioConfig"]["dropExisting"]
    assert not spec["spec"]["ioConfig"]["appendToExisting"]
